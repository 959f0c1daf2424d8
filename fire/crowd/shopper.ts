import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Random } from '../random.ts';
import type { Answer, Client } from './client.ts';

/** A whole shopper: ticket, press, outcome, and what people do with an order. */

export interface Wish {
  readonly sale: string;
  readonly sku: string;
  readonly quantity: number;
  readonly price: number;
}

const WAIT_S = 4;
/** A press is repeated so long while the shop says "again" or does not answer. */
const PRESS_MS = 6_000;
const FOLLOW_MS = 25_000;
const PAUSE_MS = { retry: 300, again: 900, poll: 250 } as const;

export interface Pressed {
  readonly requestId: string;
  readonly answer: Answer;
  /** Whether the shop has it, or may have it. */
  readonly mayBeTaken: boolean;
}

type Way = 'poll' | 'long-poll' | 'stream';

export class Shopper {
  readonly #client: Client;
  readonly #random: Random;
  /** Requests that the shop has or may have, for the last look at the end. */
  readonly requests: string[] = [];
  /** Where the shop said to ask. It has a receipt, by which a node knows the request of another node. */
  readonly #statusUrls = new Map<string, string>();

  constructor(client: Client, random: Random) {
    this.#client = client;
    this.#random = random;
  }

  /** Presses with one key until the shop takes it, refuses it for good, or the time is over. */
  async press({ sale, sku, quantity }: Wish, giveUpMs = PRESS_MS): Promise<Pressed> {
    const requestId = randomUUID();
    const isTwice = this.#random.chance(0.15);
    const startedMs = performance.now();
    let mayBeTaken = false;
    let answer: Answer = { status: null, body: {}, retryAfter: undefined };
    do {
      const ticket = await this.#client.call('ticket', 'POST', `/api/v1/sales/${sale}/tickets`, {
        body: { sku },
        about: { sku },
      });
      answer = ticket;
      if (ticket.status === 201) {
        const send = () =>
          this.#client.call('press', 'POST', `/api/v1/buy/${ticket.body['ticket']}`, {
            body: { quantity },
            headers: { 'idempotency-key': requestId },
            about: { sku, requestId, quantity },
          });
        const answers = await Promise.all(isTwice ? [send(), send()] : [send()]);
        answer = answers.find(({ status }) => status === 202) ?? (answers[0] as Answer);
        for (const { body } of answers) {
          if (typeof body['statusUrl'] === 'string')
            this.#statusUrls.set(requestId, body['statusUrl']);
        }
        mayBeTaken ||= answers.some(
          ({ status, body }) =>
            status === null || status === 202 || body['statusUrl'] !== undefined,
        );
      }
      if (mayBeTaken && !this.requests.includes(requestId)) this.requests.push(requestId);
      if (answer.status === 202 || !isAgain(answer)) break;
      await delay(answer.status === null ? PAUSE_MS.retry : PAUSE_MS.again);
    } while (performance.now() - startedMs < giveUpMs);
    return { requestId, answer, mayBeTaken };
  }

  /** Asks until the request is decided, or the time is over. */
  async outcome(requestId: string, sku: string, followMs = FOLLOW_MS): Promise<Answer> {
    const way = this.#random.one<Way>(['poll', 'long-poll', 'long-poll', 'stream']);
    const startedMs = performance.now();
    for (;;) {
      const answer = await this.status(requestId, sku, way);
      const isOpen = answer.status !== 200 || isQueued(answer);
      if (!isOpen || answer.status === 404) return answer;
      if (performance.now() - startedMs > followMs) return answer;
      await delay(PAUSE_MS.poll);
    }
  }

  /** The same shopper at another device, which another node serves. It knows where to ask. */
  elsewhere(requestId: string): Shopper {
    const other = new Shopper(this.#client.elsewhere(), this.#random);
    const url = this.#statusUrls.get(requestId);
    if (url !== undefined) other.#statusUrls.set(requestId, url);
    return other;
  }

  status(requestId: string, sku: string, way: Way = 'poll'): Promise<Answer> {
    const url = new URL(
      this.#statusUrls.get(requestId) ?? `/api/v1/requests/${requestId}`,
      'http://shop',
    );
    if (way === 'stream') url.pathname += '/events';
    if (way === 'long-poll') url.searchParams.set('wait', String(WAIT_S));
    return this.#client.call('status', 'GET', `${url.pathname}${url.search}`, {
      about: { sku, requestId },
    });
  }

  /** Pays, and tries again as the provider does; some payments come twice. */
  async pay(orderNo: string, { price, quantity }: Wish): Promise<void> {
    const reference = `ref-${randomUUID()}`;
    const amount = (price * quantity).toFixed(2);
    for (let tries = 0; tries < 8; tries += 1) {
      const { status } = await this.#client.pay(orderNo, reference, amount);
      const isDone = status !== null && status < 500 && status !== 429;
      if (isDone && !this.#random.chance(0.35)) break;
      await delay(PAUSE_MS.retry);
    }
    // Some pay in two windows.
    if (this.#random.chance(0.1)) await this.#client.pay(orderNo, `ref-${randomUUID()}`, amount);
  }

  async cancel(orderNo: string): Promise<void> {
    for (let tries = 0; tries < 3; tries += 1) {
      const path = `/api/v1/orders/${orderNo}/cancel`;
      const { status } = await this.#client.call('cancel', 'POST', path);
      const isDone = status !== null && status < 500;
      if (isDone && !this.#random.chance(0.3)) return;
      await delay(PAUSE_MS.retry);
    }
  }

  orders(): Promise<Answer> {
    return this.#client.call('orders', 'GET', '/api/v1/orders');
  }

  /**
   * Joins the waitlist, looks now and then, and leaves it: at the end of a run nobody else waits. The order of the
   * place, if it gets one.
   */
  async wait({ sale, sku, quantity }: Wish, forMs: number): Promise<string | undefined> {
    const path = `/api/v1/sales/${sale}/skus/${sku}/waiting`;
    const about = { sku };
    const joined = await this.#client.call('join', 'POST', path, { body: { quantity }, about });
    if (joined.status !== 201) return undefined;
    const startedMs = performance.now();
    while (performance.now() - startedMs < forMs) {
      const { body } = await this.#client.call('waiting', 'GET', `${path}?wait=${WAIT_S}`, {
        about,
      });
      const order = body['order'] as { orderNo?: string } | undefined;
      if (order?.orderNo !== undefined) return order.orderNo;
      await delay(PAUSE_MS.poll);
    }
    await this.#client.call('leave', 'DELETE', path, { about });
    return undefined;
  }
}

const isQueued = ({ body }: Answer) => body['status'] === undefined || body['status'] === 'queued';

/** Whether the shop says that another press may be taken. */
export const isAgain = ({ status, retryAfter, body }: Answer) =>
  status === null || (retryAfter !== undefined && body['verdict'] !== 'sold_out');
