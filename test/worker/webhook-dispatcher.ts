import { expect } from 'vitest';
import { SCHEMAS, type Schema } from '../../contracts/names.ts';
import {
  addWebhook,
  noteWebhook,
  outboxBatch,
  outboxDone,
  payOrder,
  reportWebhooks,
  setWebhookState,
  takeWebhooks,
  webhookEndpoints,
  webhookLags,
  webhookTargets,
} from '../../db/calls.ts';
import type { Databases } from '../../db/client/pool.ts';
import { createMetrics } from '../../process/metrics.ts';
import { createWebhookMetrics, deliverWebhooks } from '../../worker/webhooks/dispatcher.ts';
import { WEBHOOK_LIMITS, type WebhookLimits } from '../../worker/webhooks/retry.ts';
import { log } from '../broker/harness.ts';
import { order } from '../db/shop.ts';
import { until } from '../until.ts';
import { lives, type Receiver, startReceiver } from './receiver.ts';

/** Workers that deliver to merchants' servers, with delays short enough for a test. */

export const LIMITS: WebhookLimits = {
  ...WEBHOOK_LIMITS,
  retryDelayInitialMs: 20,
  retryDelayMaxMs: 100,
  timeoutMs: 2_000,
};
export const SECRET = `whsec_${Buffer.alloc(32, 1).toString('base64')}`;
/** The events of an order that is paid. */
const LIFE = ['order.placed', 'order.paid'];

export interface Merchant {
  readonly receiver: Receiver;
  readonly endpoint: string;
}

/** The merchants and workers of one test file. `end` ends those of one test. */
export class Webhooks {
  readonly #worker: Databases;
  readonly #ops: Databases;
  readonly #receivers: Receiver[] = [];
  readonly #dispatchers: { stop: AbortController; ended: Promise<void> }[] = [];
  #endpoints = 0;

  constructor(worker: Databases, ops: Databases) {
    this.#worker = worker;
    this.#ops = ops;
  }

  async merchant(): Promise<Merchant> {
    const receiver = await startReceiver();
    this.#receivers.push(receiver);
    receiver.secret = SECRET;
    this.#endpoints += 1;
    const endpoint = `wh_${String(this.#endpoints).padStart(12, '0')}`;
    const kinds = ['placed', 'paid'] as const;
    await addWebhook(this.#ops, { endpoint, url: receiver.url, kinds, secret: SECRET });
    return { receiver, endpoint };
  }

  startDispatcher(changes: Partial<WebhookLimits> = {}, schemas: readonly Schema[] = SCHEMAS) {
    const worker = this.#worker;
    const stop = new AbortController();
    const registry = createMetrics('test');
    const ended = deliverWebhooks({
      homes: schemas,
      targets: () => webhookTargets(worker),
      lags: () => webhookLags(worker),
      calls: (schema) => ({
        take: (target, limits) => takeWebhooks(worker, schema, target, limits),
        report: (endpoint, reports) => reportWebhooks(worker, schema, endpoint, reports),
        note: (endpoint, note) => noteWebhook(worker, endpoint, note),
      }),
      isBusy: () => false,
      rules: { allowHttp: true, allowPrivate: true },
      limits: { ...LIMITS, ...changes },
      metrics: createWebhookMetrics(registry),
      log,
      stopping: stop.signal,
    });
    this.#dispatchers.push({ stop, ended });
    return { registry, stop, ended };
  }

  /** Publishes events, as the relay of a schema does. */
  async publish(schema: Schema): Promise<void> {
    const events = await outboxBatch(this.#worker, schema, 'test', 1_000);
    await outboxDone(this.#worker, schema, [...new Set(events.map(({ eventNo }) => eventNo))]);
  }

  /** Places and pays orders, publishes their events, and returns the order numbers. */
  async trade(sku: string, count: number): Promise<string[]> {
    const numbers: string[] = [];
    for (let n = 0; n < count; n += 1) {
      const orderNo = await order(this.#worker, sku);
      await payOrder(this.#worker, orderNo, `w-${orderNo}`);
      numbers.push(orderNo);
    }
    await this.publish('hot');
    return numbers;
  }

  /** How far an endpoint is behind the event log of `hot`. */
  async lagOf(endpoint: string) {
    const lags = await webhookLags(this.#ops);
    return lags.find((lag) => lag.endpoint === endpoint && lag.schema === 'hot');
  }

  async end(): Promise<void> {
    for (const { stop } of this.#dispatchers) stop.abort();
    await Promise.all(this.#dispatchers.splice(0).map(({ ended }) => ended));
    await Promise.all(this.#receivers.splice(0).map((receiver) => receiver.close()));
    for (const { endpoint } of await webhookEndpoints(this.#ops)) {
      await setWebhookState(this.#ops, endpoint, 'operator');
    }
  }
}

/** Waits until the merchant has accepted both events of each order, in order. */
export function untilTaken({ taken }: Receiver, numbers: readonly string[]) {
  return until('all are taken', () => {
    const told = lives(taken);
    for (const no of numbers) expect(told.get(no)).toEqual(LIFE);
    return true;
  });
}
