import type { SkuOnSale } from '../catalogue/catalogue.ts';
import { Problem, type Refusal } from '../http/problems.ts';
import type { Press } from './press.ts';
import { type GateParts, ORDER, type SlowStep, type Step } from './steps.ts';

/** Runs the steps that are listed in `steps.ts`. No step on the fast path does I/O. */
export class Gate {
  readonly #parts: GateParts;

  constructor(parts: GateParts) {
    this.#parts = parts;
  }

  find(sku: string): SkuOnSale | undefined {
    return this.#parts.catalogue.sku(sku);
  }

  /** Runs the steps of the fast path. A press that passes counts as kept, for `keep = auto`. */
  look(press: Press): Refusal | undefined {
    const refusal = this.refusal(ORDER.url, press);
    if (refusal === undefined) this.#parts.allotment.pressed(press.sku, true);
    return refusal;
  }

  /**
   * Returns the first refusal. The result is a promise only where a step has to wait, because a
   * promise for each press would be costly.
   */
  refusal<P>(steps: readonly Step<P>[], press: P): Refusal | undefined;
  refusal<P>(steps: readonly SlowStep<P>[], press: P, from?: number): ReturnType<SlowStep<P>>;
  refusal<P>(steps: readonly SlowStep<P>[], press: P, from = 0): ReturnType<SlowStep<P>> {
    for (let at = from; at < steps.length; at += 1) {
      const refusal = steps[at]?.(press, this.#parts);
      if (refusal instanceof Promise) {
        return refusal.then((late) => late ?? this.refusal<P>(steps, press, at + 1));
      }
      if (refusal !== undefined) return refusal;
    }
    return undefined;
  }

  /** @throws {Problem} the first refusal */
  check<P>(steps: readonly Step<P>[], press: P): void {
    const refusal = this.refusal(steps, press);
    if (refusal !== undefined) throw new Problem(refusal.verdict, refusal);
  }

  /**
   * Undoes the effects of a request that drew units but was certainly not taken: its user can try
   * again at once with the same ticket.
   */
  undo(ticketId: string, userId: string): void {
    this.#parts.cooldown.end(userId);
    this.#parts.usedTickets.delete(ticketId);
  }
}
