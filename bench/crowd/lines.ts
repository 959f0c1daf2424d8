import { Line } from './line.ts';

/** Open loop: limit of connections of one kind. Requests beyond are not sent. */
const LINES_MAX = 2_000;

/** Connections that are opened when all others are busy. */
export class Lines {
  readonly #place: { host: string; port: number };
  readonly #free: Line[] = [];
  readonly #all = new Set<Line>();
  #opening = 0;

  constructor(place: { host: string; port: number }) {
    this.#place = place;
  }

  async open(many: number): Promise<void> {
    await Promise.all(Array.from({ length: many }, () => this.#open()));
  }

  /**
   * Returns a free connection; if there is none, it opens one for the next caller. All take turns, so that none is idle
   * for so long that the server closes it while it is used again.
   */
  take(): Line | undefined {
    const line = this.#free.shift();
    if (this.#free.length === 0 && this.#all.size + this.#opening < LINES_MAX) {
      void this.#open();
    }
    return line;
  }

  give(line: Line): void {
    this.#free.push(line);
  }

  end(): void {
    for (const line of this.#all) line.end();
  }

  async #open(): Promise<void> {
    this.#opening += 1;
    const line: Line = await Line.open(this.#place.host, this.#place.port, (error) => {
      if (line.busy) throw error;
      // The server closes connections that have been idle for a long time.
      this.#all.delete(line);
      const at = this.#free.indexOf(line);
      if (at >= 0) this.#free.splice(at, 1);
    });
    this.#opening -= 1;
    this.#all.add(line);
    this.#free.push(line);
  }
}
