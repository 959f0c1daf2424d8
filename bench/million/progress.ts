const WIDTH = 40;
const LINE_INTERVAL_MS = 10_000;

/** A progress bar on a terminal; elsewhere a line from time to time. */
export class ProgressBar {
  readonly #total: number;
  #lineAtMs = Number.NEGATIVE_INFINITY;

  constructor(total: number) {
    this.#total = total;
  }

  /** @param seconds of pressing, without the time between slices */
  show(done: number, seconds: number): void {
    const nowMs = performance.now();
    const share = Math.min(1, done / this.#total);
    const filled = Math.round(share * WIDTH);
    const text =
      `  ${'█'.repeat(filled)}${'░'.repeat(WIDTH - filled)} ${(share * 100).toFixed(0).padStart(3)} %` +
      `  ${done.toLocaleString('en')} presses, ${Math.round(done / Math.max(seconds, 0.001)).toLocaleString('en')}/s`;
    if (process.stderr.isTTY) process.stderr.write(`\r${text}\x1b[K`);
    else if (nowMs - this.#lineAtMs >= LINE_INTERVAL_MS) {
      this.#lineAtMs = nowMs;
      process.stderr.write(`${text}\n`);
    }
  }

  end(): void {
    if (process.stderr.isTTY) process.stderr.write('\n');
  }
}
