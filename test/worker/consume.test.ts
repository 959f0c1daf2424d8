import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import type { BrokerConnection } from '../../broker/connection.ts';
import { withDeadLetters } from '../../broker/dead-letters.ts';
import { DrainFailed, drainQueues } from '../../broker/drain.ts';
import { queueFigures } from '../../broker/queues.ts';
import {
  CHOSEN_SCHEMA,
  DRAINED_SCHEMA,
  encode,
  type PurchaseRequest,
  SCHEMA_HEADER,
  VERDICTS_SCHEMA,
} from '../../contracts/messages.ts';
import { DEAD_LETTERS_QUEUE, ordersQueue } from '../../contracts/topology.ts';
import { audit, requestOutcomes } from '../../db/calls.ts';
import { DatabaseError } from '../../db/client/errors.ts';
import { Databases } from '../../db/client/pool.ts';
import type { PlaceOrders } from '../../worker/decide.ts';
import { createConnections, purge, takeAll } from '../broker/harness.ts';
import { type Relay, startRelay } from '../broker/relay.ts';
import { createDatabase, type TestDatabase } from '../db/database.ts';
import { createVirtualHost, type VirtualHost } from '../servers.ts';
import { until } from '../until.ts';
import { openSku, openWebNode, openWorker, pack, purchases } from './shop-floor.ts';

const connections = createConnections();
let host: VirtualHost;
let relay: Relay;
let database: TestDatabase;
let worker: Databases;
let ops: Databases;
let admin: Databases;
let direct: BrokerConnection;

beforeAll(async () => {
  host = await createVirtualHost();
  relay = await startRelay(host.url);
  database = await createDatabase();
  worker = database.as('worker', 8);
  ops = database.as('ops');
  admin = Databases.ofOne(database.admin);
});

beforeEach(async () => {
  direct = await connections.open(host.url);
  await purge(direct);
});

afterEach(() => connections.closeAll());

afterAll(async () => {
  await relay?.close();
  await database?.remove();
  await host?.remove();
});

async function openBoth() {
  const [consuming, publishing] = await Promise.all([
    connections.open(host.url),
    connections.open(host.url),
  ]);
  return { consuming, publishing };
}

async function untilEmpty(): Promise<void> {
  await until('the queue is empty', async () => {
    const figures = await queueFigures(direct);
    return figures.find(({ queue }) => queue === ordersQueue('regular'))?.messages === 0;
  });
}

async function ordersOf(sku: string): Promise<number> {
  const [row] = await database.admin.query<{ count: string }>({
    text: 'SELECT count(*) FROM regular.orders WHERE sku = $1',
    values: [sku],
  });
  return Number(row?.count);
}

test('every request gets its verdict, the last units are sold once, and the queue is empty afterwards', async () => {
  const sku = await openSku(ops, 100);
  const web = await openWebNode(direct);
  const all = purchases(150);
  const { consumer } = await openWorker(await openBoth(), worker);
  await web.sendAll(pack(sku, all));
  await until('all are told', () => web.verdicts.size === 150);
  const statuses = all.map(({ requestId }) => web.statusOf(requestId));
  expect(statuses.filter((status) => status === 'ordered')).toHaveLength(100);
  expect(statuses.filter((status) => status === 'sold_out')).toHaveLength(50);
  await consumer.drain();
  await consumer.close();
  await untilEmpty();
  expect(await audit(admin)).toEqual([]);
});

test('requests that name their units get those, beside others that do not', async () => {
  const seats = [{ row: '1', from: 1, to: 40 }];
  const sku = await openSku(ops, 40, { section: { seats, singles: 'allow' } });
  const web = await openWebNode(direct);
  const rivals = purchases(10, { positions: [20] });
  const others = purchases(19);
  const chosen = [...rivals, ...purchases(1, { positions: [40] })];
  const { consumer } = await openWorker(await openBoth(), worker);
  await web.sendAll(pack(sku, chosen, 4), CHOSEN_SCHEMA);
  await until('they are told', () => web.verdicts.size === chosen.length);
  await web.sendAll(pack(sku, others));
  await until('all are told', () => web.verdicts.size === chosen.length + others.length);
  const told = (one: readonly PurchaseRequest[]) =>
    one.flatMap(({ requestId }) => web.verdicts.get(requestId) ?? []);
  // Batches of one SKU are decided side by side, so any of the ten may be the one.
  const winners = told(rivals).filter(({ status }) => status === 'ordered');
  const losers = told(rivals).filter(({ status }) => status !== 'ordered');
  expect(winners).toMatchObject([{ seats: [{ row: '1', seat: '20' }] }]);
  expect(losers).toHaveLength(9);
  for (const verdict of losers) {
    expect(verdict).toMatchObject({ status: 'rejected', reason: 'seats_taken', units: 0 });
  }
  const best = told(others).flatMap(
    (verdict) => verdict.seats?.map(({ seat }) => Number(seat)) ?? [],
  );
  expect(best.sort((a, b) => a - b)).toEqual(Array.from({ length: 19 }, (_, at) => at + 1));
  await consumer.drain();
  await consumer.close();
  await untilEmpty();
  expect(await audit(admin)).toEqual([]);
});

test('requests wait while their sale is not open by the clock of its server, and other SKUs do not wait', async () => {
  const [early, other] = [await openSku(ops, 20), await openSku(ops, 5)];
  const opensAt = (when: string) => ({
    text: `UPDATE catalog.sale SET opens_at = ${when}
           WHERE sale = (SELECT sale FROM catalog.sku WHERE sku = $1)`,
    values: [early],
  });
  await database.admin.query(opensAt(`now() + interval '30 min'`));
  const web = await openWebNode(direct);
  let calls = 0;
  const { consumer } = await openWorker(await openBoth(), worker, (call) => (sku, batch, wait) => {
    if (sku === early) calls += 1;
    return call(sku, batch, wait);
  });
  const [waiting, served] = [purchases(20), purchases(5)];
  await web.sendAll([...pack(early, waiting), ...pack(other, served)]);
  await until('others are served', () => web.verdicts.size === 5);
  await until('the early ones were tried again and again', () => calls > 5);
  expect([...web.verdicts.keys()].sort()).toEqual(served.map((one) => one.requestId).sort());
  await database.admin.query(opensAt('now()'));
  await until('all are told', () => web.verdicts.size === 25);
  for (const { requestId } of waiting) expect(web.statusOf(requestId)).toBe('ordered');
  await consumer.drain();
  await consumer.close();
  await untilEmpty();
});

test('a duplicated message has no effect', async () => {
  const sku = await openSku(ops, 300);
  const web = await openWebNode(direct);
  const all = purchases(200);
  const both = await Promise.all([openBoth(), openBoth()]);
  const workers = await Promise.all(both.map((pair) => openWorker(pair, worker)));
  const envelopes = pack(sku, all).flatMap((envelope) => [envelope, envelope]);
  await web.sendAll(envelopes);
  await until('all are told twice', () => {
    return [...web.verdicts.values()].flat().length === 400;
  });
  for (const told of web.verdicts.values()) {
    const [first, second] = told.map(({ amount: _, ...verdict }) => verdict);
    expect(first).toEqual(second);
    // The details of an order come from the call that has placed it, and from no other.
    expect(told.filter(({ amount }) => amount === '1.00')).toHaveLength(1);
  }
  expect(await ordersOf(sku)).toBe(200);
  expect(await audit(admin)).toEqual([]);
  for (const { consumer } of workers) await consumer.drain();
});

test('a message that cannot be read or decided becomes a dead letter, and no other message does', async () => {
  const sku = await openSku(ops, 100);
  const web = await openWebNode(direct);
  const { metrics } = await openWorker(await openBoth(), worker);
  const good = purchases(40);
  // PostgreSQL accepts no NUL in a text: this request makes the whole call fail.
  const [poison] = purchases(1, { userId: 'a\u0000b' });
  if (poison === undefined) throw new Error('no request');
  const mixed = [...good.slice(0, 20), poison, ...good.slice(20)];
  const [lost] = purchases(1);
  if (lost === undefined) throw new Error('no request');
  await web.send(Buffer.from('{'));
  await web.send(encode({ sku, node: 'n', requests: [] }));
  await web.send(Buffer.from('{}'), 'flashsale.envelope.v2');
  // Neither is a message for this queue: no newer worker will understand them either.
  await web.send(Buffer.from('\0garbage'), 'text/plain');
  await web.send(Buffer.from('{}'), VERDICTS_SCHEMA);
  await web.sendAll(pack(sku, mixed, 8));
  await web.sendAll([{ sku: 'no-such-sku', node: 'n', requests: [lost] }]);
  await until('the good ones are told', () => web.verdicts.size === 40);
  const letters = await until('the bad ones are dead letters', () =>
    withDeadLetters(direct, async (all) => all.length === 7 && all),
  );
  const about = letters.map(({ cause, sqlstate, queue, envelope }) => {
    const [first] = envelope.requests;
    return { cause, sqlstate, queue, many: envelope.requests.length, id: first?.requestId };
  });
  const queue = ordersQueue('regular');
  const unreadable = { sqlstate: undefined, queue, many: 0, id: undefined };
  expect(about).toHaveLength(7);
  expect(about).toEqual(
    expect.arrayContaining([
      { ...unreadable, cause: 'undecodable' },
      { ...unreadable, cause: 'unknown_schema' },
      // Alone: the seven others of its envelope were decided.
      { cause: 'failed', sqlstate: '22021', queue, many: 1, id: poison.requestId },
      { cause: 'unknown_sku', sqlstate: undefined, queue, many: 1, id: lost.requestId },
    ]),
  );
  expect(letters.every(({ at, replyTo }) => at !== undefined && replyTo !== undefined)).toBe(true);
  expect(good.every(({ requestId }) => web.statusOf(requestId) === 'ordered')).toBe(true);
  expect(web.statusOf(lost.requestId)).toBeUndefined();
  expect([...web.delayed].sort()).toEqual([poison.requestId, lost.requestId].sort());
  await untilEmpty();
  const text = await metrics.text();
  expect(text).toMatch(/dead_letters_total\{.*cause="undecodable".*\} 4/);
  for (const cause of ['unknown_schema', 'unknown_sku', 'failed']) {
    expect(text).toMatch(new RegExp(`dead_letters_total\\{.*cause="${cause}".*\\} 1`));
  }
});

test('a dead letter that the broker did not confirm leaves its message in the queue', async () => {
  const web = await openWebNode(direct);
  const publishing = await connections.open(relay.url);
  const { consumer, abandon } = await openWorker(
    { consuming: await connections.open(host.url), publishing },
    worker,
  );
  relay.silenceClient();
  await web.send(Buffer.from('{'));
  await until('it is in hand', () => consumer.load.deliveries === 1);
  await abandon();
  relay.cut();
  relay.resume();
  expect(await takeAll(direct, DEAD_LETTERS_QUEUE)).toEqual([]);
  expect(await takeAll(direct, ordersQueue('regular'))).toEqual(['{']);
});

test('after a cut between commit and ack, a message is delivered again and decided once', async () => {
  const sku = await openSku(ops, 100);
  const web = await openWebNode(direct);
  const all = purchases(48);
  let calls = 0;
  const cutAfterCommit = (call: PlaceOrders): PlaceOrders => {
    return async (...batch) => {
      const placed = await call(...batch);
      calls += 1;
      if (calls <= 3) relay.cut();
      return placed;
    };
  };
  // Only the consuming side is cut. Lost verdicts are looked up by the web node.
  const consuming = await connections.open(relay.url);
  await openWorker({ consuming, publishing: direct }, worker, cutAfterCommit);
  await web.sendAll(pack(sku, all));
  await until('it came again', () => calls > 3);
  await until('all are told', () => web.verdicts.size === 48);
  await untilEmpty();
  expect(await ordersOf(sku)).toBe(48);
  expect(await audit(admin)).toEqual([]);
  expect(await takeAll(direct, DEAD_LETTERS_QUEUE)).toEqual([]);
});

test('a database that ends all sessions only delays orders', async () => {
  const sku = await openSku(ops, 500);
  const web = await openWebNode(direct);
  const all = purchases(400);
  let calls = 0;
  const { retries } = await openWorker(await openBoth(), worker, (call) => async (...batch) => {
    calls += 1;
    if (calls % 2 === 1) {
      await database.admin.query({
        text: `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
               WHERE datname = current_database() AND application_name = 'test worker'`,
      });
    }
    return call(...batch);
  });
  await web.sendAll(pack(sku, all));
  await until('all are told', () => web.verdicts.size === 400);
  expect(new Set(retries)).not.toContain('permanent');
  expect(await ordersOf(sku)).toBe(400);
  expect(await takeAll(direct, DEAD_LETTERS_QUEUE)).toEqual([]);
  expect(await audit(admin)).toEqual([]);
});

/** A worker whose calls wait until they are released. */
async function openHeldWorker() {
  const gate = Promise.withResolvers<void>();
  let called = false;
  const { consumer } = await openWorker(await openBoth(), worker, (call) => async (...batch) => {
    called = true;
    await gate.promise;
    return call(...batch);
  });
  return { consumer, isCalled: () => called, release: gate.resolve };
}

test('a drain is confirmed only when everything before it is decided', async () => {
  const sku = await openSku(ops, 100);
  const web = await openWebNode(direct);
  const { consumer, isCalled, release } = await openHeldWorker();
  const all = purchases(20);
  await web.sendAll(pack(sku, all));
  await until('the call is under way', isCalled);
  let isDrained = false;
  const drained = drainQueues(direct, 'node-1', 300_000, ['regular']).then(() => {
    isDrained = true;
  });
  await until('the drain message is in hand', () => consumer.load.deliveries >= 3);
  expect([web.verdicts.size, isDrained]).toEqual([0, false]);
  release();
  await until('all are told', () => web.verdicts.size === 20);
  await drained;
  // No worker serves the hot orders here.
  await expect(drainQueues(direct, 'node-1', 500, ['hot'])).rejects.toThrow(
    'node-1: timed out after 500 ms; no answer from orders.hot',
  );
  await untilEmpty();
});

test('a drain message is sent again until it is answered', async () => {
  const queue = ordersQueue('regular');
  const channel = await direct.openChannel();
  let asked = 0;
  await channel.consume(queue, (message) => {
    if (message === null) return;
    channel.ack(message);
    asked += 1;
    if (asked === 1) return; // As if the worker had died before its answer was sent.
    const headers = { [SCHEMA_HEADER]: DRAINED_SCHEMA };
    channel.publish('', message.properties.replyTo, encode({ node: 'node-1', queue }), { headers });
  });
  await drainQueues(direct, 'node-1', 300_000, ['regular']);
  expect(asked).toBe(2);
  await channel.close();
});

test('a worker that gives up does not confirm the drain, and another worker decides everything', async () => {
  const sku = await openSku(ops, 100);
  const web = await openWebNode(direct);
  const first = await openWorker(await openBoth(), worker, () => async () => {
    throw new DatabaseError('unavailable', 'down');
  });
  const all = purchases(20);
  await web.sendAll(pack(sku, all));
  const settling = drainQueues(direct, 'node-1', 1_500);
  const failed = expect(settling).rejects.toThrow(DrainFailed);
  await until('it holds all', () => first.consumer.load.deliveries === 3);
  await first.abandon();
  expect(web.verdicts.size).toBe(0);
  await openWorker(await openBoth(), worker);
  await until('all are told', () => web.verdicts.size === 20);
  await failed;
  const outcomes = await requestOutcomes(
    database.as('web'),
    all.map(({ requestId }) => requestId),
  );
  expect(outcomes).toHaveLength(20);
});

test('a worker that shuts down finishes the messages it holds and takes no more', async () => {
  const sku = await openSku(ops, 100);
  const web = await openWebNode(direct);
  const { consumer, isCalled, release } = await openHeldWorker();
  const [first, second] = [purchases(5), purchases(5)];
  await web.sendAll(pack(sku, first));
  await until('the call is under way', isCalled);
  const drained = consumer.drain();
  await until('it consumes no more', () => !consumer.consuming);
  await web.sendAll(pack(sku, second));
  release();
  await drained;
  await consumer.close();
  await until('the first are told', () => web.verdicts.size === 5);
  expect(await takeAll(direct, ordersQueue('regular'))).toHaveLength(1);
});
