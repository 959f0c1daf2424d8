import { randomBytes } from 'node:crypto';
import type { Home } from '../contracts/homes.ts';
import { type SessionOptions, ZkSession } from '../zk/client/session.ts';
import { listFolders } from '../zk/tree/lists.ts';
import { type Paths, pathsBelow } from '../zk/tree/paths.ts';
import type { AutoKeepFigures } from './auto-keep/auto-keep.ts';
import { type Beat, Beats } from './beats.ts';
import type { SettledHome } from './dead-nodes.ts';
import { Election } from './election.ts';
import type { KeeperLog, SkuFigures, UnitCounts } from './figures.ts';
import { LeaderTerm } from './leader.ts';
import type { SetWaitlists } from './waitlists.ts';

/**
 * The quota keeper decides how many units each web node may admit. Several keepers may run; one
 * leads. While no keeper runs, units are not redistributed; everything else continues.
 */

export interface KeeperOptions {
  readonly session: SessionOptions;
  /** Root of the tree (`ZK_ROOT`). */
  readonly root: string;
  /** Interval between two looks when nothing changes. */
  readonly tickMs: number;
  /** Reads the unit counts of the catalogue's SKUs; rejects when no home answers. */
  readonly unitCounts: () => Promise<UnitCounts>;
  /** The homes in which a dead node is settled separately. */
  readonly homes: readonly SettledHome[];
  /**
   * Drains and fences a dead node in one home: resolves when the node can bring nothing more to the
   * home and everything it brought is stored. May be called again; rejects when it must be.
   */
  readonly settle: (node: string, home: SettledHome) => Promise<void>;
  /** The beat of each database server, by its first home. */
  readonly beats: ReadonlyMap<Home, Beat>;
  /** Tells the database for which SKUs returned units go to the waitlist. */
  readonly setWaitlists: SetWaitlists;
  readonly log: KeeperLog;
}

const SKELETON_RETRY_MS = 200;
/** A folder that somebody has deleted by hand is made anew so soon. */
const MEND_INTERVAL_MS = 2_000;

export class Keeper {
  readonly id = `keeper-${randomBytes(5).toString('hex')}`;
  #options: KeeperOptions;
  #paths: Paths;
  #session: ZkSession;
  #election: Election;
  #term: LeaderTerm | undefined;
  #beats: Beats | undefined;
  /** An object for each lead, since an epoch that was deleted by hand begins with the same version again. */
  #epoch: { readonly version: number } | undefined;
  #mending: NodeJS.Timeout | undefined;

  /** Starts to connect and to take part in the election. */
  constructor(options: KeeperOptions) {
    this.#options = options;
    this.#paths = pathsBelow(options.root);
    this.#session = new ZkSession({ ...options.session, log: options.log });
    this.#session.on('suspended', () => options.log.warn({}, 'ZooKeeper connection lost'));
    this.#session.on('resumed', () => options.log.info({}, 'ZooKeeper session resumed'));
    this.#election = new Election({
      session: this.#session,
      paths: this.#paths,
      keeper: this.id,
      onElected: (epoch) => this.#lead(epoch),
      onDeposed: () => this.#step(),
    });
    this.#session.start();
  }

  async #lead(version: number): Promise<void> {
    this.#options.log.info({ keeper: this.id, epoch: version }, 'this keeper leads');
    const epoch = { version };
    this.#epoch = epoch;
    while (this.#epoch === epoch && !(await this.#makeSkeleton())) {
      await new Promise((resolve) => setTimeout(resolve, SKELETON_RETRY_MS));
    }
    if (this.#epoch !== epoch) return;
    const { tickMs, unitCounts, homes, settle, setWaitlists, beats, log } = this.#options;
    this.#beats = new Beats({
      session: this.#session,
      paths: this.#paths,
      epoch: { op: 'check', path: this.#paths.epoch, version },
      beats,
      log,
    });
    this.#term = new LeaderTerm({
      session: this.#session,
      paths: this.#paths,
      epoch: version,
      tickMs,
      unitCounts,
      homes,
      settle,
      setWaitlists,
      log,
      onFenced: () => this.#election.depose(),
    });
    this.#mending = setInterval(() => {
      void this.#makeFolders();
      this.#term?.mend();
    }, MEND_INTERVAL_MS);
  }

  #step(): void {
    if (this.#epoch === undefined) return;
    clearInterval(this.#mending);
    this.#options.log.warn({ keeper: this.id }, 'this keeper does not lead any more');
    this.#epoch = undefined;
    this.#term?.end();
    this.#term = undefined;
    this.#beats?.end();
    this.#beats = undefined;
  }

  /** Creates the nodes that operators expect to find in the tree. */
  async #makeSkeleton(): Promise<boolean> {
    const { keep, shed, errors } = this.#paths;
    const before = await this.#session.exists(errors);
    if (!before.ok) return false;
    // Only in a new tree: when an operator deletes a value, the last one stays in force.
    const isNew = before.value === undefined;
    const values: [string, string][] = isNew
      ? [
          [keep, '1'],
          [shed, 'random'],
        ]
      : [];
    for (const [path, text] of values) {
      const made = await this.#session.ensure(path, text);
      if (!made.ok) return false;
    }
    return this.#makeFolders();
  }

  /** Creates the folders that are missing. Web nodes with credentials have no right to do so. */
  async #makeFolders(): Promise<boolean> {
    const { autoKeep, skus, nodes, sessions, reports, errors, history } = this.#paths;
    for (const path of [autoKeep.folder, skus, nodes, sessions, reports, errors, history]) {
      const made = await this.#session.ensure(path);
      if (!made.ok) return false;
    }
    // zkCli.sh creates no parents. A failure is ignored: an operator may have created these nodes
    // without rights for the keeper.
    for (const path of listFolders(this.#paths.root)) await this.#session.ensure(path, '');
    return true;
  }

  /**
   * Whether this keeper certainly leads. One that is cut off from ZooKeeper stops to lead before its session can
   * end, so before another one is elected.
   */
  get leads(): boolean {
    return this.#leading !== undefined;
  }

  /** Whether this keeper was elected and has not heard that its term ended. Another one may lead meanwhile. */
  get hasTerm(): boolean {
    return this.#term !== undefined;
  }

  get #leading(): LeaderTerm | undefined {
    return this.#session.isTrusted ? this.#term : undefined;
  }

  get isConnected(): boolean {
    return this.#session.isConnected;
  }

  /** Rights that ZooKeeper refuses this keeper, which means that its credentials are wrong. */
  get missingRights(): readonly string[] {
    return this.#session.missingRights;
  }

  /** Figures by SKU; empty while this keeper does not lead. */
  figures(): ReadonlyMap<string, SkuFigures> {
    return this.#leading?.figures ?? new Map();
  }

  /** Figures by SKU with `keep = auto`; empty while this keeper does not lead. */
  autoKeep(): ReadonlyMap<string, AutoKeepFigures> {
    return this.#leading?.autoKeep ?? new Map();
  }

  /** Homes whose database was set back; empty while this keeper does not lead. */
  setBack(): ReadonlySet<Home> {
    return this.#beats?.setBack ?? new Set();
  }

  /** Number of live web nodes; 0 while this keeper does not lead. */
  nodes(): number {
    return this.#leading?.nodes ?? 0;
  }

  /** Gives up the lead at once and closes the session. */
  async close(): Promise<void> {
    this.#step();
    this.#election.close();
    await this.#session.close();
  }
}
