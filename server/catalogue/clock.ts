import { steadyMs } from '../../process/clock.ts';

/**
 * Estimates the database's clock, by which sale windows and tickets are judged. Each answer with
 * the database's time is a sample. Of the last samples, the one with the shortest round trip is
 * used, as in NTP's clock filter (RFC 5905 §10), because delay causes the error of a sample. Old
 * samples are dropped, so that the estimate follows a clock that drifts.
 */
const SAMPLES_MAX = 16;

interface Sample {
  readonly roundTripMs: number;
  /** Database time minus this process's own time, in milliseconds. */
  readonly offsetMs: number;
}

export class DatabaseClock {
  readonly #samples: Sample[] = [];
  readonly #ownMs: () => number;
  #offsetMs: number;

  /**
   * @param ownMs this process's clock. It must go on while the machine sleeps and must not follow
   *   changes of the wall clock, because these would make the earlier samples wrong.
   */
  constructor(ownMs = steadyMs) {
    this.#ownMs = ownMs;
    // Before the first sample, the clock of this machine is used.
    this.#offsetMs = Date.now() - ownMs();
  }

  /** @param askedAtMs, answeredAtMs by this process's clock, before and after the query */
  sample(serverTime: Date, askedAtMs: number, answeredAtMs: number): void {
    const roundTripMs = answeredAtMs - askedAtMs;
    const offsetMs = serverTime.getTime() - (askedAtMs + roundTripMs / 2);
    this.#samples.push({ roundTripMs, offsetMs });
    if (this.#samples.length > SAMPLES_MAX) this.#samples.shift();
    const best = this.#samples.reduce((a, b) => (b.roundTripMs < a.roundTripMs ? b : a));
    this.#offsetMs = best.offsetMs;
  }

  /** Milliseconds since the epoch. */
  nowMs(): number {
    return this.#ownMs() + this.#offsetMs;
  }
}
