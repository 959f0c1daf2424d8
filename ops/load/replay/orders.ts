import { textOf } from '../client/answers.ts';
import { pathOf } from '../client/calls.ts';
import { READ_TIMEOUT_MS, WRITE_TIMEOUT_MS } from '../client/visit.ts';
import { pathIn } from '../shopper/buyer.ts';
import { type Due, type MakeCall, NO_SKU, type Stage, type WhyNot, waitSeconds } from './stage.ts';

/** The orders of a replayed shopper, and its places in the waitlist. */
export class Orders {
  readonly #stage: Stage;
  readonly #call: MakeCall;
  /** By their numbers in the recording. */
  readonly #byNumber = new Map<number, string>();
  /** Those that no recorded order stands for yet. */
  readonly #new: string[] = [];
  readonly #seen = new Set<string>();
  readonly #settled = new Set<string>();
  /** Calls that run and may tell of an order. */
  readonly #asking = new Set<Promise<unknown>>();

  constructor(stage: Stage, call: MakeCall) {
    this.#stage = stage;
    this.#call = call;
  }

  /** Remembers a call that may tell of an order, until it is answered. */
  async expect<Result>(call: Promise<Result>): Promise<Result> {
    this.#asking.add(call);
    try {
      return await call;
    } finally {
      this.#asking.delete(call);
    }
  }

  /** Whether the answer has an order that was not seen before. */
  note(body: unknown): boolean {
    const orderNo = textOf((body as { order?: unknown } | undefined)?.order, 'orderNo');
    if (orderNo === undefined || this.#seen.has(orderNo)) return false;
    this.#seen.add(orderNo);
    this.#new.push(orderNo);
    return true;
  }

  async handle({ recorded, dueMs, token }: Due): Promise<WhyNot> {
    const { call, order: number = 0 } = recorded;
    // What would tell of the order may take longer here than it took then.
    if (!this.#byNumber.has(number) && this.#new.length === 0) await Promise.all(this.#asking);
    const orderNo = this.#byNumber.get(number) ?? this.#new.shift();
    if (orderNo === undefined) return 'calls about orders that were not made here';
    this.#byNumber.set(number, orderNo);
    const timeoutMs = call === 'order' ? READ_TIMEOUT_MS : WRITE_TIMEOUT_MS;
    const path = pathOf(call, { orderNo });
    const answer = await this.#call({ name: call, path, token, dueMs, timeoutMs }, recorded);
    const isEnd = answer.kind === 'ok' && (call === 'pay' || call === 'cancel');
    if (!isEnd || this.#settled.has(orderNo)) return undefined;
    this.#settled.add(orderNo);
    this.#stage.tally.orders[call === 'pay' ? 'paid' : 'cancelled'] += 1;
    return undefined;
  }

  /** A call about a place in the waitlist. */
  async wait({ recorded, dueMs, token }: Due): Promise<WhyNot> {
    const { call, wait, quantity = 1, sku: place } = recorded;
    const { plan, skuAt, tally } = this.#stage;
    const sku = skuAt(place);
    if (sku === undefined) return NO_SKU;
    const path = pathOf(call, { sale: plan.sale, sku });
    const seconds = waitSeconds(recorded, this.#stage);
    const answer = await this.#call(
      {
        ...{ name: call, token, dueMs },
        path: wait === undefined ? path : pathIn(path, { wait: seconds }),
        ...(call === 'waitlist-join' && { body: { quantity }, timeoutMs: WRITE_TIMEOUT_MS }),
        ...(wait !== undefined && { timeoutMs: seconds * 1_000 + READ_TIMEOUT_MS }),
      },
      recorded,
    );
    // No purchase stands for an order that the waitlist has brought.
    if (answer.kind !== 'ok' || !this.note(answer.body)) return undefined;
    tally.orders.made += 1;
    tally.orders.served += 1;
    return undefined;
  }
}
