import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CLOCKED } from '../kinds.ts';

/** Clocks of processes that can jump. Their monotonic clocks do not, as on a machine whose time is set. */

const FAKETIME = 'faketime/libfaketimeMT.so.1';

/** The library that gives a process a clock of its own, if it is installed. */
function clockLibrary(): string | undefined {
  if (!existsSync('/usr/lib')) return undefined;
  return readdirSync('/usr/lib')
    .map((folder) => join('/usr/lib', folder, FAKETIME))
    .find((path) => existsSync(path));
}

export class Clocks {
  readonly #folder: string;
  readonly #library = clockLibrary();

  /** @param folder where the time of each process is written */
  constructor(folder: string) {
    this.#folder = folder;
    for (const name of CLOCKED) this.set(name, 0);
  }

  get areThere(): boolean {
    return this.#library !== undefined;
  }

  /** @param seconds ahead of the machine's clock, or behind it if below 0 */
  set(name: string, seconds: number): void {
    writeFileSync(this.#file(name), `${seconds < 0 ? '' : '+'}${seconds}`);
  }

  /** Variables of a process. */
  of(name: string): Readonly<Record<string, string>> {
    if (this.#library === undefined || !CLOCKED.some((one) => one === name)) return {};
    return {
      LD_PRELOAD: this.#library,
      FAKETIME_TIMESTAMP_FILE: this.#file(name),
      // Seconds. To read the file at each look at the clock costs more than the shop itself.
      FAKETIME_CACHE_DURATION: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
    };
  }

  #file(name: string): string {
    return join(this.#folder, `clock-${name}`);
  }
}
