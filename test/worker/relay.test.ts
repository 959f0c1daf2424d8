import { afterAll, beforeAll, expect, test } from 'vitest';
import { Publisher } from '../../broker/publisher.ts';
import { CLOUD_EVENT_TYPE, type CloudEvent, type OrderEvent } from '../../contracts/events.ts';
import { EVENTS_EXCHANGE } from '../../contracts/topology.ts';
import {
  audit,
  cancelOrder,
  leaveOutbox,
  outboxBatch,
  outboxDone,
  payOrder,
  placeOrders,
} from '../../db/calls.ts';
import { Databases } from '../../db/client/pool.ts';
import { createMetrics } from '../../process/metrics.ts';
import { createWorkerMetrics } from '../../worker/metrics.ts';
import { type OutboxCalls, relayOutbox } from '../../worker/outbox.ts';
import { createConnections, log } from '../broker/harness.ts';
import { type PrivateBroker, startPrivateBroker } from '../broker/private-broker.ts';
import { createDatabase, type TestDatabase } from '../db/database.ts';
import { openSale, requests, stock } from '../db/shop.ts';
import { until } from '../until.ts';

const QUEUE = 'readers';
const connections = createConnections();
const stopping = new AbortController();
let broker: PrivateBroker;
let database: TestDatabase;
let worker: Databases;

beforeAll(async () => {
  database = await createDatabase();
  worker = database.as('worker', 8);
  await database.admin.query({
    text: `UPDATE catalog.tunable SET value = 300 WHERE name = 'outbox_lease_ms'`,
  });
  broker = await startPrivateBroker();
  const connection = await connections.open(broker.url);
  const channel = await connection.openChannel();
  const quorum = { 'x-queue-type': 'quorum' };
  await channel.assertQueue(QUEUE, { durable: true, arguments: quorum });
  await channel.bindQueue(QUEUE, EVENTS_EXCHANGE, 'order.*');
  await connection.close();
  await broker.flush();
});

afterAll(async () => {
  stopping.abort();
  await connections.closeAll();
  await database?.remove();
  await broker?.remove();
});

/** Every so many batches, a relay holds a batch until another relay has published it. */
const HOLD_EVERY = 7;

/** How the relays disturb each other: one at a time pauses for longer than its lease. */
const holds = { taken: 0, now: false, unpublished: new Set<string>(), events: 0 };

/** Waits until another relay has published and reported these events after the end of the lease. */
async function holdUp(events: readonly OrderEvent[]): Promise<void> {
  if (events.length === 0 || holds.now) return;
  holds.taken += 1;
  if (holds.taken % HOLD_EVERY !== 1) return;
  holds.now = true;
  const rows = [...new Set(events.map(({ eventNo }) => eventNo))];
  await until('another relay has reported the events', async () => {
    const logged = await database.admin.query({
      text: 'SELECT FROM hot.event WHERE event_no = ANY ($1)',
      values: [rows],
    });
    return logged.length === rows.length;
  });
  holds.now = false;
  for (const row of rows) holds.unpublished.add(row);
  holds.events += events.length;
}

/** A worker's relay that is delayed now and then. */
async function startRelay(name: string) {
  const connection = await connections.open(broker.url);
  const publisher = await Publisher.open(connection, { publishConfirmTimeoutMs: 1_000 });
  const outbox: OutboxCalls = {
    async take(rowsMax) {
      const events = await outboxBatch(worker, 'hot', name, Math.min(rowsMax, 5));
      await holdUp(events);
      return events;
    },
    async done(eventNos) {
      await outboxDone(worker, 'hot', eventNos);
      for (const row of eventNos) holds.unpublished.delete(row);
    },
    leave: () => leaveOutbox(worker, 'hot', name),
  };
  const metrics = createWorkerMetrics(createMetrics('test'));
  const isBusy = () => false;
  const options = { schema: 'hot', outbox, isBusy, publisher, log, metrics } as const;
  return { ended: relayOutbox({ ...options, stopping: stopping.signal }) };
}

/** Places orders, pays some and cancels some, and records the events of each in order. */
async function trade(sku: string, batches: number, life: Map<string, string[]>): Promise<void> {
  for (let batch = 0; batch < batches; batch += 1) {
    const all = requests(20);
    const placed = await placeOrders(worker, 'hot', sku, all);
    const ends = placed.map(async ({ orderNo }, index) => {
      if (orderNo === null) throw new Error('not ordered');
      life.set(orderNo, ['order.placed']);
      const userId = all[index]?.userId ?? '';
      if (index % 3 === 0) await payOrder(worker, orderNo, `p-${orderNo}`);
      if (index % 3 === 1) await cancelOrder(worker, orderNo, userId);
      if (index % 3 === 0) life.get(orderNo)?.push('order.paid');
      if (index % 3 === 1) life.get(orderNo)?.push('order.cancelled');
    });
    await Promise.all(ends);
  }
}

test('two relays that replace each other publish each event in order, once by its id, although the broker is killed', async () => {
  const sku = await stock(database.as('ops'), await openSale(database.as('ops')), { units: 5_000 });
  const life = new Map<string, string[]>();
  const relays = [await startRelay('a'), await startRelay('b')];
  await trade(sku, 15, life);
  await until('events are logged', async () => {
    const rows = await database.admin.query({ text: 'SELECT FROM hot.event' });
    return rows.length > 20;
  });
  await broker.kill();
  await trade(sku, 15, life);
  await broker.start();
  const left = () => database.admin.query({ text: 'SELECT FROM hot.outbox' });
  await until(
    'the outbox is empty, and who was held up has published its copies',
    async () => (await left()).length === 0 && !holds.now && holds.unpublished.size === 0,
  );
  stopping.abort();
  await Promise.all(relays.map(({ ended }) => ended));

  const reader = await (await connections.open(broker.url)).openChannel();
  const seen = new Map<string, CloudEvent>();
  let copies = 0;
  for (;;) {
    const message = await reader.get(QUEUE, { noAck: true });
    if (message === false) break;
    const event: CloudEvent = JSON.parse(message.content.toString());
    expect(message.properties).toMatchObject({
      contentType: CLOUD_EVENT_TYPE,
      messageId: event.id,
    });
    const before = seen.get(event.id);
    if (before === undefined) seen.set(event.id, event);
    else {
      expect(event).toEqual(before);
      copies += 1;
    }
  }
  const told = Map.groupBy(seen.values(), ({ subject }) => subject);
  expect(told.size).toBe(life.size);
  for (const [orderNo, types] of life) {
    expect(told.get(orderNo)?.map(({ type }) => type)).toEqual(types);
  }
  // The relays did disturb each other. Otherwise the test shows nothing.
  expect(holds.events).toBeGreaterThan(0);
  expect(copies).toBeGreaterThanOrEqual(holds.events);
  const [logged] = await database.admin.query<{ events: string; rows: string }>({
    text: `SELECT count(*) AS events, count(DISTINCT (e.event_no, n.order_no)) AS rows
           FROM hot.event e CROSS JOIN unnest(e.order_nos) AS n (order_no)`,
  });
  expect(logged).toEqual({ events: String(seen.size), rows: String(seen.size) });
  expect(await audit(Databases.ofOne(database.admin))).toEqual([]);
});
