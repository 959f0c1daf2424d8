import { isName } from '../../contracts/names.ts';
import type { Observation } from '../../zk/client/observe.ts';
import type { ZkSession } from '../../zk/client/session.ts';
import { ListSettings } from '../../zk/tree/lists.ts';
import type { Paths, SkuPaths } from '../../zk/tree/paths.ts';
import type { Setting } from '../../zk/tree/setting.ts';
import {
  AUTO_KEEP_SETTINGS,
  COMMON_SETTINGS,
  type Followed,
  type Follower,
  follow,
  followOne,
  pinOf,
  SKU_SETTINGS,
} from '../../zk/tree/settings.ts';
import type { ChallengeSwitch, Keep, ShedWay } from '../../zk/tree/values.ts';
import { LastTexts } from './last-texts.ts';

/** Follows everything that operators write, for the leading keeper. */

export interface SkuEdits extends Followed<typeof SKU_SETTINGS> {
  readonly pins: Map<string, Setting<number>>;
}

interface FollowedSku extends SkuEdits {
  readonly children: Observation;
  /** Names below the SKU that no setting has. */
  unknownNames: readonly string[];
  readonly pinNames: Observation;
}

const SKU_CHILDREN: readonly string[] = [
  'quota',
  'state',
  'keep',
  'shed',
  'auto-keep',
  'challenge',
  'waitlist',
  'pins',
  'grants',
];

/** An edit without effect and its reason. */
export interface Problem {
  readonly path: string;
  readonly refused: string | null;
  readonly reason: string;
  readonly inForce: string | null;
}

/**
 * A node created by an operator, and its identity: a node that was deleted and created again has
 * another transaction.
 */
export interface MadeNode {
  readonly path: string;
  /** Transaction that created the node. */
  readonly created: bigint;
}

export class Edits {
  readonly keep: Setting<Keep>;
  readonly autoKeep: Followed<typeof AUTO_KEEP_SETTINGS>;
  readonly shed: Setting<ShedWay>;
  readonly challenge: Setting<ChallengeSwitch>;
  readonly lists: ListSettings;
  readonly skus = new Map<string, SkuEdits>();
  /** Resolves when everything that existed at the start has been read. */
  readonly known: Promise<void>;
  #session: ZkSession;
  #paths: Paths;
  #onChange: () => void;
  #follower: Follower;
  readonly #lastTexts: LastTexts;
  #names: Observation;
  #badNames: readonly string[] = [];

  constructor(session: ZkSession, paths: Paths, onChange: () => void) {
    this.#session = session;
    this.#paths = paths;
    this.#onChange = onChange;
    this.#lastTexts = new LastTexts(session, paths);
    const lastText = (path: string) => this.#lastTexts.of(path);
    this.#follower = { session, paths, onChange, seesChildren: true, lastText };
    const { keep, shed, challenge } = follow(COMMON_SETTINGS, paths, this.#follower);
    this.keep = keep;
    this.shed = shed;
    this.challenge = challenge;
    this.autoKeep = follow(AUTO_KEEP_SETTINGS, paths, this.#follower);
    const errorPath = (path: string) => paths.error(path);
    this.lists = new ListSettings({ session, root: paths.root, errorPath, lastText, onChange });
    this.#names = session.watchChildren(paths.skus, (names) => this.#follow(names));
    this.known = this.#names.first.then(async () => {
      await Promise.all(this.#global().map(({ known }) => known));
      for (const sku of this.#followed()) {
        await sku.children.first;
        await sku.pinNames.first;
        await Promise.all(this.#settingsOf(sku).map(({ known }) => known));
      }
      // What is created from now on is new: that there was one of this name before does not matter.
      this.#follower = { session, paths, onChange, seesChildren: true };
    });
  }

  #global(): Setting<unknown>[] {
    const { keep, shed, challenge, autoKeep, lists } = this;
    return [keep, shed, challenge, ...Object.values(autoKeep), ...lists.settings];
  }

  #followed(): FollowedSku[] {
    return [...this.skus.values()] as FollowedSku[];
  }

  #settingsOf(sku: SkuEdits): Setting<unknown>[] {
    const { quota, state, keep, shed, challenge, waitlist, pins } = sku;
    return [quota, state, keep, shed, challenge, waitlist, ...pins.values()];
  }

  #follow(names: readonly string[]): void {
    this.#badNames = names.filter((name) => !isName(name));
    const present = new Set(names.filter(isName));
    for (const [sku, edits] of this.skus) {
      if (present.has(sku)) continue;
      this.#unfollow(edits as FollowedSku);
      this.skus.delete(sku);
    }
    for (const sku of present) {
      if (!this.skus.has(sku)) this.skus.set(sku, this.#followSku(this.#paths.sku(sku)));
    }
    this.#onChange();
  }

  #followSku(paths: SkuPaths): FollowedSku {
    // zkCli.sh creates no parents. This does not recreate a SKU that was deleted meanwhile.
    void this.#session.create(paths.pins, '');
    const pins = new Map<string, Setting<number>>();
    const children = this.#session.watchChildren(paths.sku, (names) => {
      sku.unknownNames = names.filter((name) => !SKU_CHILDREN.includes(name));
      this.#onChange();
    });
    const sku: FollowedSku = {
      children,
      unknownNames: [],
      ...follow(SKU_SETTINGS, paths, this.#follower),
      pins,
      pinNames: this.#session.watchChildren(paths.pins, (nodes) => {
        const present = new Set(nodes);
        for (const [node, pin] of pins) {
          if (present.has(node)) continue;
          pin.close();
          pins.delete(node);
        }
        for (const node of nodes) {
          if (!pins.has(node)) pins.set(node, followOne(pinOf(node), paths, this.#follower));
        }
        this.#onChange();
      }),
    };
    return sku;
  }

  /**
   * Returns the edits without effect.
   *
   * @param unitsOf the units of a SKU; undefined when the catalogue does not have the SKU, and 'unknown'
   *   when its home may be away
   * @param isAlive whether a web node is alive
   */
  problems(
    unitsOf: (sku: string) => number | 'unknown' | undefined,
    isAlive: (node: string) => boolean,
  ): Problem[] {
    const problems: Problem[] = this.#global().flatMap(ownProblem);
    for (const name of this.#badNames) {
      const reason = 'it is not a valid SKU name (letters, digits, - and _, at most 40)';
      const path = `${this.#paths.skus}/${name}`;
      problems.push({ path, refused: name, reason, inForce: null });
    }
    for (const [sku, edits] of this.skus) {
      const units = unitsOf(sku);
      for (const setting of this.#settingsOf(edits)) {
        if (units !== undefined) problems.push(...ownProblem(setting));
        else if (setting.observed) {
          const reason = `the catalogue has no SKU ${sku}`;
          const refused = setting.observed.text.slice(0, 64);
          problems.push({ path: setting.path, refused, reason, inForce: setting.text ?? null });
        }
      }
      if (units === undefined) continue;
      problems.push(...unknownNamesOf(this.#paths.sku(sku).sku, edits as FollowedSku));
      if (units !== 'unknown') problems.push(...pinProblems(edits, units, isAlive));
    }
    return problems;
  }

  /**
   * Whether every value has been read. Until then an edit error may hold a value in force that this
   * process has not restored yet.
   */
  get isKnown(): boolean {
    return this.values.every((setting) => setting.isKnown);
  }

  /** All settings of operators; the history records their changes. */
  get values(): readonly Setting<unknown>[] {
    return [...this.#global(), ...this.#followed().flatMap((sku) => this.#settingsOf(sku))];
  }

  /**
   * Every node that operators have created, with the transaction that created it. Folders are not
   * read; each gets the newest transaction of the values below it, because a folder that is created
   * again has new values too.
   */
  get nodes(): MadeNode[] {
    const { autoKeep, lists } = this;
    const ofSkus = this.#followed().map((sku) => this.#settingsOf(sku));
    const made = [...this.skus.keys()].flatMap((name, index) => {
      const { sku, pins } = this.#paths.sku(name);
      return foldersOver([sku, pins], ofSkus[index] ?? []);
    });
    const isListed = lists.settings.some(({ observed }) => observed);
    return [
      ...foldersOver([this.#paths.autoKeep.folder], Object.values(autoKeep)),
      ...(isListed ? foldersOver(lists.folders, lists.settings) : []),
      ...made,
      ...[...this.#global(), ...ofSkus.flat()].flatMap(({ path, observed }) =>
        observed ? [{ path, created: observed.stat.created }] : [],
      ),
    ];
  }

  #unfollow(sku: FollowedSku): void {
    sku.children.close();
    sku.pinNames.close();
    for (const setting of this.#settingsOf(sku)) setting.close();
  }

  close(): void {
    this.#lastTexts.close();
    this.#names.close();
    for (const setting of this.#global()) setting.close();
    for (const sku of this.#followed()) this.#unfollow(sku);
  }
}

function foldersOver(paths: readonly string[], values: readonly Setting<unknown>[]): MadeNode[] {
  const created = values.map(({ observed }) => observed?.stat.created ?? 0n);
  const newest = created.reduce((one, other) => (other > one ? other : one), 0n);
  return paths.map((path) => ({ path, created: newest }));
}

/** Values under unknown names, such as `qouta`. */
function unknownNamesOf(path: string, { unknownNames }: FollowedSku): Problem[] {
  return unknownNames.map((name) => ({
    path: `${path}/${name}`,
    refused: name,
    reason: `no setting has this name; the names are ${SKU_CHILDREN.join(', ')}`,
    inForce: null,
  }));
}

/** Pins of nodes that no longer exist, and pins that exceed the units that may be granted. */
function pinProblems(
  { pins, quota }: SkuEdits,
  units: number,
  isAlive: (node: string) => boolean,
): Problem[] {
  const good = [...pins].filter(([, { problem, text }]) => !problem && text !== undefined);
  const living = good.filter(([node]) => isAlive(node));
  const asked = living.reduce((all, [, { value }]) => all + (value ?? 0), 0);
  const target = Math.min(quota.value ?? 0, units);
  const less = `${asked} units are pinned, but only ${target} may be granted`;
  const why = `${less} (quota ${quota.value ?? 'not set'}, ${units} exist); the nodes share what exists`;
  return good.flatMap(([node, { path, text = '' }]): Problem[] => {
    if (!isAlive(node)) {
      return [{ path, refused: text, reason: `there is no web node ${node}`, inForce: null }];
    }
    return asked > target ? [{ path, refused: text, reason: why, inForce: text }] : [];
  });
}

function ownProblem({ path, problem, text }: Setting<unknown>): Problem[] {
  return problem ? [{ path, ...problem, inForce: text ?? null }] : [];
}
