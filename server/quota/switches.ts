import { isName } from '../../contracts/names.ts';
import type { ZkSession } from '../../zk/client/session.ts';
import type { Paths } from '../../zk/tree/paths.ts';
import { Setting } from '../../zk/tree/setting.ts';
import {
  type ChallengeSwitch,
  type Keep,
  type Parser,
  parseChallenge,
  parseKeep,
  parseShare,
  parseShed,
  parseState,
  parseUnits,
  type ShedWay,
  type SkuState,
} from '../../zk/tree/values.ts';

/** The operators' switches as a web node obeys them: states, shares, the way of shedding. */

/** A SKU of which nothing was said is not sold: selling begins with an explicit `open`. */
const STATE_DEFAULT: SkuState = 'paused';
const KEEP_DEFAULT = 1;
const SHED_DEFAULT: ShedWay = 'random';
const CHALLENGE_DEFAULT: ChallengeSwitch = { mode: 'off', factor: 1 };

interface SkuSettings {
  readonly state: Setting<SkuState>;
  readonly keep: Setting<Keep>;
  /** The keeper's, in force while `keep` says `auto`. */
  readonly autoKeep: Setting<number>;
  readonly challenge: Setting<ChallengeSwitch>;
  /** Known, not obeyed: what this node may admit is its grant. */
  readonly quota: Setting<number>;
}

export interface SwitchesOptions {
  readonly session: ZkSession;
  readonly paths: Paths;
  /** Another value is in force. */
  readonly onChange: () => void;
  /** The list of SKUs was read; those that are new to this process. */
  readonly onSkus: (fresh: readonly string[]) => void;
}

export class Switches {
  #options: SwitchesOptions;
  #keep: Setting<Keep>;
  #shed: Setting<ShedWay>;
  #challenge: Setting<ChallengeSwitch>;
  #skus = new Map<string, SkuSettings>();

  constructor(options: SwitchesOptions) {
    const { session, paths } = options;
    this.#options = options;
    this.#keep = this.#setting(paths.keep, parseKeep, false);
    this.#shed = this.#setting(paths.shed, parseShed, false);
    this.#challenge = this.#setting(paths.challenge, parseChallenge, true);
    session.watchChildren(paths.skus, (names) => this.#onSkus(names));
  }

  #setting<T>(
    path: string,
    parser: Parser<T>,
    isOptional: boolean,
    onChange = this.#options.onChange,
  ): Setting<T> {
    const { session, paths } = this.#options;
    const errorPath = paths.error(path);
    return new Setting<T>({ session, path, errorPath, parser, isOptional, onChange });
  }

  #onSkus(names: readonly string[]): void {
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
        state: this.#setting(paths.state, parseState, false),
        keep: this.#setting(paths.keep, parseKeep, true),
        autoKeep: this.#setting(paths.autoKeep, parseShare, true),
        challenge: this.#setting(paths.challenge, parseChallenge, true),
        quota: this.#setting(paths.quota, parseUnits, true, () => {}),
      });
    }
    this.#options.onSkus(fresh);
  }

  get skus(): string[] {
    return [...this.#skus.keys()];
  }

  /** All that is followed now and obeyed. */
  get settings(): Setting<unknown>[] {
    const ofSkus = [...this.#skus.values()].flatMap(({ quota: _, ...obeyed }) =>
      Object.values<Setting<unknown>>(obeyed),
    );
    return [this.#keep, this.#shed, this.#challenge, ...ofSkus];
  }

  /** `paused` when nothing was said. */
  state(sku: string): SkuState {
    return this.#skus.get(sku)?.state.value ?? STATE_DEFAULT;
  }

  /** The share to keep: the SKU's own, or the one for all; of `auto`, the one that the keeper wrote last. */
  keep(sku: string): number {
    const settings = this.#skus.get(sku);
    const keep = settings?.keep.value ?? this.#keep.value ?? KEEP_DEFAULT;
    return keep === 'auto' ? (settings?.autoKeep.value ?? KEEP_DEFAULT) : keep;
  }

  /** Units that all nodes together may admit; undefined while nothing was said. */
  quota(sku: string): number | undefined {
    return this.#skus.get(sku)?.quota.value;
  }

  isAuto(sku: string): boolean {
    return (this.#skus.get(sku)?.keep.value ?? this.#keep.value) === 'auto';
  }

  shed(): ShedWay {
    return this.#shed.value ?? SHED_DEFAULT;
  }

  /** Whether tickets of the SKU are for those who solve a challenge: its own switch, or that of all. */
  challenge(sku: string): ChallengeSwitch {
    return this.#skus.get(sku)?.challenge.value ?? this.#challenge.value ?? CHALLENGE_DEFAULT;
  }
}
