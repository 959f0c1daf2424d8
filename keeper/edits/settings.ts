import { isName } from '../../contracts/names.ts';
import type { Observation } from '../../zk/client/observe.ts';
import type { ZkSession } from '../../zk/client/session.ts';
import { ListSettings } from '../../zk/tree/lists.ts';
import type { Paths } from '../../zk/tree/paths.ts';
import type { Setting } from '../../zk/tree/setting.ts';
import {
  AUTO_KEEP_SETTINGS,
  COMMON_SETTINGS,
  type Followed,
  type Follower,
  follow,
} from '../../zk/tree/settings.ts';
import type { ChallengeSwitch, Keep, ShedWay } from '../../zk/tree/values.ts';
import { LastTexts } from './last-texts.ts';
import { ownProblem, type Problem, pinProblems, unreadableFolder } from './problems.ts';
import { FollowedSku, type SkuEdits } from './sku.ts';

/** Follows everything that operators write, for the leading keeper. */

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
  /**
   * Resolves when everything that existed at the start has been read, but for nodes that the keeper has no right to
   * read. Only `/skus` itself has to be readable.
   */
  readonly known: Promise<void>;
  #paths: Paths;
  #onChange: () => void;
  #follower: Follower;
  readonly #lastTexts: LastTexts;
  readonly #followed = new Map<string, FollowedSku>();
  #names: Observation;
  #badNames: readonly string[] = [];

  constructor(session: ZkSession, paths: Paths, onChange: () => void) {
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
      for (const sku of this.#followed.values()) await sku.known;
      // A SKU that is created from now on is new. An earlier one of the same name does not matter.
      this.#follower = { session, paths, onChange, seesChildren: true };
    });
  }

  #global(): Setting<unknown>[] {
    const { keep, shed, challenge, autoKeep, lists } = this;
    return [keep, shed, challenge, ...Object.values(autoKeep), ...lists.settings];
  }

  #follow(names: readonly string[]): void {
    this.#badNames = names.filter((name) => !isName(name));
    const present = new Set(names.filter(isName));
    for (const [sku, followed] of this.#followed) {
      if (present.has(sku)) continue;
      followed.close();
      this.#followed.delete(sku);
      this.skus.delete(sku);
    }
    for (const sku of present) {
      if (this.#followed.has(sku)) continue;
      const lastBelow = (folder: string) => this.#lastTexts.below(folder);
      const followed = new FollowedSku(this.#paths.sku(sku), this.#follower, lastBelow);
      this.#followed.set(sku, followed);
      this.skus.set(sku, followed.edits);
    }
    this.#onChange();
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
    if (this.#names.isRefused) problems.push(unreadableFolder(this.#paths.skus));
    for (const name of this.#badNames) {
      const reason = 'it is not a valid SKU name (letters, digits, - and _, at most 40)';
      const path = `${this.#paths.skus}/${name}`;
      problems.push({ path, refused: name, reason, inForce: null });
    }
    for (const [sku, followed] of this.#followed) {
      const units = unitsOf(sku);
      for (const setting of followed.settings) {
        if (units !== undefined) problems.push(...ownProblem(setting));
        else if (!setting.isKnown) problems.push(...ownProblem(setting));
        else if (setting.observed) {
          const reason = `the catalogue has no SKU ${sku}`;
          const refused = setting.observed.text.slice(0, 64);
          problems.push({ path: setting.path, refused, reason, inForce: setting.text ?? null });
        }
      }
      if (units === undefined) continue;
      problems.push(...followed.problems());
      if (units !== 'unknown') problems.push(...pinProblems(followed.edits, units, isAlive));
    }
    return problems;
  }

  /**
   * Whether every value has been read that the keeper has a right to read. Until then an edit error may hold a value in
   * force that this process has not restored yet.
   */
  get isKnown(): boolean {
    return this.values.every(({ isKnown, isUnreadable }) => isKnown || isUnreadable);
  }

  /** All settings of operators; the history records their changes. */
  get values(): readonly Setting<unknown>[] {
    return [...this.#global(), ...[...this.#followed.values()].flatMap(({ settings }) => settings)];
  }

  /**
   * Every node that operators have created, with the transaction that created it. Folders are not
   * read; each gets the newest transaction of the values below it, because a folder that is created
   * again has new values too.
   */
  get nodes(): MadeNode[] {
    const { autoKeep, lists } = this;
    const made = [...this.#followed].flatMap(([name, { settings }]) => {
      const { sku, pins } = this.#paths.sku(name);
      return foldersOver([sku, pins], settings);
    });
    const isListed = lists.settings.some(({ observed }) => observed);
    return [
      ...foldersOver([this.#paths.autoKeep.folder], Object.values(autoKeep)),
      ...(isListed ? foldersOver(lists.folders, lists.settings) : []),
      ...made,
      ...this.values.flatMap(({ path, observed }) =>
        observed ? [{ path, created: observed.stat.created }] : [],
      ),
    ];
  }

  /** Makes folders of pins anew that somebody has deleted by hand. To be called now and then. */
  makePins(): void {
    for (const followed of this.#followed.values()) followed.makePins();
  }

  close(): void {
    this.#lastTexts.close();
    this.#names.close();
    for (const setting of this.#global()) setting.close();
    for (const followed of this.#followed.values()) followed.close();
  }
}

function foldersOver(paths: readonly string[], values: readonly Setting<unknown>[]): MadeNode[] {
  const created = values.map(({ observed }) => observed?.stat.created ?? 0n);
  const newest = created.reduce((one, other) => (other > one ? other : one), 0n);
  return paths.map((path) => ({ path, created: newest }));
}
