import type { ZkSession } from '../client/session.ts';
import type { Paths, SkuPaths } from './paths.ts';
import { Setting } from './setting.ts';
import {
  type Parser,
  parseChallenge,
  parseFactor,
  parseKeep,
  parseShare,
  parseShed,
  parseStart,
  parseState,
  parseUnits,
  parseWaitlist,
  parseWaitMs,
} from './values.ts';

/**
 * The values that are followed, each of them once: where it stands, how it is read, and whether deleting it
 * is an edit. The keeper and the web nodes follow this table; the lists have one of their own (`lists.ts`).
 */

interface SettingKind<T, Place> {
  readonly path: (place: Place) => string;
  readonly parser: Parser<T>;
  /** Deleting it is an edit; deleting another value changes nothing. */
  readonly isOptional: boolean;
}

function kind<T, Place>(
  path: (place: Place) => string,
  parser: Parser<T>,
  { isOptional = false } = {},
): SettingKind<T, Place> {
  return { path, parser, isOptional };
}

const OPTIONAL = { isOptional: true };

/** For all SKUs. */
export const COMMON_SETTINGS = {
  keep: kind((paths: Paths) => paths.keep, parseKeep),
  shed: kind((paths: Paths) => paths.shed, parseShed),
  challenge: kind((paths: Paths) => paths.challenge, parseChallenge, OPTIONAL),
};

/** What `keep = auto` goes by. */
export const AUTO_KEEP_SETTINGS = {
  factor: kind(({ autoKeep }: Paths) => autoKeep.factor, parseFactor, OPTIONAL),
  waitMs: kind(({ autoKeep }: Paths) => autoKeep.waitMs, parseWaitMs, OPTIONAL),
  start: kind(({ autoKeep }: Paths) => autoKeep.start, parseStart, OPTIONAL),
};

/** Of one SKU. */
export const SKU_SETTINGS = {
  quota: kind((sku: SkuPaths) => sku.quota, parseUnits),
  state: kind((sku: SkuPaths) => sku.state, parseState),
  keep: kind((sku: SkuPaths) => sku.keep, parseKeep, OPTIONAL),
  shed: kind((sku: SkuPaths) => sku.shed, parseShed, OPTIONAL),
  challenge: kind((sku: SkuPaths) => sku.challenge, parseChallenge, OPTIONAL),
  waitlist: kind((sku: SkuPaths) => sku.waitlist, parseWaitlist, OPTIONAL),
};

/** The keeper's own value, in force while `keep` says `auto`. */
export const AUTO_KEEP_SHARE = kind((sku: SkuPaths) => sku.autoKeep, parseShare, OPTIONAL);

/** Units of one SKU that a node is to hold. */
export const pinOf = (node: string) => kind((sku: SkuPaths) => sku.pin(node), parseUnits, OPTIONAL);

export interface Follower {
  readonly session: ZkSession;
  readonly paths: Paths;
  readonly onChange: () => void;
  /** As of `Setting`. */
  readonly seesChildren?: boolean;
  readonly lastText?: (path: string) => Promise<string | undefined>;
}

type Kinds<Place> = Readonly<Record<string, SettingKind<unknown, Place>>>;

export type Followed<K> = {
  readonly [Name in keyof K]: K[Name] extends { readonly parser: Parser<infer T> }
    ? Setting<T>
    : never;
};

/** Follows values of the table until each of them is closed. */
export function follow<Place, K extends Kinds<Place>>(
  kinds: K,
  place: Place,
  follower: Follower,
): Followed<K> {
  const names: [string, SettingKind<unknown, Place>][] = Object.entries(kinds);
  const settings = names.map(([name, one]) => [name, followOne(one, place, follower)] as const);
  return Object.fromEntries(settings) as unknown as Followed<K>;
}

export function followOne<T, Place>(
  { path: pathOf, parser, isOptional }: SettingKind<T, Place>,
  place: Place,
  { paths, ...follower }: Follower,
): Setting<T> {
  const path = pathOf(place);
  return new Setting<T>({ ...follower, path, errorPath: paths.error(path), parser, isOptional });
}
