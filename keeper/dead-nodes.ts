import type { Home } from '../contracts/homes.ts';
import type { Result } from '../zk/client/result.ts';
import type { KeeperLog } from './figures.ts';

/**
 * Dead web nodes on their way out: what they may still bring to the database is drained and fenced
 * off, then their grants and reports are deleted. Each step may be repeated, by a later leader too.
 * Homes with a server each are settled apart: one that is away keeps only its own units back.
 */

const RETRY_MIN_MS = 100;
const RETRY_MAX_MS = 5_000;

/** What is settled at once: a home with a server of its own, or `all` on one server. */
export type SettledHome = Home;

/** Where dead nodes can bring nothing any more, as of one moment. */
export class SettledNodes {
  readonly #homes: ReadonlyMap<string, readonly SettledHome[]>;
  readonly #all: readonly SettledHome[];

  constructor(all: readonly SettledHome[], homes: SettledNodes['homes'] = new Map()) {
    this.#all = all;
    this.#homes = homes;
  }

  get homes(): ReadonlyMap<string, readonly SettledHome[]> {
    return this.#homes;
  }

  /** `home`: of the SKU that is asked for; undefined if it is not known. */
  has(node: string, home: Home | undefined): boolean {
    const settled = this.#homes.get(node) ?? [];
    return this.#all.every((one) => settled.includes(one)) || settled.some((one) => one === home);
  }

  with(node: string, home: SettledHome): SettledNodes {
    const settled = [...(this.#homes.get(node) ?? []), home];
    return new SettledNodes(this.#all, new Map([...this.#homes, [node, settled]]));
  }

  without(nodes: readonly string[]): SettledNodes {
    const homes = new Map(this.#homes);
    for (const node of nodes) homes.delete(node);
    return new SettledNodes(this.#all, homes);
  }
}

export interface DeadNodesOptions {
  readonly homes: readonly SettledHome[];
  /** Drains the queues and fences the node in the home; rejects when it has to be repeated. */
  readonly settle: (node: string, home: SettledHome) => Promise<void>;
  readonly isAlive: (node: string) => Promise<Result<boolean>>;
  /** Deletes what stands in ZooKeeper of the node; false when it has to be repeated. */
  readonly forget: (node: string) => Promise<boolean>;
  readonly onChange: () => void;
  readonly log: KeeperLog;
}

export class DeadNodes {
  #options: DeadNodesOptions;
  #underWay = new Set<string>();
  #settled: SettledNodes;
  /** Each wakes a retry that pauses. */
  #pauses = new Map<NodeJS.Timeout, () => void>();
  #ended = false;

  constructor(options: DeadNodesOptions) {
    this.#options = options;
    this.#settled = new SettledNodes(options.homes);
  }

  /** Nodes that can bring nothing any more, by home. Another object after each change. */
  get settled(): SettledNodes {
    return this.#settled;
  }

  /**
   * Settles dead nodes. One that was settled is remembered as long as the caller names it: while it is
   * known from ZooKeeper, units would be kept back for it again.
   *
   * @param dead each dead node of which something stands in ZooKeeper, as the caller last read it; true:
   *   the node has ended in good order, nothing of it is under way
   */
  follow(dead: ReadonlyMap<string, boolean>): void {
    if (this.#ended) return;
    const gone = [...this.#settled.homes.keys()].filter(
      (node) => !dead.has(node) && !this.#underWay.has(node),
    );
    if (gone.length > 0) this.#settled = this.#settled.without(gone);
    for (const [node, isDone] of dead) {
      if (this.#underWay.has(node)) continue;
      this.#underWay.add(node);
      void this.#run(node, isDone);
    }
  }

  async #run(node: string, isDone: boolean): Promise<void> {
    const { homes, forget, onChange } = this.#options;
    let isAlive = false;
    await this.#untilDone(node, async () => {
      isAlive = await this.#isAlive(node);
      return true;
    });
    if (isAlive) {
      // The list of nodes was older than its report.
      this.#underWay.delete(node);
      onChange();
      return;
    }
    const settle = (home: SettledHome) => this.#settle(node, home, isDone);
    await Promise.all(homes.map((home) => this.#untilDone(node, () => settle(home))));
    await this.#untilDone(node, () => forget(node));
    if (!this.#ended) this.#underWay.delete(node);
  }

  /** Repeats a step until it is done, or the keeper does not lead any more. */
  async #untilDone(node: string, step: () => Promise<boolean>): Promise<void> {
    for (let retryMs = RETRY_MIN_MS; !this.#ended; retryMs = Math.min(retryMs * 2, RETRY_MAX_MS)) {
      try {
        if (await step()) return;
      } catch (error) {
        const message = 'a dead node is not settled yet; trying again';
        this.#options.log.warn({ err: error, node }, message);
      }
      if (!this.#ended) await this.#pause(retryMs);
    }
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#pauses.delete(timer);
        resolve();
      }, ms);
      this.#pauses.set(timer, resolve);
    });
  }

  async #isAlive(node: string): Promise<boolean> {
    const registered = await this.#options.isAlive(node);
    if (!registered.ok) throw new Error(`cannot ask for node ${node}: ${registered.error}`);
    return registered.value;
  }

  async #settle(node: string, home: SettledHome, isDone: boolean): Promise<boolean> {
    if (this.#settled.homes.get(node)?.includes(home)) return true;
    const { settle, log, onChange } = this.#options;
    const startedAt = performance.now();
    if (!isDone) await settle(node, home);
    if (this.#ended) return false;
    this.#settled = this.#settled.with(node, home);
    const ms = Math.round(performance.now() - startedAt);
    log.info({ node, home, ms }, 'a node has ended: settled');
    onChange();
    return true;
  }

  end(): void {
    this.#ended = true;
    for (const [timer, wake] of this.#pauses) {
      clearTimeout(timer);
      wake();
    }
    this.#pauses.clear();
  }
}
