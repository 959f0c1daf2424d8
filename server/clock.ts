/**
 * The database's clock, as well as it can be told from here: sale windows and tickets are judged by
 * it. Each answer that carries its time is a sample; the one with the shortest round trip among the
 * last few is believed, as in NTP's clock filter (RFC 5905 §10), since delay is what makes a sample
 * wrong. The few are forgotten in turn, so that a clock that drifts is followed.
 */
const SAMPLES_MAX = 16;

interface Sample {
  readonly roundTripMs: number;
  /** Database time minus this process's monotonic time, in milliseconds. */
  readonly offsetMs: number;
}

export class DatabaseClock {
  readonly #samples: Sample[] = [];
  /** Until the first sample, this machine's own clock. */
  #offsetMs = performance.timeOrigin;

  /** @param askedAtMs, answeredAtMs performance.now() before and after the question */
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
    return performance.now() + this.#offsetMs;
  }
}
