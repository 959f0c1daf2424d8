import { Worker } from 'node:worker_threads';
import type { Tally } from '../report/tally.ts';
import type { Solved, Task } from './solver.ts';

/**
 * Solves challenges for all shoppers, in threads. Each real shopper has a device of their own, so
 * the generator is slower than a crowd; the report says how many it has not solved.
 */

/** Challenges that wait for a thread. One more is not solved. */
const QUEUE_MAX = 500;

export class Puzzles {
  readonly #tally: Tally;
  readonly #solvers: number;
  readonly #idle: Worker[] = [];
  readonly #waiting: Task[] = [];
  readonly #open = new Map<number, (payload: string | null) => void>();
  #workers: Worker[] = [];
  #nextId = 0;

  constructor(solvers: number, tally: Tally) {
    this.#solvers = solvers;
    this.#tally = tally;
  }

  /** The solution; null if there is none, or if too many challenges wait. */
  solve(challenge: unknown): Promise<string | null> {
    if (this.#waiting.length >= QUEUE_MAX) {
      this.#tally.gaps.add('challenges that were not solved, because too many came at once');
      return Promise.resolve(null);
    }
    const id = this.#nextId;
    this.#nextId += 1;
    return new Promise((resolve) => {
      this.#open.set(id, resolve);
      this.#waiting.push({ id, challenge: challenge as Task['challenge'] });
      this.#next();
    });
  }

  async close(): Promise<void> {
    for (const resolve of this.#open.values()) resolve(null);
    this.#open.clear();
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
  }

  #next(): void {
    const worker = this.#idle.pop() ?? this.#hire();
    const task = worker && this.#waiting.shift();
    if (worker === undefined) return;
    if (task === undefined) this.#idle.push(worker);
    else worker.postMessage(task);
  }

  #hire(): Worker | undefined {
    if (this.#workers.length >= this.#solvers) return undefined;
    const worker = new Worker(new URL('./solver.ts', import.meta.url));
    this.#workers = [...this.#workers, worker];
    worker.on('message', ({ id, payload }: Solved) => {
      if (payload === null) this.#tally.gaps.add('challenges that were not solved');
      this.#open.get(id)?.(payload);
      this.#open.delete(id);
      this.#idle.push(worker);
      this.#next();
    });
    return worker;
  }
}
