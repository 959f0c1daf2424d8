import type { KeeperLog } from './figures.ts';
import type { Result } from './result.ts';

/**
 * Dead web nodes on their way out: what they may still bring to the database is drained and fenced
 * off, then their grants and reports are deleted. Each step may be repeated, by a later leader too.
 */

const RETRY_MIN_MS = 100;
const RETRY_MAX_MS = 5_000;

export interface SettlementOptions {
  /** Drains the queues and fences the node in the database; rejects when it has to be repeated. */
  readonly settle: (node: string) => Promise<void>;
  readonly isAlive: (node: string) => Promise<Result<boolean>>;
  /** Deletes what stands in ZooKeeper of the node; false when it has to be repeated. */
  readonly forget: (node: string) => Promise<boolean>;
  readonly onChange: () => void;
  readonly log: KeeperLog;
}

export class Settlements {
  #options: SettlementOptions;
  #underWay = new Set<string>();
  #settled: ReadonlySet<string> = new Set();
  #timers = new Set<NodeJS.Timeout>();
  #ended = false;

  constructor(options: SettlementOptions) {
    this.#options = options;
  }

  /** Nodes that can bring nothing any more. A new set after each change. */
  get settled(): ReadonlySet<string> {
    return this.#settled;
  }

  /** `isDone`: the node has ended in good order, nothing of it is under way. */
  begin(node: string, isDone: boolean): void {
    if (this.#underWay.has(node) || this.#ended) return;
    this.#underWay.add(node);
    this.#run(node, isDone, RETRY_MIN_MS);
  }

  async #run(node: string, isDone: boolean, retryMs: number): Promise<void> {
    const { log, forget } = this.#options;
    let isGone = false;
    try {
      if (this.#settled.has(node) || (await this.#settle(node, isDone)))
        isGone = await forget(node);
      else return;
    } catch (error) {
      log.warn({ err: error, node }, 'a dead node is not settled yet; trying again');
    }
    if (this.#ended) return;
    if (!isGone) {
      const next = Math.min(retryMs * 2, RETRY_MAX_MS);
      const timer = setTimeout(() => {
        this.#timers.delete(timer);
        this.#run(node, isDone, next);
      }, retryMs);
      this.#timers.add(timer);
      return;
    }
    this.#underWay.delete(node);
  }

  /** False when the node turns out to live: the list of nodes was older than its report. */
  async #settle(node: string, isDone: boolean): Promise<boolean> {
    const { settle, isAlive, log, onChange } = this.#options;
    const registered = await isAlive(node);
    if (!registered.ok) throw new Error(`cannot ask for node ${node}: ${registered.error}`);
    if (registered.value) {
      this.#underWay.delete(node);
      onChange();
      return false;
    }
    const startedAt = performance.now();
    if (!isDone) await settle(node);
    if (this.#ended) return false;
    this.#settled = new Set([...this.#settled, node]);
    log.info({ node, ms: Math.round(performance.now() - startedAt) }, 'a node has ended: settled');
    onChange();
    return true;
  }

  end(): void {
    this.#ended = true;
    for (const timer of this.#timers) clearTimeout(timer);
  }
}
