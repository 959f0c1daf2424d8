import { writeFileSync } from 'node:fs';
import type { Entry } from '../check/history.ts';

/** Keeps the entries of a run. All times are those of one clock: milliseconds since the run began. */
export class History {
  readonly entries: Entry[] = [];
  readonly #startedAt = performance.now();

  now(): number {
    return Math.round(performance.now() - this.#startedAt);
  }

  add(entry: Entry): void {
    this.entries.push(entry);
  }

  /** As JSON lines, in the order in which the calls ended. */
  write(path: string): void {
    writeFileSync(path, this.entries.map((entry) => `${JSON.stringify(entry)}\n`).join(''));
  }
}
