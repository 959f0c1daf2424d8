import { randomUUID } from 'node:crypto';
import type { BrokerConnection } from '../../broker/connection.ts';
import { Publisher } from '../../broker/publisher.ts';
import { VerdictListener } from '../../broker/verdict-listener.ts';
import {
  ENVELOPE_SCHEMA,
  type Envelope,
  encode,
  type PurchaseRequest,
  type Verdict,
} from '../../contracts/messages.ts';
import type { Schema } from '../../contracts/names.ts';
import { ORDERS_EXCHANGE } from '../../contracts/topology.ts';
import { createSale, createSku, type NewSku, placeOrders } from '../../db/calls.ts';
import type { Databases } from '../../db/client/pool.ts';
import { createMetrics } from '../../process/metrics.ts';
import { BATCH_LIMITS } from '../../worker/batch.ts';
import { OrdersConsumer } from '../../worker/consume.ts';
import { Decider, type PlaceOrders } from '../../worker/decide.ts';
import { createWorkerMetrics } from '../../worker/metrics.ts';
import { RETRY_LIMITS } from '../../worker/retry.ts';
import { log } from '../broker/harness.ts';
import { uniqueName } from '../servers.ts';

/** The web node's side and the worker's side of an orders queue, for tests. */

const HOUR_MS = 3_600_000;

/** Creates an open SKU in a sale of its own. */
export async function openSku(
  databases: Databases,
  units: number,
  more: Partial<NewSku> = {},
): Promise<string> {
  const sale = uniqueName('sale');
  const sku = uniqueName('sku');
  const now = Date.now();
  await createSale(databases, {
    sale,
    title: 'Test',
    opensAt: new Date(now - HOUR_MS),
    closesAt: new Date(now + HOUR_MS),
    payWindowSeconds: 600,
  });
  await createSku(databases, {
    sku,
    sale,
    schema: 'regular',
    title: 'Test',
    price: '1.00',
    currency: 'EUR',
    userLimit: 1,
    units,
    ...more,
  });
  return sku;
}

export function purchases(count: number, changes: Partial<PurchaseRequest> = {}) {
  return Array.from({ length: count }, (): PurchaseRequest => {
    const requestId = randomUUID();
    return { requestId, userId: `user-${requestId}`, units: 1, ...changes };
  });
}

/** Packs requests into envelopes as the web node does. */
export function pack(sku: string, requests: readonly PurchaseRequest[], size = 16): Envelope[] {
  const envelopes: Envelope[] = [];
  for (let from = 0; from < requests.length; from += size) {
    envelopes.push({ sku, node: 'node-1', requests: requests.slice(from, from + size) });
  }
  return envelopes;
}

/** Publishes envelopes and records the verdicts that come back. */
export async function openWebNode(connection: BrokerConnection) {
  const verdicts = new Map<string, Verdict[]>();
  const delayed = new Set<string>();
  const listener = await VerdictListener.open(connection, uniqueName('web'), (told, late) => {
    for (const requestId of late) delayed.add(requestId);
    for (const verdict of told) {
      verdicts.set(verdict.requestId, [...(verdicts.get(verdict.requestId) ?? []), verdict]);
    }
  });
  const publisher = await Publisher.open(connection);
  const send = (content: Buffer, schema = ENVELOPE_SCHEMA) =>
    publisher.publish({
      exchange: ORDERS_EXCHANGE,
      routingKey: 'regular',
      schema,
      content,
      replyTo: listener.replyTo,
      persistent: true,
      mandatory: true,
    });
  return {
    verdicts,
    /** Ids of requests that became dead letters. */
    delayed,
    send,
    /** Resolves when all are confirmed. */
    async sendAll(envelopes: readonly Envelope[], schema = ENVELOPE_SCHEMA): Promise<void> {
      for (const envelope of envelopes) {
        const result = await send(encode(envelope), schema);
        if (result !== 'confirmed') throw new Error(`publish: ${result}`);
      }
    },
    statusOf: (requestId: string) => verdicts.get(requestId)?.[0]?.status,
  };
}

/** A worker's consumer of the orders of `schema`. `around` may wrap the call of the routine. */
export async function openWorker(
  connections: { consuming: BrokerConnection; publishing: BrokerConnection },
  databases: Databases,
  around: (call: PlaceOrders) => PlaceOrders = (call) => call,
  schema: Schema = 'regular',
  { prefetchMax = 100, batchRequestsMax = BATCH_LIMITS.batchRequestsMax } = {},
) {
  const registry = createMetrics('test');
  const metrics = createWorkerMetrics(registry);
  const giveUp = new AbortController();
  const retries: string[] = [];
  const call: PlaceOrders = (sku, requests, wait) =>
    placeOrders(databases, schema, sku, requests, { wait, withTerms: true });
  const decider = new Decider({
    placeOrders: around(call),
    limits: { ...RETRY_LIMITS, retryDelayInitialMs: 5, retryDelayMaxMs: 50 },
    log,
    stopping: giveUp.signal,
    onRetry: (kind) => retries.push(kind),
  });
  const consumer = await OrdersConsumer.open({
    schema,
    connection: connections.consuming,
    publisher: await Publisher.open(connections.publishing),
    decider,
    prefetchMax,
    limits: { ...BATCH_LIMITS, batchRequestsMax },
    giveUp: giveUp.signal,
    log,
    metrics,
  });
  return {
    consumer,
    retries,
    metrics: registry,
    /** Ends the consumer without deciding what it holds. */
    async abandon() {
      giveUp.abort();
      await consumer.close();
    },
  };
}
