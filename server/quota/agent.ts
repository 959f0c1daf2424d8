import { randomBytes } from 'node:crypto';
import { type SessionOptions, ZkSession } from '../../zk/client/session.ts';
import { ListSettings } from '../../zk/tree/lists.ts';
import { type Paths, pathsBelow } from '../../zk/tree/paths.ts';
import type { SkuCounters } from '../../zk/tree/report.ts';
import type { Setting } from '../../zk/tree/setting.ts';
import type { ChallengeSwitch, ShedWay, SkuState } from '../../zk/tree/values.ts';
import { Membership } from './membership.ts';
import { Switches } from './switches.ts';

/**
 * What a web node knows of the control plane: read and drawn synchronously, without I/O. It goes on
 * working without ZooKeeper until its trust window ends; then it draws nothing until it has a new
 * session, under a new node id.
 */

const ID_BYTES = 5;

export type Draw =
  | { readonly drawn: true; readonly node: string; readonly units: number }
  | {
      readonly drawn: false;
      readonly verdict: 'quota_spent' | 'too_few_now' | 'quota_unavailable';
    };

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

/** More than 200 lines: the one face of the control plane in a web node; most of it hands on. */
export class NodeAgent {
  /** Who is let through and who is kept out. */
  readonly lists: ListSettings;
  #options: AgentOptions;
  #paths: Paths;
  #session: ZkSession;
  #membership: Membership | undefined;
  #switches: Switches;
  /** Everything was read once: states, shares, grants. */
  #isKnown = false;
  #skusSeen = false;
  #wasRegistered = false;
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
    const onChange = () => {
      this.#changed();
      this.#membership?.reportNow();
    };
    this.#switches = new Switches({
      session: this.#session,
      paths: this.#paths,
      onChange,
      onSkus: (fresh) => this.#onSkus(fresh),
    });
    this.lists = new ListSettings({
      session: this.#session,
      root: options.root,
      errorPath: (path) => this.#paths.error(path),
      onChange,
    });
    this.#session.on('session', () => this.#join());
    this.#session.on('expired', () => this.#leave());
    this.#session.on('suspended', () => log?.warn({}, 'ZooKeeper connection lost'));
    this.#session.on('resumed', () => log?.info({}, 'ZooKeeper session resumed'));
    this.#session.start();
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
      onChange: () => {
        this.#wasRegistered ||= membership.isRegistered;
        this.#changed();
      },
      onEvicted: () => {
        if (this.#membership !== membership || this.#closed) return;
        this.#options.log?.warn({ node }, 'the registration of this node was deleted');
        membership.retire();
        this.#join();
      },
    });
    this.#membership = membership;
    for (const sku of this.#switches.skus) membership.follow(sku);
    this.#changed();
  }

  #leave(): void {
    const node = this.#membership?.node;
    this.#membership?.end();
    this.#membership = undefined;
    this.#options.log?.warn({ node }, 'ZooKeeper session ended: nothing is drawn on its grants');
    this.#changed();
  }

  #onSkus(fresh: readonly string[]): void {
    for (const sku of fresh) this.#membership?.follow(sku);
    if (!this.#skusSeen) this.#awaitAll();
    this.#skusSeen = true;
    this.#changed();
  }

  #settings(): Setting<unknown>[] {
    return [...this.#switches.settings, ...this.lists.settings];
  }

  async #awaitAll(): Promise<void> {
    await Promise.all([
      ...this.#settings().map(({ known }) => known),
      ...this.#switches.skus.map((sku) => this.#membership?.follow(sku)),
    ]);
    this.#isKnown = true;
    this.#changed();
  }

  #applied(): Record<string, number> {
    const applied: Record<string, number> = {};
    for (const { path, version } of this.#settings()) {
      if (version !== undefined) applied[path] = version;
    }
    return applied;
  }

  /**
   * Takes units of this node's grant, all that are wanted or, down to `least`, what is there. The trust
   * window is checked at each call. `too_few_now`: there are some, but not so many.
   *
   * @param isRepeat the same wish was refused before: it is not counted again
   */
  draw(sku: string, wanted: number, least = wanted, isRepeat = false): Draw {
    const membership = this.#membership;
    if (this.#closed || !membership?.isRegistered || !this.#session.isTrusted) {
      return { drawn: false, verdict: 'quota_unavailable' };
    }
    const { ledger, node } = membership;
    const units = ledger.draw(sku, wanted, least, isRepeat);
    membership.changed();
    if (units > 0) return { drawn: true, node, units };
    return { drawn: false, verdict: ledger.spare(sku) > 0 ? 'too_few_now' : 'quota_spent' };
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
    return this.#switches.state(sku);
  }

  /** A purchase request came in while the SKU was open; `isKept`: the shedding let it through. */
  pressed(sku: string, isKept: boolean): void {
    const membership = this.#membership;
    if (!membership) return;
    membership.ledger.press(sku, isKept);
    // Counted for all; news for the keeper only where it decides by it.
    if (this.#switches.isAuto(sku)) membership.changed();
  }

  /**
   * The share of purchase requests to keep, 0 to 1: the SKU's own, or the one for all; where that is
   * `auto`, the one that the keeper wrote last.
   */
  keep(sku: string): number {
    return this.#switches.keep(sku);
  }

  /** Units that all nodes together may admit, as operators say. */
  quota(sku: string): number | undefined {
    return this.#switches.quota(sku);
  }

  shed(): ShedWay {
    return this.#switches.shed();
  }

  /** Whether tickets of the SKU are for those who solve a challenge: its own switch, or that of all. */
  challenge(sku: string): ChallengeSwitch {
    return this.#switches.challenge(sku);
  }

  /** The current node id; undefined between two sessions. */
  get node(): string | undefined {
    return this.#membership?.node;
  }

  ready(): boolean {
    return this.notReady().length === 0;
  }

  /**
   * Rights that were refused before the node could register for the first time: this process has the
   * wrong credentials. A node that was registered before is well; somebody has changed the tree.
   */
  get missingRights(): readonly string[] {
    return this.#wasRegistered ? [] : this.#session.missingRights;
  }

  /** What is missing before the node can draw. */
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
