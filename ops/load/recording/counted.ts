import type { CallName } from '../client/calls.ts';
import { Counter } from '../report/counts.ts';
import type { Counts } from '../report/report.ts';
import { ORDERED } from '../shopper/requests.ts';
import type { AnonymousCall } from './anonymous.ts';
import type { RecordedCall, RecordingHeader } from './format.ts';
import { Remembered } from './names.ts';

/**
 * The second reading, in the order in which calls began: gives purchases and orders their numbers, and counts what
 * the header tells.
 */

/** Shoppers, purchases and orders that are remembered, each. */
const REMEMBERED_MAX = 500_000;
const REFUSED = { from: 400, to: 498 };

interface Purchase {
  readonly number: number;
  /** The shop has said 202, or has told how it stands. */
  isTaken: boolean;
  /** It is not known whether the shop has taken it. */
  isUnsure: boolean;
  outcome: string | undefined;
}

export class CountedCalls {
  readonly #shoppers = new Remembered<true>(REMEMBERED_MAX);
  readonly #purchases = new Remembered<Purchase>(REMEMBERED_MAX, (one) => this.#count(one));
  readonly #orders = new Remembered<number>(REMEMBERED_MAX);
  readonly #answers = new Map<CallName, Counter>();
  readonly #outcomes = new Counter();
  #range: { readonly fromMs: number; readonly toMs: number } | undefined;
  #calls = 0;
  #shopperCount = 0;
  #lastNumber = 0;

  /** Undefined: a status call that is about no purchase of the sale. */
  take(given: AnonymousCall, who: string): RecordedCall | undefined {
    const { at, ms, from, call, verdict, outcome, sku, quantity, order, wait } = given;
    const request = this.#purchaseOf(given)?.number;
    if (request === undefined && call !== 'buy' && given.request !== undefined && !given.isOfSale) {
      return undefined;
    }
    const answers = this.#answers.get(call) ?? new Counter();
    this.#answers.set(call, answers);
    answers.add(verdict);
    this.#calls += 1;
    this.#range = { fromMs: this.#range?.fromMs ?? at, toMs: at };
    if (this.#shoppers.get(who) === undefined) this.#shopperCount += 1;
    this.#shoppers.set(who, true);
    return {
      ...{ at, ms, who, from, call, verdict },
      ...(outcome !== undefined && { outcome }),
      ...(sku !== undefined && { sku }),
      ...(quantity !== undefined && quantity > 1 && { quantity }),
      ...(request !== undefined && { request }),
      ...(order !== undefined && { order: this.#orderOf(order) }),
      ...(wait !== undefined && { wait }),
    };
  }

  /** Asked once, at the end. */
  get header(): Pick<
    RecordingHeader,
    'fromMs' | 'toMs' | 'calls' | 'shoppers' | 'answers' | 'outcomes'
  > {
    for (const purchase of this.#purchases.values()) this.#count(purchase);
    const answers = [...this.#answers].map(([call, { counts }]): [string, Counts] => [
      call,
      counts,
    ]);
    return {
      ...(this.#range ?? { fromMs: 0, toMs: 0 }),
      ...{ calls: this.#calls, shoppers: this.#shopperCount },
      answers: Object.fromEntries(answers),
      outcomes: this.#outcomes.counts,
    };
  }

  /** The purchase that a call makes or asks for, unless it was refused: nobody asks for that one again. */
  #purchaseOf({ call, status, verdict, outcome, request }: AnonymousCall): Purchase | undefined {
    if (request === undefined) return undefined;
    const known = this.#purchases.get(request);
    if (call !== 'buy') {
      // Anybody can ask for an id: only what the shop knows counts.
      if (known === undefined && outcome === undefined) return undefined;
      const purchase = known ?? this.#newPurchase(request);
      if (outcome !== undefined) purchase.isTaken = true;
      if (outcome !== undefined && outcome !== 'queued') purchase.outcome ??= outcome;
      return purchase;
    }
    if (known === undefined && status >= REFUSED.from && status <= REFUSED.to) {
      this.#outcomes.add('refused');
      return undefined;
    }
    const purchase = known ?? this.#newPurchase(request);
    if (status < 300) purchase.isTaken = true;
    else if (verdict === 'left' || status !== 503) purchase.isUnsure = true;
    return purchase;
  }

  #newPurchase(request: string): Purchase {
    this.#lastNumber += 1;
    const flags = { isTaken: false, isUnsure: false };
    const purchase = { number: this.#lastNumber, ...flags, outcome: undefined };
    this.#purchases.set(request, purchase);
    return purchase;
  }

  #count({ isTaken, isUnsure, outcome }: Purchase): void {
    if (outcome !== undefined) this.#outcomes.add(ORDERED.has(outcome) ? 'ordered' : outcome);
    else this.#outcomes.add(isTaken || isUnsure ? 'unknown' : 'refused');
  }

  #orderOf(order: string): number {
    const known = this.#orders.get(order);
    if (known !== undefined) return known;
    this.#lastNumber += 1;
    this.#orders.set(order, this.#lastNumber);
    return this.#lastNumber;
  }
}
