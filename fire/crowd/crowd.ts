import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { GoodsName } from '../kinds.ts';
import { Random } from '../random.ts';
import { Client, type Place } from './client.ts';
import { Shopper, type Wish } from './shopper.ts';

/** Shoppers who come one after the other, in several lines, while the system is under fire. */

const LINES = 10;
const PAUSE_MS = [50, 500] as const;
/** Some pay only after the time for it is over. */
const LATE_MS = 7_000;
const WAITLIST_MS = 6_000;

export interface Goods {
  readonly name: GoodsName;
  readonly sku: string;
  readonly price: number;
  readonly limit: number;
}

export class Crowd {
  readonly #place: Place;
  readonly #sale: string;
  readonly #goods: readonly Goods[];
  readonly #seed: number;
  readonly #leaving = new AbortController();
  readonly #shoppers: Shopper[] = [];
  /** What people do beside the lines: pay late, wait in the waitlist. */
  readonly #aside = new Set<Promise<unknown>>();
  #lines: Promise<unknown> = Promise.resolve();

  constructor(place: Place, sale: string, goods: readonly Goods[], seed: number) {
    this.#place = place;
    this.#sale = sale;
    this.#goods = goods;
    this.#seed = seed;
  }

  come(lines = LINES): void {
    this.#lines = Promise.all(Array.from({ length: lines }, (_, line) => this.#line(line)));
  }

  /** No more shoppers come. Resolves when all have ended what they do. */
  async leave(): Promise<void> {
    this.#leaving.abort();
    await this.#lines;
    await Promise.all(this.#aside);
  }

  /** A shopper whom the crowd looks after at the end. */
  shopper(random: Random, user = `user-${randomUUID()}`, at?: number): Shopper {
    const node = at ?? random.between(0, this.#place.nodes.length - 1);
    const shopper = new Shopper(new Client(this.#place, user, node), random);
    this.#shoppers.push(shopper);
    return shopper;
  }

  wish({ sku, price }: Goods, quantity: number): Wish {
    return { sale: this.#sale, sku, quantity, price };
  }

  async #line(line: number): Promise<void> {
    const random = new Random(this.#seed, `line ${line}`);
    while (!this.#leaving.signal.aborted) {
      await this.#visit(random);
      await delay(random.between(...PAUSE_MS));
    }
  }

  async #visit(random: Random): Promise<void> {
    // Counted goods are what most want.
    const goods = random.weighted(this.#goods, ({ name }) => (name === 'counted' ? 4 : 2));
    const user = `user-${randomUUID()}`;
    // Some sit at two devices and try to get more than their limit.
    const devices = random.chance(0.2) ? 2 : 1;
    const quantity = random.between(1, goods.limit);
    await Promise.all(
      Array.from({ length: devices }, () =>
        this.#purchase(this.shopper(random, user), goods, quantity, random),
      ),
    );
  }

  async #purchase(shopper: Shopper, goods: Goods, quantity: number, random: Random) {
    const wish = this.wish(goods, quantity);
    const pressed = await shopper.press(wish);
    if (!pressed.mayBeTaken) {
      // The shop says whether there is a waitlist, and whether units are free after all.
      const refusal = String(pressed.answer.body['verdict']);
      const isGone = ['sold_out', 'quota_spent', 'cooldown'].includes(refusal);
      if (isGone && goods.price > 0) this.#set(this.#waitFor(shopper, wish));
      return;
    }
    // Some leave, and their request is decided all the same.
    if (random.chance(0.1)) return;
    const { body } = await shopper.outcome(pressed.requestId, goods.sku);
    const order = body['order'] as { orderNo: string } | undefined;
    if (body['status'] === 'ordered' && order !== undefined) {
      await this.#settle(shopper, order.orderNo, wish, random);
      await shopper.status(pressed.requestId, goods.sku);
    }
    if (random.chance(0.3)) await shopper.orders();
  }

  async #settle(shopper: Shopper, orderNo: string, wish: Wish, random: Random): Promise<void> {
    const what = random.next();
    if (what < 0.55) await shopper.pay(orderNo, wish);
    else if (what < 0.7) await shopper.cancel(orderNo);
    // The page has both buttons.
    else if (what < 0.8) await Promise.all([shopper.pay(orderNo, wish), shopper.cancel(orderNo)]);
    else if (what < 0.9) {
      this.#set(delay(LATE_MS).then(() => shopper.pay(orderNo, wish)));
    }
  }

  async #waitFor(shopper: Shopper, wish: Wish): Promise<void> {
    const orderNo = await shopper.wait(wish, WAITLIST_MS);
    if (orderNo !== undefined) await shopper.pay(orderNo, wish);
  }

  #set(work: Promise<unknown>): void {
    const kept = work.finally(() => this.#aside.delete(kept));
    this.#aside.add(kept);
  }

  /** Asks for every request that the shop has or may have, until none is queued or the time is over. */
  async lookUp(deadlineMs: number): Promise<void> {
    const startedMs = performance.now();
    const open = this.#shoppers.flatMap((shopper) =>
      shopper.requests.map((requestId) => ({ shopper, requestId })),
    );
    const ask = async () => {
      for (let next = open.pop(); next !== undefined; next = open.pop()) {
        for (;;) {
          const { status, body } = await next.shopper.status(next.requestId, '');
          const isDone = status === 404 || (status === 200 && body['status'] !== 'queued');
          if (isDone || performance.now() - startedMs > deadlineMs) break;
          await delay(500);
        }
      }
    };
    await Promise.all(Array.from({ length: LINES }, ask));
  }
}
