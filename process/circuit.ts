/**
 * Holds calls back from a service that fails, so that callers do not all wait for the same timeout.
 *
 * - Closed: calls are made. Several failures in a row open the circuit.
 * - Open: for some time all calls are refused at once. Then the next one is the trial.
 * - On trial: all other calls are refused at once. The result of the trial closes the circuit, or
 *   opens it again. Nobody waits for it, because what a caller has checked before may not be true
 *   afterwards.
 *
 * The time is monotonic: no circuit stays open because the wall clock was set back.
 */

export interface CircuitOptions {
  /** The circuit opens after this many failures in a row. */
  readonly failuresMax: number;
  /** A trial may begin this long after the circuit has opened. */
  readonly openMs: number;
  /** Results that count as failures, as errors do. */
  readonly isFailure?: (result: unknown) => boolean;
}

export class Circuit {
  readonly #failuresMax: number;
  readonly #openMs: number;
  readonly #isFailure: (result: unknown) => boolean;
  #failures = 0;
  #openings = 0;
  /** Calls are let through from this time on. During a trial there is no such time. */
  #availableAtMs = Number.NEGATIVE_INFINITY;

  constructor({ failuresMax, openMs, isFailure = () => false }: CircuitOptions) {
    this.#failuresMax = failuresMax;
    this.#openMs = openMs;
    this.#isFailure = isFailure;
  }

  /** Returns whether a call that is made now would be let through. */
  available(): boolean {
    return performance.now() >= this.#availableAtMs;
  }

  /**
   * Makes the call before it returns, or never.
   *
   * @param call has a timeout of its own, since nothing else is let through while it is the trial
   * @returns undefined if the call was refused
   * @throws what the call throws
   */
  async run<Result>(call: () => Promise<Result>): Promise<Result | undefined> {
    if (!this.available()) return undefined;
    const isTrial = this.#failures >= this.#failuresMax;
    if (isTrial) this.#availableAtMs = Number.POSITIVE_INFINITY;
    const openings = this.#openings;
    let isFailure = true;
    try {
      const result = await call();
      isFailure = this.#isFailure(result);
      return result;
    } finally {
      // A call that began before the circuit opened says nothing about the service now.
      if (openings === this.#openings) this.#count(isFailure);
    }
  }

  #count(isFailure: boolean): void {
    this.#failures = isFailure ? this.#failures + 1 : 0;
    const isOpen = this.#failures >= this.#failuresMax;
    if (isOpen) this.#openings += 1;
    this.#availableAtMs = isOpen ? performance.now() + this.#openMs : Number.NEGATIVE_INFINITY;
  }
}
