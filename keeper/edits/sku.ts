import type { Observation } from '../../zk/client/observe.ts';
import type { SkuPaths } from '../../zk/tree/paths.ts';
import type { Setting } from '../../zk/tree/setting.ts';
import {
  type Followed,
  type Follower,
  follow,
  followOne,
  pinOf,
  SKU_SETTINGS,
} from '../../zk/tree/settings.ts';
import { type Problem, unknownName, unreadableFolder } from './problems.ts';

/** Follows what operators write below one SKU. */

export interface SkuEdits extends Followed<typeof SKU_SETTINGS> {
  readonly pins: ReadonlyMap<string, Setting<number>>;
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

export class FollowedSku {
  readonly edits: SkuEdits;
  /** Resolves when everything that existed at the start has been read. */
  readonly known: Promise<void>;
  readonly #paths: SkuPaths;
  readonly #follower: Follower;
  readonly #pins = new Map<string, Setting<number>>();
  readonly #children: Observation;
  readonly #pinNames: Observation;
  #names: readonly string[] = [];
  #isClosed = false;
  #isWithoutPins = false;

  /** @param lastBelow names below a folder that had a value when the last keeper led */
  constructor(
    paths: SkuPaths,
    follower: Follower,
    lastBelow: (folder: string) => Promise<readonly string[]>,
  ) {
    const { session, onChange } = follower;
    this.#paths = paths;
    this.#follower = follower;
    // zkCli.sh creates no parents. This does not recreate a SKU that was deleted meanwhile.
    void session.create(paths.pins, '');
    this.edits = { ...follow(SKU_SETTINGS, paths, follower), pins: this.#pins };
    this.#children = session.watchChildren(paths.sku, (names) => {
      this.#names = names;
      onChange();
    });
    this.#pinNames = session.watchChildren(paths.pins, (nodes) => this.#followPins(nodes));
    const pinsFollowed = this.#pinNames.answered.then(async () => {
      if (this.#pinNames.isRead) return;
      const nodes = await lastBelow(paths.pins);
      if (!this.#pinNames.isRead) this.#followPins(nodes);
    });
    this.known = Promise.all([this.#children.answered, pinsFollowed]).then(async () => {
      await Promise.all(this.settings.map(({ known }) => known));
    });
  }

  #followPins(nodes: readonly string[]): void {
    if (this.#isClosed) return;
    const present = new Set(nodes);
    for (const [node, pin] of this.#pins) {
      if (present.has(node)) continue;
      pin.close();
      this.#pins.delete(node);
    }
    for (const node of nodes) {
      if (this.#pins.has(node)) continue;
      this.#pins.set(node, followOne(pinOf(node), this.#paths, this.#follower));
    }
    this.#follower.onChange();
  }

  /**
   * Makes the folder of pins anew if it is missing for the second time in a row: not while somebody deletes the SKU node by
   * node.
   */
  makePins(): void {
    const isMissing = this.#names.length > 0 && !this.#names.includes('pins');
    if (isMissing && this.#isWithoutPins) void this.#follower.session.create(this.#paths.pins, '');
    this.#isWithoutPins = isMissing;
  }

  get settings(): Setting<unknown>[] {
    const { quota, state, keep, shed, challenge, waitlist } = this.edits;
    return [quota, state, keep, shed, challenge, waitlist, ...this.#pins.values()];
  }

  /** Folders that cannot be read, and values under unknown names. */
  problems(): Problem[] {
    const { sku, pins } = this.#paths;
    const unknown = this.#names.filter((name) => !SKU_CHILDREN.includes(name));
    return [
      ...(this.#children.isRefused ? [unreadableFolder(sku)] : []),
      ...(this.#pinNames.isRefused ? [unreadableFolder(pins)] : []),
      ...unknown.map((name) => unknownName(sku, name, SKU_CHILDREN)),
    ];
  }

  close(): void {
    this.#isClosed = true;
    this.#children.close();
    this.#pinNames.close();
    for (const setting of this.settings) setting.close();
  }
}
