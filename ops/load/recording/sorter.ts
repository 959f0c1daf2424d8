import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Puts calls into the order of their moments, on disk: a log has calls in the order in which they ended, and
 * a long poll ends many seconds after calls that began later. Only some thousand calls and those of one
 * bucket are in memory.
 */

/** A text in memory has less than 537 million letters: some two million calls. */
const BUCKET_MS = 1_000;
const IN_MEMORY_MAX = 20_000;

export class Sorter<Item extends { readonly at: number }> {
  readonly #folder: string;
  readonly #buckets = new Map<number, string[]>();
  readonly #known = new Set<number>();
  #inMemory = 0;

  /** @param folder it is made anew, and removed by `close` */
  constructor(folder: string) {
    this.#folder = folder;
    this.close();
    mkdirSync(folder, { mode: 0o700 });
  }

  add(item: Item): void {
    const bucket = Math.floor(item.at / BUCKET_MS);
    const lines = this.#buckets.get(bucket) ?? [];
    this.#buckets.set(bucket, lines);
    this.#known.add(bucket);
    lines.push(JSON.stringify(item));
    this.#inMemory += 1;
    if (this.#inMemory >= IN_MEMORY_MAX) this.#write();
  }

  *inOrder(): Generator<Item> {
    this.#write();
    for (const bucket of [...this.#known].toSorted((a, b) => a - b)) {
      const lines = readFileSync(this.#fileOf(bucket), 'utf8').trimEnd().split('\n');
      const items = lines.map((line) => JSON.parse(line) as Item);
      yield* items.toSorted((a, b) => a.at - b.at);
    }
  }

  close(): void {
    if (existsSync(this.#folder)) rmSync(this.#folder, { recursive: true });
  }

  #write(): void {
    for (const [bucket, lines] of this.#buckets) {
      appendFileSync(this.#fileOf(bucket), `${lines.join('\n')}\n`, { mode: 0o600 });
    }
    this.#buckets.clear();
    this.#inMemory = 0;
  }

  #fileOf(bucket: number): string {
    return join(this.#folder, String(bucket));
  }
}
