import type { Operation } from '../../zk/client/result.ts';
import type { ZkSession } from '../../zk/client/session.ts';
import { History } from '../../zk/tree/history.ts';
import type { Paths } from '../../zk/tree/paths.ts';
import type { KeeperLog, UnitCount } from '../figures.ts';
import { EditErrors } from './errors.ts';
import { roomProblems } from './problems.ts';
import { Guard } from './protect.ts';
import type { Edits } from './settings.ts';

/**
 * After an edit, the leading keeper writes its entry in the history and its error, and protects its node. This runs outside the
 * looks, because messages for people must not delay the grants.
 */

/**
 * An edit is followed up at once. Units and nodes, on which errors depend as well, come and go, and may wait: to look
 * through all settings takes longer than the rest of a look.
 */
const INTERVAL_MS = { min: 2_000, max: 5_000 };
/** It takes about this share of the time: with a thousand SKUs a run takes longer. */
const SHARE = 0.02;

export interface FollowUpOptions {
  readonly session: ZkSession;
  readonly paths: Paths;
  /** Checks the epoch of this leader in each transaction. */
  readonly epoch: Operation;
  readonly edits: Edits;
  /** Ids of the living web nodes. */
  readonly alive: () => ReadonlySet<string>;
  readonly log: KeeperLog;
}

export class FollowUp {
  readonly #options: FollowUpOptions;
  readonly #errors: EditErrors;
  readonly #history: History;
  readonly #guard: Guard;
  #isRunning = false;
  #dueAtMs = 0;

  constructor(options: FollowUpOptions) {
    const { session, paths, epoch } = options;
    this.#options = options;
    this.#errors = new EditErrors(session, paths, epoch);
    this.#history = new History(session, paths, epoch);
    this.#guard = new Guard(session);
  }

  /** Something was edited: the next `run` does not wait. */
  hurry(): void {
    this.#dueAtMs = 0;
  }

  /**
   * Does nothing if it is not due, or not all edits are known yet, or the last run is not over.
   *
   * @param isComplete whether a SKU without a count is not in the catalogue
   */
  run(counts: ReadonlyMap<string, UnitCount>, isComplete: boolean): void {
    const nowMs = performance.now();
    if (nowMs < this.#dueAtMs || this.#isRunning || !this.#options.edits.isKnown) return;
    this.#isRunning = true;
    this.#dueAtMs = Number.POSITIVE_INFINITY;
    this.#write(counts, isComplete)
      .catch((error: unknown) => this.#options.log.error({ err: error }, 'edit errors not written'))
      .then(() => {
        const tookMs = performance.now() - nowMs;
        const pauseMs = Math.min(INTERVAL_MS.max, Math.max(INTERVAL_MS.min, tookMs / SHARE));
        // Zero: something was edited meanwhile.
        if (this.#dueAtMs > 0) this.#dueAtMs = nowMs + pauseMs;
        this.#isRunning = false;
      });
  }

  async #write(counts: ReadonlyMap<string, UnitCount>, isComplete: boolean): Promise<void> {
    const { session, paths, edits } = this.#options;
    await this.#history.record(edits.values);
    const alive = this.#options.alive();
    const problems = edits.problems(
      (sku) => counts.get(sku)?.unitsTotal ?? (isComplete ? undefined : 'unknown'),
      (node) => alive.has(node),
    );
    problems.push(...roomProblems(paths, edits.skus.keys(), alive));
    await this.#errors.write(problems);
    const { protection } = session;
    if (protection) await this.#guard.protect(protection, edits.nodes);
  }
}
