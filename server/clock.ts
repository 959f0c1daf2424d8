import { steadyMs } from '../process/clock.ts';

/**
 * The database's clock, as well as it can be told from here: sale windows and tickets are judged by
 * it. Each answer that carries its time is a sample; the one with the shortest round trip among the
 * last few is believed, as in NTP's clock filter (RFC 5905 §10), since delay is what makes a sample
 * wrong. The few are forgotten in turn, so that a clock that drifts is followed.
 */
const SAMPLES_MAX = 16;

interface Sample {
  readonly roundTripMs: number;
  /** Database time minus this process's own, in milliseconds. */
  readonly offsetMs: number;
}

export class DatabaseClock {
  readonly #samples: Sample[] = [];
  readonly #ownMs: () => number;
  #offsetMs: number;

  /**
   * @param ownMs this process's clock, which goes on while the machine sleeps, and does not follow a
   * wall clock that is put forward: samples taken before would be wrong by the step
   */
  constructor(ownMs = steadyMs) {
    this.#ownMs = ownMs;
    // Until the first sample, this machine's own clock.
    this.#offsetMs = Date.now() - ownMs();
  }

  /** @param askedAtMs, answeredAtMs by this process's clock, before and after the question */
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
