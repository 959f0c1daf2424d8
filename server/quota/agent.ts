import { randomBytes } from 'node:crypto';
import { ZkSession } from '../../zk/client/session.ts';
import { ListSettings } from '../../zk/tree/lists.ts';
import { type Paths, pathsBelow } from '../../zk/tree/paths.ts';
import type { SkuCounters } from '../../zk/tree/report.ts';
import type { Setting } from '../../zk/tree/setting.ts';
import type { AgentOptions } from './agent-options.ts';
import { Membership } from './membership.ts';
import { Switches } from './switches.ts';

/**
 * The view that a web node has of the control plane. Reads and draws are synchronous, without I/O.
 * Without ZooKeeper it goes on working until its trust window ends. Then it draws nothing until it
 * has a new session, under a new node id.
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

/** More than 200 lines: it is the one interface of the control plane here. */
export class NodeAgent {
  /** The operators' switches. */
  readonly switches: Switches;
  /** The lists of allowed and blocked visitors. */
  readonly lists: ListSettings;
  #options: AgentOptions;
  #paths: Paths;
  #session: ZkSession;
  #membership: Membership | undefined;
  /** States, shares and grants have all been read once. */
  #isKnown = false;
  #skusSeen = false;
  #wasRegistered = false;
  #closed = false;
  #sales: Readonly<Record<string, string>> = {};
  #livingNodes = 1;

  /** Starts to connect. `ready()` tells when the node can draw. */
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
    this.switches = new Switches({
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
    this.#session.watchChildren(this.#paths.nodes, (nodes) => {
      this.#livingNodes = Math.max(1, nodes.length);
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
    let isFull = false;
    const membership = new Membership({
      session: this.#session,
      paths: this.#paths,
      node,
      applied: () => this.#applied(),
      sales: () => this.#sales,
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
      onFull: (sku) => {
        if (isFull) return;
        isFull = true;
        const message =
          'too many SKUs: the report has no room for another one, which is not sold here';
        this.#options.log?.warn({ node, sku }, message);
      },
    });
    this.#membership = membership;
    for (const sku of this.switches.skus) membership.follow(sku);
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
    this.#membership?.forgetRehearsals(this.switches.skus);
    if (!this.#skusSeen) this.#awaitAll();
    this.#skusSeen = true;
    this.#changed();
  }

  #settings(): Setting<unknown>[] {
    return [...this.switches.settings, ...this.lists.settings];
  }

  async #awaitAll(): Promise<void> {
    await Promise.all([
      ...this.#settings().map(({ known }) => known),
      ...this.switches.skus.map((sku) => this.#membership?.follow(sku)),
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
   * Draws units of this node's grant: all that are wanted or, if fewer are left, what is left, but
   * not less than `least`. Each call checks the trust window. `too_few_now`: some units are left,
   * but fewer than `least`.
   *
   * @param isRepeat the same units were refused before, so they are not counted as wanted again
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

  /**
   * Gives back the units of a request that was certainly not taken (a failed publish). An older
   * node id is ignored.
   */
  refund(node: string, sku: string, units: number): void {
    if (this.#membership?.node !== node) return;
    this.#membership.ledger.refund(sku, units);
    this.#membership.changed();
  }

  /**
   * Notes that the outcome of a request is known. Call it once for each request. An older node id
   * is ignored.
   */
  decide(node: string, sku: string, units: number): void {
    if (this.#membership?.node !== node) return;
    this.#membership.ledger.decide(sku, units);
    this.#membership.changed();
  }

  /**
   * Returns whether units drawn under this id may still be published. Check it again when
   * publishing.
   */
  trusted(node: string): boolean {
    return this.#membership?.node === node && this.#session.isTrusted;
  }

  /** Counts a purchase request for an open SKU. `isKept`: the request was not shed. */
  pressed(sku: string, isKept: boolean): void {
    const membership = this.#membership;
    if (!membership) return;
    membership.ledger.press(sku, isKept);
    // Every request is counted, but the keeper needs the news only for SKUs with `keep = auto`.
    if (this.switches.isAuto(sku)) membership.changed();
  }

  /** Notes what the process knows of each sale, for the report: operators wait for it. */
  showSales(digests: Readonly<Record<string, string>>): void {
    this.#sales = digests;
    this.#membership?.reportNow();
  }

  /** Web nodes that are registered, as far as this one knows; at least 1. */
  get livingNodes(): number {
    return this.#livingNodes;
  }

  /** The current node id; undefined between two sessions. */
  get node(): string | undefined {
    return this.#membership?.node;
  }

  ready(): boolean {
    return this.notReady().length === 0;
  }

  /**
   * Rights that were refused before the node registered for the first time, which means that this
   * process has the wrong credentials. After a first registration the list is empty: if rights are
   * missing then, somebody has changed the tree.
   */
  get missingRights(): readonly string[] {
    return this.#wasRegistered ? [] : this.#session.missingRights;
  }

  /** Reasons why the node cannot draw yet. */
  notReady(): readonly string[] {
    const missing: string[] = [];
    if (this.#closed) missing.push('closing');
    if (!this.#session.isTrusted) missing.push('ZooKeeper session');
    if (!this.#membership?.isRegistered) missing.push('node registration');
    missing.push(...this.#session.missingRights);
    if (!this.#isKnown) missing.push('ZooKeeper values');
    return missing;
  }

  /** Counters of the current node id for each SKU, for metrics. */
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
   * Stops drawing, writes the last report and ends the session, so that the keeper divides the
   * remaining units at once. Call it when all publishes are done.
   */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#membership?.finish();
    await this.#session.close();
  }
}
