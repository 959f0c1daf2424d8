import { randomBytes } from 'node:crypto';
import { type SessionOptions, ZkSession } from '../zk/client/session.ts';
import { listFolders } from '../zk/tree/lists.ts';
import { type Paths, pathsBelow } from '../zk/tree/paths.ts';
import type { AutoKeepFigures } from './auto-keep/auto-keep.ts';
import type { SettledHome } from './dead-nodes.ts';
import { Election } from './election.ts';
import type { KeeperLog, SkuFigures, UnitCounts } from './figures.ts';
import { LeaderTerm } from './leader.ts';
import type { SetWaitlists } from './waitlists.ts';

/**
 * The quota keeper: decides who may admit how much. Several may run; one leads. A keeper that is
 * down stops redividing and nothing else.
 */

export interface KeeperOptions {
  readonly session: SessionOptions;
  /** Root of the tree (`ZK_ROOT`). */
  readonly root: string;
  /** Between two looks when nothing happens. */
  readonly tickMs: number;
  /** The units of the SKUs of the catalogue; rejects when no home answers. */
  readonly unitCounts: () => Promise<UnitCounts>;
  /** Which homes are settled one by one. */
  readonly homes: readonly SettledHome[];
  /**
   * Makes sure that a dead node can bring nothing more to the home, and returns when what it
   * brought is there. May be repeated; rejects when it has to be.
   */
  readonly settle: (node: string, home: SettledHome) => Promise<void>;
  /** Tells the database for which SKUs units that come back go to those who wait. */
  readonly setWaitlists: SetWaitlists;
  readonly log: KeeperLog;
}

const SKELETON_RETRY_MS = 200;

export class Keeper {
  readonly id = `keeper-${randomBytes(5).toString('hex')}`;
  #options: KeeperOptions;
  #paths: Paths;
  #session: ZkSession;
  #election: Election;
  #term: LeaderTerm | undefined;
  #epoch: number | undefined;

  /** Begins to connect and to stand for election. */
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

  async #lead(epoch: number): Promise<void> {
    this.#options.log.info({ keeper: this.id, epoch }, 'this keeper leads');
    this.#epoch = epoch;
    while (this.#epoch === epoch && !(await this.#makeSkeleton())) {
      await new Promise((resolve) => setTimeout(resolve, SKELETON_RETRY_MS));
    }
    if (this.#epoch !== epoch) return;
    const { tickMs, unitCounts, homes, settle, setWaitlists, log } = this.#options;
    this.#term = new LeaderTerm({
      session: this.#session,
      paths: this.#paths,
      epoch,
      tickMs,
      unitCounts,
      homes,
      settle,
      setWaitlists,
      log,
      onFenced: () => this.#step(),
    });
  }

  #step(): void {
    if (this.#epoch === undefined) return;
    this.#options.log.warn({ keeper: this.id }, 'this keeper does not lead any more');
    this.#epoch = undefined;
    this.#term?.end();
    this.#term = undefined;
  }

  /** What every operator expects to find in the tree. */
  async #makeSkeleton(): Promise<boolean> {
    const { keep, autoKeep, shed, skus, nodes, sessions, reports, errors, history } = this.#paths;
    const before = await this.#session.exists(errors);
    if (!before.ok) return false;
    // Only in a new tree: a value that an operator deleted stays in force as it was.
    const isNew = before.value === undefined;
    const values: [string, string][] = isNew
      ? [
          [keep, '1'],
          [shed, 'random'],
        ]
      : [];
    const folders = [autoKeep.folder, skus, nodes, sessions, reports, errors, history].map(
      (path) => [path, ''] as const,
    );
    for (const [path, text] of [...values, ...folders]) {
      const made = await this.#session.ensure(path, text);
      if (!made.ok) return false;
    }
    // For zkCli.sh, which makes no parents. An operator may have made them without a right for this.
    for (const path of listFolders(this.#paths.root)) await this.#session.ensure(path, '');
    return true;
  }

  get leads(): boolean {
    return this.#term !== undefined;
  }

  get isConnected(): boolean {
    return this.#session.isConnected;
  }

  /** Rights that ZooKeeper refuses this keeper: it has the wrong credentials. */
  get missingRights(): readonly string[] {
    return this.#session.missingRights;
  }

  /** Per SKU, while this keeper leads. */
  figures(): ReadonlyMap<string, SkuFigures> {
    return this.#term?.figures ?? new Map();
  }

  /** Per SKU whose `keep` says `auto`, while this keeper leads. */
  autoKeep(): ReadonlyMap<string, AutoKeepFigures> {
    return this.#term?.autoKeep ?? new Map();
  }

  /** Live web nodes, while this keeper leads. */
  nodes(): number {
    return this.#term?.nodes ?? 0;
  }

  /** Gives the lead away at once. */
  async close(): Promise<void> {
    this.#step();
    this.#election.close();
    await this.#session.close();
  }
}
