import { hostname } from 'node:os';
import { isRehearsal } from '../../contracts/rehearsal.ts';
import type { Observation } from '../../zk/client/observe.ts';
import { isUnknown, type Observed } from '../../zk/client/result.ts';
import type { ZkSession } from '../../zk/client/session.ts';
import type { Paths } from '../../zk/tree/paths.ts';
import { encodeReport, REPORT_BYTES_MAX, VERSION_DELETED } from '../../zk/tree/report.ts';
import { parseUnits } from '../../zk/tree/values.ts';
import { Ledger } from './ledger.ts';
import { ReportRoom } from './report-room.ts';
import { Reporter } from './reporter.ts';

/**
 * A web node under one node id, from its registration to the end of its session. It holds the
 * counters of that id, follows its grants and writes its report.
 */

const REGISTER_RETRY_MS = 200;
const FINAL_REPORT_TIMEOUT_MS = 2_000;

export interface MembershipOptions {
  readonly session: ZkSession;
  readonly paths: Paths;
  readonly node: string;
  /** A new object with the versions of other values that the process uses, for the report. */
  readonly applied: () => Record<string, number>;
  /** By sale, the digest of what the process knows of it, for the report. */
  readonly sales: () => Readonly<Record<string, string>>;
  /** Called when a grant was applied or the registration is done. */
  readonly onChange: () => void;
  /**
   * Called when somebody else has deleted the node's registration. The id must not be used any
   * more.
   */
  readonly onEvicted: () => void;
  /** Called for a SKU whose grant is not applied, because the report has no room for it. */
  readonly onFull: (sku: string) => void;
}

export class Membership {
  readonly node: string;
  readonly ledger = new Ledger();
  #options: MembershipOptions;
  #grants = new Map<string, { observation: Observation; modified: bigint }>();
  #applied = new Map<string, number>();
  #registration: Observation | undefined;
  #ended = false;
  #final = false;
  #timer: NodeJS.Timeout | undefined;
  readonly #reporter: Reporter;
  readonly #room = new ReportRoom();
  isRegistered = false;
  #sessionId: bigint | undefined;

  constructor(options: MembershipOptions) {
    this.node = options.node;
    this.#options = options;
    const { session, paths } = options;
    const path = paths.report(this.node);
    this.#reporter = new Reporter({ session, path, text: () => this.#text() });
    this.#register();
  }

  async #register(): Promise<void> {
    if (this.#ended) return;
    const { session, paths } = this.#options;
    const facts = { host: hostname(), pid: process.pid, startedAt: new Date().toISOString() };
    // If this node has no right to create the folders, the keeper creates them.
    const folders = session.protection ? [] : [paths.nodes, paths.sessions, paths.reports];
    for (const folder of folders) await session.ensure(folder);
    const made = await session.multi([
      { op: 'create', path: paths.report(this.node), text: this.#text() },
      { op: 'create', path: paths.session(this.node), text: '', ephemeral: true },
      { op: 'create', path: paths.node(this.node), text: JSON.stringify(facts), ephemeral: true },
    ]);
    // Only this process uses the id, so an existing node was created by an earlier try.
    const isMade = made.ok || made.error === 'node_exists';
    if (this.#ended) return;
    if (!isMade) {
      this.#timer = setTimeout(() => this.#register(), REGISTER_RETRY_MS);
      return;
    }
    this.isRegistered = true;
    this.#sessionId = session.id;
    this.#registration = session.watch(paths.node(this.node), (observed) => {
      if (observed === undefined && !this.#ended) this.#options.onEvicted();
    });
    this.#options.onChange();
    this.#reporter.start();
  }

  /**
   * Follows the grant of this SKU. A second call does nothing. Resolves when the grant was read, or when there is no right
   * to read it.
   */
  follow(sku: string): Promise<void> {
    const known = this.#grants.get(sku);
    if (known) return known.observation.answered;
    const path = this.#options.paths.sku(sku).grant(this.node);
    const observation = this.#options.session.watch(path, (grant) => this.#apply(sku, path, grant));
    this.#grants.set(sku, { observation, modified: -1n });
    return observation.answered;
  }

  /**
   * Forgets rehearsals that were removed. Names of theirs are never used again. A SKU with another name may come back,
   * and what this id has admitted of it still counts then. So does what has no outcome yet: somebody may have deleted
   * the nodes by hand.
   */
  forgetRehearsals(there: readonly string[]): void {
    for (const [sku, { observation }] of this.#grants) {
      if (!isRehearsal(sku) || there.includes(sku) || this.ledger.underWay(sku) > 0) continue;
      observation.close();
      this.#grants.delete(sku);
      const path = this.#options.paths.sku(sku).grant(this.node);
      if (this.#applied.delete(path)) this.#room.free(path, sku);
      this.ledger.forget(sku);
      this.reportNow();
    }
  }

  #apply(sku: string, path: string, grant: Observed | undefined): void {
    const followed = this.#grants.get(sku);
    if (!followed || this.#ended) return;
    if (grant === undefined) {
      if (followed.modified === -1n) return;
      // Somebody deleted the grant by hand. Nothing may be drawn until the keeper has written it
      // again.
      this.ledger.setGrant(sku, 0);
      this.#applied.set(path, VERSION_DELETED);
    } else {
      const units = parseUnits(grant.text);
      // A server that lags behind may show an older grant than the one that was reported as
      // applied.
      if (!units.ok || grant.stat.modified <= followed.modified) return;
      if (followed.modified === -1n && !this.#room.take(path, sku)) {
        this.#options.onFull(sku);
        return;
      }
      followed.modified = grant.stat.modified;
      this.ledger.setGrant(sku, units.value);
      this.#applied.set(path, grant.stat.version);
    }
    this.#options.onChange();
    this.reportNow();
  }

  /** Notes that counters have changed. The report is written within the interval. */
  changed(): void {
    this.#reporter.changed();
  }

  /** Sends the report at once, because the keeper waits for it. */
  reportNow(): void {
    this.#reporter.now();
  }

  #text(): string {
    const applied = this.#options.applied();
    for (const [path, version] of this.#applied) applied[path] = version;
    const report = {
      applied,
      skus: this.ledger.report(),
      sales: this.#options.sales(),
      final: this.#final,
      at: new Date().toISOString(),
    };
    const text = encodeReport(report);
    if (Buffer.byteLength(text) <= REPORT_BYTES_MAX) return text;
    // The keeper needs the grants. Operators see the rest as not applied.
    return encodeReport({ ...report, applied: Object.fromEntries(this.#applied), sales: {} });
  }

  /**
   * Writes the last report. Nothing more is drawn, so the remaining units go to other nodes at
   * once.
   */
  async finish(): Promise<void> {
    this.#final = true;
    const { session, paths } = this.#options;
    const deadline = performance.now() + FINAL_REPORT_TIMEOUT_MS;
    await this.#reporter.end();
    this.end();
    while (this.isRegistered && session.isConnected && performance.now() < deadline) {
      const sent = await session.set(paths.report(this.node), this.#text(), -1);
      if (sent.ok || !isUnknown(sent.error)) break;
    }
  }

  /**
   * Ends the id while its session goes on, because somebody deleted the registration. Until the
   * last report is written, the keeper holds the grants of the id back, because this process may
   * not have noticed yet. The keeper also deletes the node of the session: web nodes have no right
   * to delete anything.
   */
  async retire(): Promise<void> {
    this.#final = true;
    this.end();
    const { session, paths } = this.#options;
    while (session.id !== undefined && session.id === this.#sessionId) {
      const done = await session.set(paths.report(this.node), this.#text(), -1);
      if (done.ok || done.error === 'no_node') return;
      await new Promise((resolve) => setTimeout(resolve, REGISTER_RETRY_MS));
    }
  }

  /** Ends the use of the id; answers that are still to come are ignored. */
  end(): void {
    this.#ended = true;
    clearTimeout(this.#timer);
    void this.#reporter.end();
    this.#registration?.close();
    for (const { observation } of this.#grants.values()) observation.close();
  }
}
