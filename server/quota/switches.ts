import { isName } from '../../contracts/names.ts';
import type { ZkSession } from '../../zk/client/session.ts';
import type { Paths } from '../../zk/tree/paths.ts';
import type { Setting } from '../../zk/tree/setting.ts';
import {
  AUTO_KEEP_SHARE,
  COMMON_SETTINGS,
  type Followed,
  type Follower,
  follow,
  SKU_SETTINGS,
} from '../../zk/tree/settings.ts';
import type { ChallengeSwitch, ShedWay, SkuState } from '../../zk/tree/values.ts';

/** The operators' switches that a web node follows: states, shares and the way of shedding. */

/** A SKU without a state is not sold: selling starts with an explicit `open`. */
const STATE_DEFAULT: SkuState = 'paused';
const KEEP_DEFAULT = 1;
const SHED_DEFAULT: ShedWay = 'random';
const CHALLENGE_DEFAULT: ChallengeSwitch = { mode: 'off', factor: 1 };

const { state, keep, shed, challenge, waitlist, quota } = SKU_SETTINGS;
const OBEYED = { state, keep, autoKeep: AUTO_KEEP_SHARE, shed, challenge, waitlist };
/**
 * The quota is only shown: this node may admit what its grant allows. Without a quota there is
 * nothing to show.
 */
const SHOWN = { quota: { ...quota, isOptional: true } };

type SkuSettings = Followed<typeof OBEYED> & Followed<typeof SHOWN>;

export interface SwitchesOptions {
  readonly session: ZkSession;
  readonly paths: Paths;
  /** Called when a value has changed. */
  readonly onChange: () => void;
  /** Called when the list of SKUs was read, with those that are new to this process. */
  readonly onSkus: (fresh: readonly string[]) => void;
}

export class Switches {
  #options: SwitchesOptions;
  #follower: Follower;
  #common: Followed<typeof COMMON_SETTINGS>;
  #skus = new Map<string, SkuSettings>();
  /** All settings that take effect, in one list: each report has their versions. */
  #settings: readonly Setting<unknown>[] = [];
  #changes = 0;
  #isListRead = false;

  constructor(options: SwitchesOptions) {
    const { session, paths } = options;
    this.#options = options;
    const onChange = () => {
      this.#count();
      options.onChange();
    };
    this.#follower = { session, paths, onChange };
    this.#common = follow(COMMON_SETTINGS, paths, this.#follower);
    this.#settings = Object.values(this.#common);
    session.watchChildren(paths.skus, (names) => this.#onSkus(names));
  }

  #onSkus(names: readonly string[]): void {
    this.#isListRead = true;
    const wanted = new Set(names.filter(isName));
    for (const [sku, settings] of this.#skus) {
      if (wanted.has(sku)) continue;
      for (const setting of Object.values(settings)) setting.close();
      this.#skus.delete(sku);
    }
    const fresh = [...wanted].filter((sku) => !this.#skus.has(sku));
    for (const sku of fresh) {
      const paths = this.#options.paths.sku(sku);
      this.#skus.set(sku, {
        ...follow(OBEYED, paths, this.#follower),
        ...follow(SHOWN, paths, { ...this.#follower, onChange: () => this.#count() }),
      });
    }
    const ofSkus = [...this.#skus.values()].flatMap(({ quota: _, ...obeyed }) =>
      Object.values<Setting<unknown>>(obeyed),
    );
    this.#settings = [...Object.values(this.#common), ...ofSkus];
    this.#count();
    this.#options.onSkus(fresh);
  }

  #count(): void {
    this.#changes += 1;
  }

  /** Grows with each change, so that what was made of the values is known to be old. */
  get changes(): number {
    return this.#changes;
  }

  get skus(): string[] {
    return [...this.#skus.keys()];
  }

  /** All settings that are followed now and take effect. */
  get settings(): readonly Setting<unknown>[] {
    return this.#settings;
  }

  /** Whether the state of the SKU, or its absence, was read. */
  knowsState(sku: string): boolean {
    return this.#skus.get(sku)?.state.isKnown ?? this.#isListRead;
  }

  /** `paused` if no state is set, or if it was not read yet. */
  state(sku: string): SkuState {
    return this.#skus.get(sku)?.state.value ?? STATE_DEFAULT;
  }

  /**
   * The share to keep: that of the SKU or the common one. If it is `auto`, the value that the
   * keeper wrote last.
   */
  keep(sku: string): number {
    const settings = this.#skus.get(sku);
    const keep = settings?.keep.value ?? this.#common.keep.value ?? KEEP_DEFAULT;
    return keep === 'auto' ? (settings?.autoKeep.value ?? KEEP_DEFAULT) : keep;
  }

  /** Units that all nodes together may admit; undefined if no quota is set. */
  quota(sku: string): number | undefined {
    return this.#skus.get(sku)?.quota.value;
  }

  isAuto(sku: string): boolean {
    return (this.#skus.get(sku)?.keep.value ?? this.#common.keep.value) === 'auto';
  }

  /** The way of shedding: the SKU's own or the common one. */
  shed(sku: string): ShedWay {
    return this.#skus.get(sku)?.shed.value ?? this.#common.shed.value ?? SHED_DEFAULT;
  }

  /** Whether shoppers may ask for a place in the waitlist of the SKU. */
  hasWaitlist(sku: string): boolean {
    return this.#skus.get(sku)?.waitlist.value !== 'off';
  }

  /** Whether tickets of the SKU require a challenge: the SKU's own switch or the common one. */
  challenge(sku: string): ChallengeSwitch {
    return (
      this.#skus.get(sku)?.challenge.value ?? this.#common.challenge.value ?? CHALLENGE_DEFAULT
    );
  }
}
