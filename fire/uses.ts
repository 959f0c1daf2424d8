import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { median } from '../bench/figures.ts';
import { memoryWithoutBuffers, openDescriptors } from '../bench/machine.ts';
import { PROCESSES, SERVERS } from './kinds.ts';
import type { Shop } from './shop/shop.ts';

/** Memory, descriptors, files and dead rows of the parts of the shop, in the course of a long run. */

const SAMPLE_MS = 10_000;
/** A sample that takes longer, because a part is frozen, is left out. */
const SAMPLE_TIMEOUT_MS = 5_000;

export type Kind = 'memory, MB' | 'descriptors' | 'files, MB' | 'dead rows';

export interface Use {
  readonly kind: Kind;
  /** The process, server or folder. */
  readonly name: string;
  /** Each sample: minutes since the begin, and the value. */
  readonly points: readonly (readonly [minutes: number, value: number])[];
}

const run = promisify(execFile);

async function megabytesOf(folder: string): Promise<number> {
  // A file that goes meanwhile makes du complain, and it still says the sum.
  const { stdout } = await run('du', ['-sk', folder]).catch((error) => error as { stdout: string });
  return Number.parseInt(stdout, 10) / 1_024;
}

async function ofDatabase({ databases }: Shop): Promise<Record<'data' | 'wal' | 'dead', number>> {
  const [row] = await databases.regular.query<Record<'data' | 'wal' | 'dead', number>>({
    text: `SELECT pg_database_size(current_database())::float8 / 1048576 AS data,
                  (SELECT sum(size)::float8 / 1048576 FROM pg_ls_waldir()) AS wal,
                  (SELECT sum(n_dead_tup)::float8 FROM pg_stat_user_tables) AS dead`,
  });
  if (row === undefined) throw new Error('no row');
  return row;
}

export class Uses {
  readonly #shop: Shop;
  readonly #startedMs = performance.now();
  readonly #ending = new AbortController();
  readonly #points = new Map<string, [minutes: number, value: number][]>();
  readonly #watching: Promise<void>;

  constructor(shop: Shop) {
    this.#shop = shop;
    this.#watching = this.#watch();
  }

  /** Ends the watch. */
  async end(): Promise<Use[]> {
    this.#ending.abort();
    await this.#watching;
    return [...this.#points].map(([key, points]) => {
      const [kind, name = ''] = key.split('\t');
      return { kind: kind as Kind, name, points };
    });
  }

  async #watch(): Promise<void> {
    const { signal } = this.#ending;
    while (!signal.aborted) {
      const late = delay(SAMPLE_TIMEOUT_MS, undefined, { signal });
      await Promise.race([this.#sample(), late]).catch(() => {});
      await delay(SAMPLE_MS, undefined, { signal }).catch(() => {});
    }
  }

  async #sample(): Promise<void> {
    const parts: readonly string[] = [...PROCESSES, ...SERVERS];
    const running = this.#shop.parts.supervisor.records();
    const pids = new Map(
      running.filter(({ name }) => parts.includes(name)).map(({ name, pid }) => [name, pid]),
    );
    // One that is being started again uses nothing.
    for (const [name, value] of memoryWithoutBuffers(pids)) {
      if (value > 0) this.#note('memory, MB', name, value);
    }
    for (const [name, value] of openDescriptors(pids)) {
      if (value > 0) this.#note('descriptors', name, value);
    }
    for (const name of ['rabbitmq', 'zookeeper', 'logs']) {
      this.#note('files, MB', name, await megabytesOf(join(this.#shop.folder, name)));
    }
    const { data, wal, dead } = await ofDatabase(this.#shop);
    this.#note('files, MB', 'postgres: data', data);
    this.#note('files, MB', 'postgres: WAL', wal);
    this.#note('dead rows', 'postgres', dead);
  }

  #note(kind: Kind, name: string, value: number): void {
    const key = `${kind}\t${name}`;
    const points = this.#points.get(key) ?? [];
    points.push([(performance.now() - this.#startedMs) / 60_000, value]);
    this.#points.set(key, points);
  }
}

export interface Growth extends Omit<Use, 'points'> {
  /** Medians of the second and of the last quarter of the time. */
  readonly early: number;
  readonly late: number;
}

/** How much more each part uses at the end. The first quarter is left out: caches fill, buffers grow. Pure. */
export function growthOf(uses: readonly Use[]): Growth[] {
  return uses.map(({ kind, name, points }) => {
    const overMinutes = points.at(-1)?.[0] ?? 0;
    const between = (from: number, to: number) =>
      median(
        points
          .filter(([at]) => at >= from * overMinutes && at <= to * overMinutes)
          .map(([, value]) => value),
      );
    return { kind, name, early: between(0.25, 0.5), late: between(0.75, 1) };
  });
}
