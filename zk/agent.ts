import { randomBytes } from 'node:crypto';
import { isName } from '../contracts/names.ts';
import type { SkuCounters } from './ledger.ts';
import { ListSettings } from './lists.ts';
import { Membership } from './membership.ts';
import { type Paths, pathsBelow } from './paths.ts';
import { type SessionOptions, ZkSession } from './session.ts';
import { Setting } from './setting.ts';
import {
  type ChallengeSwitch,
  parseChallenge,
  parseShare,
  parseShed,
  parseState,
  type ShedWay,
  type SkuState,
} from './values.ts';

/**
 * What a web node knows of the control plane: read and drawn synchronously, without I/O. It goes on
 * working without ZooKeeper until its trust window ends; then it draws nothing until it has a new
 * session, under a new node id.
 */

/** A SKU of which nothing was said is not sold: selling begins with an explicit `open`. */
const STATE_DEFAULT: SkuState = 'paused';
const KEEP_DEFAULT = 1;
const ID_BYTES = 5;
const SHED_DEFAULT: ShedWay = 'random';
const CHALLENGE_DEFAULT: ChallengeSwitch = { mode: 'off', factor: 1 };

export type Draw =
  | { readonly drawn: true; readonly node: string }
  | { readonly drawn: false; readonly verdict: 'quota_spent' | 'quota_unavailable' };

export interface GrantSnapshot extends SkuCounters {
  readonly sku: string;
  /** Units that can be drawn now. */
  readonly spare: number;
}

export interface AgentOptions {
  readonly session: SessionOptions;
  /** Root of the tree (`ZK_ROOT`). */
  readonly root: string;
  /** Beginning of the node ids: letters, digits, `-`, `_`, `.`; a random part is added for each. */
  readonly nodePrefix: string;
  /** The random part of an id: never the same twice. */
  readonly newId?: () => string;
  readonly log?: AgentLog;
  /** Called after any change of grants, states, shares or membership. */
  readonly onChange?: () => void;
}

export interface AgentLog {
  info(facts: object, message: string): void;
  warn(facts: object, message: string): void;
}

interface SkuSettings {
  readonly state: Setting<SkuState>;
  readonly keep: Setting<number>;
  readonly challenge: Setting<ChallengeSwitch>;
}

export class NodeAgent {
  /** Who is let through and who is kept out. */
  readonly lists: ListSettings;
  #options: AgentOptions;
  #paths: Paths;
  #session: ZkSession;
  #membership: Membership | undefined;
  #keep: Setting<number>;
  #shed: Setting<ShedWay>;
  #challenge: Setting<ChallengeSwitch>;
  #skus = new Map<string, SkuSettings>();
  /** Everything was read once: states, shares, grants. */
  #isKnown = false;
  #skusSeen = false;
  #closed = false;

  /** Begins to connect; `ready()` tells when the node can draw. */
  constructor(options: AgentOptions) {
    if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,60}$/.test(options.nodePrefix)) {
      throw new RangeError(`nodePrefix ${JSON.stringify(options.nodePrefix)} is not a name`);
    }
    this.#options = options;
    this.#paths = pathsBelow(options.root);
    const { log } = options;
    this.#session = new ZkSession({ ...options.session, ...(log && { log }) });
    this.#keep = this.#setting(this.#paths.keep, parseShare, false);
    this.#shed = this.#setting(this.#paths.shed, parseShed, false);
    this.#challenge = this.#setting(this.#paths.challenge, parseChallenge, true);
    this.lists = new ListSettings({
      session: this.#session,
      root: options.root,
      errorPath: (path) => this.#paths.error(path),
      onChange: () => {
        this.#changed();
        this.#membership?.reportNow();
      },
    });
    this.#session.watchChildren(this.#paths.skus, (names) => this.#onSkus(names));
    this.#session.on('session', () => this.#join());
    this.#session.on('expired', () => this.#leave());
    this.#session.on('suspended', () => log?.warn({}, 'ZooKeeper connection lost'));
    this.#session.on('resumed', () => log?.info({}, 'ZooKeeper session resumed'));
    this.#session.start();
  }

  #setting<T>(
    path: string,
    parser: ConstructorParameters<typeof Setting<T>>[0]['parser'],
    isOptional: boolean,
  ) {
    return new Setting<T>({
      session: this.#session,
      path,
      errorPath: this.#paths.error(path),
      parser,
      isOptional,
      onChange: () => {
        this.#changed();
        this.#membership?.reportNow();
      },
    });
  }

  #changed(): void {
    if (!this.#closed) this.#options.onChange?.();
  }

  #join(): void {
    this.#membership?.end();
    const { nodePrefix, newId = () => randomBytes(ID_BYTES).toString('hex') } = this.#options;
    const node = `${nodePrefix}-${newId()}`;
    this.#options.log?.info({ node }, 'new ZooKeeper session: new node id');
    const membership = new Membership({
      session: this.#session,
      paths: this.#paths,
      node,
      applied: () => this.#applied(),
      onChange: () => this.#changed(),
      onEvicted: () => {
        if (this.#membership !== membership || this.#closed) return;
        this.#options.log?.warn({ node }, 'the registration of this node was deleted');
        membership.retire();
        this.#join();
      },
    });
    this.#membership = membership;
    for (const sku of this.#skus.keys()) membership.follow(sku);
    this.#changed();
  }

  #leave(): void {
    const node = this.#membership?.node;
    this.#membership?.end();
    this.#membership = undefined;
    this.#options.log?.warn({ node }, 'ZooKeeper session ended: nothing is drawn on its grants');
    this.#changed();
  }

  #onSkus(names: readonly string[]): void {
    const wanted = new Set(names.filter(isName));
    for (const [sku, settings] of this.#skus) {
      if (wanted.has(sku)) continue;
      for (const setting of Object.values(settings)) setting.close();
      this.#skus.delete(sku);
    }
    for (const sku of wanted) {
      if (this.#skus.has(sku)) continue;
      const paths = this.#paths.sku(sku);
      this.#skus.set(sku, {
        state: this.#setting(paths.state, parseState, false),
        keep: this.#setting(paths.keep, parseShare, true),
        challenge: this.#setting(paths.challenge, parseChallenge, true),
      });
      this.#membership?.follow(sku);
    }
    if (!this.#skusSeen) this.#awaitAll();
    this.#skusSeen = true;
    this.#changed();
  }

  async #awaitAll(): Promise<void> {
    await Promise.all([
      this.#keep.known,
      this.#shed.known,
      this.#challenge.known,
      ...this.lists.settings.map(({ known }) => known),
      ...[...this.#skus.values()].flatMap(Object.values).map(({ known }) => known),
      ...[...this.#skus.keys()].map((sku) => this.#membership?.follow(sku)),
    ]);
    this.#isKnown = true;
    this.#changed();
  }

  #applied(): Record<string, number> {
    const ofSkus = [...this.#skus.values()].flatMap(Object.values);
    const settings = [this.#keep, this.#shed, this.#challenge, ...this.lists.settings, ...ofSkus];
    const applied: Record<string, number> = {};
    for (const { path, version } of settings) if (version !== undefined) applied[path] = version;
    return applied;
  }

  /** Takes units of this node's grant. The trust window is checked at each call. */
  draw(sku: string, units: number): Draw {
    const membership = this.#membership;
    if (this.#closed || !membership?.isRegistered || !this.#session.isTrusted) {
      return { drawn: false, verdict: 'quota_unavailable' };
    }
    const isDrawn = membership.ledger.draw(sku, units) === 'drawn';
    membership.changed();
    return isDrawn
      ? { drawn: true, node: membership.node }
      : { drawn: false, verdict: 'quota_spent' };
  }

  /** The request was definitely not taken (a failed publish). An older node id is ignored. */
  refund(node: string, sku: string, units: number): void {
    if (this.#membership?.node !== node) return;
    this.#membership.ledger.refund(sku, units);
    this.#membership.changed();
  }

  /** The outcome of a request is known; once for each. An older node id is ignored. */
  decide(node: string, sku: string, units: number): void {
    if (this.#membership?.node !== node) return;
    this.#membership.ledger.decide(sku, units);
    this.#membership.changed();
  }

  /** Whether what was drawn under this id may still be handed over: asked again when publishing. */
  trusted(node: string): boolean {
    return this.#membership?.node === node && this.#session.isTrusted;
  }

  /** The operators' switch of the SKU: `paused` when nothing was said. */
  state(sku: string): SkuState {
    return this.#skus.get(sku)?.state.value ?? STATE_DEFAULT;
  }

  /** The share of purchase requests to keep, 0 to 1: the SKU's own, or the one for all. */
  keep(sku: string): number {
    return this.#skus.get(sku)?.keep.value ?? this.#keep.value ?? KEEP_DEFAULT;
  }

  shed(): ShedWay {
    return this.#shed.value ?? SHED_DEFAULT;
  }

  /** Whether tickets of the SKU are for those who solve a challenge: its own switch, or that of all. */
  challenge(sku: string): ChallengeSwitch {
    return this.#skus.get(sku)?.challenge.value ?? this.#challenge.value ?? CHALLENGE_DEFAULT;
  }

  /** The current node id; undefined between two sessions. */
  get node(): string | undefined {
    return this.#membership?.node;
  }

  ready(): boolean {
    return this.notReady().length === 0;
  }

  /** What is missing before the node can draw, for /readyz. */
  notReady(): readonly string[] {
    const missing: string[] = [];
    if (this.#closed) missing.push('closing');
    if (!this.#session.isTrusted) missing.push('ZooKeeper session');
    if (!this.#membership?.isRegistered) missing.push('node registration');
    missing.push(...this.#session.missingRights);
    if (!this.#isKnown) missing.push('ZooKeeper values');
    return missing;
  }

  /** Counters per SKU of the current node id, for metrics. */
  grants(): GrantSnapshot[] {
    const ledger = this.#membership?.ledger;
    if (!ledger) return [];
    return Object.entries(ledger.report()).map(([sku, counters]) => ({
      sku,
      ...counters,
      spare: ledger.spare(sku),
    }));
  }

  /**
   * Draws nothing from now on, writes the last report and ends the session, so that the keeper
   * divides what is left at once. Call it when all publishes are done.
   */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#membership?.finish();
    await this.#session.close();
  }
}
