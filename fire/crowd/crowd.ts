import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { type GoodsName, WAVES } from '../kinds.ts';
import { Random } from '../random.ts';
import { Client, type Place } from './client.ts';
import { Shopper, type Wish } from './shopper.ts';

/** Shoppers who come one after the other, in several lines, while the system is under fire. */

const LINES = 8;
const PAUSE_MS = [50, 500] as const;
/** Shoppers of a rush press at the same moment, for the same goods, at the same node. */
const RUSH_SHARE = 0.8;
const RUSH_PAUSE_MS = [300, 1_100] as const;
/** After this time the next wave is wanted as well, and the last of these no more. In the end it is the first. */
const WAVE_MS = 4_000;
const WAVES_AT_ONCE = 3;
/** To turn to another device. A node may say `queued` for 200 ms after another node has told more. */
const TURN_MS = 300;
/** Over before the first answer is there. */
const ONE_PRESS_MS = 0;
/** Some pay only after the time for it is over. */
const LATE_MS = 7_000;
const WAITLIST_MS = 6_000;
/** Longer than a node remembers a list. */
const LIST_MS = 1_500;

const WEIGHTS: Readonly<Partial<Record<GoodsName, number>>> = {
  ...{ counted: 4, plenty: 3, daily: 2, pot: 2, seats: 2 },
};
const WAVE_WEIGHT = 6;

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
  readonly #cameMs = performance.now();

  constructor(place: Place, sale: string, goods: readonly Goods[], seed: number) {
    this.#place = place;
    this.#sale = sale;
    this.#goods = goods;
    this.#seed = seed;
  }

  come(lines = LINES): void {
    const each = Array.from({ length: lines }, (_, line) => this.#line(line));
    this.#lines = Promise.all([...each, this.#rushes(Math.ceil(lines * RUSH_SHARE))]);
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

  /** One rush after the other: none waits until the shoppers of the last one have ended. */
  async #rushes(shoppers: number): Promise<void> {
    const random = new Random(this.#seed, 'rushes');
    while (!this.#leaving.signal.aborted) {
      const goods = this.#wanted(random);
      const node = random.between(0, this.#place.nodes.length - 1);
      for (let count = random.between(1, shoppers); count > 0; count -= 1) {
        const own = new Random(random.between(0, 1e9), 'shopper');
        this.#set(this.#purchase(this.shopper(own, undefined, node), goods, 1, own));
      }
      await delay(random.between(...RUSH_PAUSE_MS));
    }
  }

  /** Counted goods and the present waves are what most want. */
  #wanted(random: Random): Goods {
    const newest = Math.floor((performance.now() - this.#cameMs) / WAVE_MS);
    const wave = WAVES[Math.max(0, newest - random.between(0, WAVES_AT_ONCE - 1)) % WAVES.length];
    const there = this.#goods.filter(
      ({ name }) => name === wave || !WAVES.some((one) => one === name),
    );
    return random.weighted(there, ({ name }) => WEIGHTS[name] ?? WAVE_WEIGHT);
  }

  async #visit(random: Random): Promise<void> {
    const goods = this.#wanted(random);
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
    // Some press once and rather wait in line.
    const pressed = await shopper.press(wish, random.chance(0.4) ? ONE_PRESS_MS : undefined);
    if (!pressed.mayBeTaken) {
      // The shop says whether there is a waitlist, and whether units are free after all.
      const refusal = String(pressed.answer.body['verdict']);
      const isGone = ['sold_out', 'quota_spent', 'cooldown'].includes(refusal);
      if (isGone && goods.price > 0) this.#set(this.#waitFor(shopper, wish));
      return;
    }
    // Some leave, and their request is decided all the same.
    if (random.chance(0.1)) return;
    const { body } = await this.#outcome(shopper, pressed.requestId, goods, random);
    const order = body['order'] as { orderNo: string } | undefined;
    const isListing = random.chance(0.3);
    if (body['status'] === 'ordered' && order !== undefined) {
      if (isListing) await shopper.orders();
      await this.#settle(shopper, order.orderNo, wish, random);
      await shopper.status(pressed.requestId, goods.sku);
    }
    if (!isListing) return;
    await shopper.orders();
    // Other shoppers do not wait for the second look.
    this.#set(delay(LIST_MS).then(() => shopper.orders()));
  }

  /** Some ask at another device, and then look at the first one again. */
  async #outcome(shopper: Shopper, requestId: string, { sku }: Goods, random: Random) {
    if (!random.chance(0.3)) return shopper.outcome(requestId, sku);
    const answer = await shopper.elsewhere(requestId).outcome(requestId, sku);
    await delay(TURN_MS);
    await shopper.status(requestId, sku);
    return answer;
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
