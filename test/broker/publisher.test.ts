import { getEventListeners } from 'node:events';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { BrokerConnection } from '../../broker/connection.ts';
import { Publisher, type PublishResult } from '../../broker/publisher.ts';
import { ordersQueue } from '../../contracts/topology.ts';
import { createVirtualHost, type VirtualHost } from '../servers.ts';
import { until } from '../until.ts';
import { createConnections, log, order, purge, takeAll } from './harness.ts';
import { type Relay, startRelay } from './relay.ts';

const connections = createConnections();
let host: VirtualHost;
let relay: Relay;
let direct: BrokerConnection;

beforeAll(async () => {
  host = await createVirtualHost();
  relay = await startRelay(host.url);
  direct = await connections.open(host.url);
});

afterAll(async () => {
  await connections.closeAll();
  await relay?.close();
  await host?.remove();
});

test('a stored message is confirmed, a message without a queue is returned', async () => {
  await purge(direct);
  const publisher = await Publisher.open(direct);
  const results = await Promise.all([
    publisher.publish(order('one')),
    publisher.publish(order('nobody', { routingKey: 'no-such-key' })),
    publisher.publish(order('two')),
  ]);
  expect(results).toEqual(['confirmed', 'returned', 'confirmed']);
  expect(publisher.unconfirmed).toBe(0);
  expect(await takeAll(direct, ordersQueue('regular'))).toEqual(['one', 'two']);
  await publisher.close();
});

test('a full queue refuses, and contains exactly the confirmed messages', async () => {
  const queue = 'full';
  const channel = await direct.openChannel();
  await channel.assertQueue(queue, {
    durable: true,
    arguments: { 'x-queue-type': 'quorum', 'x-max-length': 3, 'x-overflow': 'reject-publish' },
  });
  await channel.close();
  const publisher = await Publisher.open(direct);
  const confirmed: string[] = [];
  await until('a message is refused', async () => {
    const text = String(confirmed.length);
    const result = await publisher.publish(order(text, { exchange: '', routingKey: queue }));
    if (result === 'confirmed') confirmed.push(text);
    return result === 'refused';
  });
  expect(confirmed.length).toBeGreaterThanOrEqual(3);
  expect(await takeAll(direct, queue)).toEqual(confirmed);
  await publisher.close();
});

test('without a connection a publish is refused at once', async () => {
  const url = 'amqp://nobody:nothing@127.0.0.1:1/';
  const connection = await BrokerConnection.open({ url, name: 'test', log });
  const publisher = await Publisher.open(connection);
  expect(publisher.available()).toBe(false);
  expect(await publisher.publish(order('x'))).toBe('refused');
  await connection.close();
});

test('a message that cannot be encoded is refused and does not affect others', async () => {
  const publisher = await Publisher.open(direct);
  const headers = { huge: 'x'.repeat(100_000) };
  expect(await publisher.publish(order('x', { headers }))).toBe('refused');
  expect(await publisher.publish(order('y'))).toBe('confirmed');
  await publisher.close();
});

test('beyond the window a publish is refused; a late confirm is reported and frees its place', async () => {
  await purge(direct);
  const connection = await connections.open(relay.url);
  const limits = { unconfirmedMax: 2, publishConfirmTimeoutMs: 100 };
  const publisher = await Publisher.open(connection, limits);
  relay.silenceServer();
  const late: PublishResult[] = [];
  const first = publisher.publish(order('1'), (result) => late.push(result));
  const second = publisher.publish(order('2', { routingKey: 'nowhere' }), (r) => late.push(r));
  expect(publisher.available()).toBe(false);
  expect(await publisher.publish(order('3'))).toBe('refused');
  expect(await Promise.all([first, second])).toEqual(['unknown', 'unknown']);
  expect(late).toEqual([]);
  expect(publisher.unconfirmed).toBe(2);
  relay.resume();
  await until('both are answered', () => late.length === 2);
  expect(late.toSorted()).toEqual(['confirmed', 'returned']);
  expect(publisher.available()).toBe(true);
  expect(await takeAll(direct, ordersQueue('regular'))).toEqual(['1']);
  await connection.close();
});

test('a full write buffer pauses publishing until it is empty, and nothing is lost', async () => {
  await purge(direct);
  const connection = await connections.open(relay.url, { channelFramesMax: 8 });
  const window = 1_000;
  const limits = { unconfirmedMax: window, publishConfirmTimeoutMs: 60_000 };
  const publisher = await Publisher.open(connection, limits);
  const results: Promise<PublishResult>[] = [];
  const burst = () => {
    while (publisher.available()) results.push(publisher.publish(order(String(results.length))));
  };
  // Publishes until the buffer is full, several times: each pause must end.
  relay.silenceServer();
  for (let bursts = 0; bursts < 5; bursts += 1) {
    const before = publisher.unconfirmed;
    burst();
    const added = publisher.unconfirmed - before;
    expect(added).toBeGreaterThan(0);
    expect(added).toBeLessThanOrEqual(2 * 8);
    expect(await publisher.publish(order('too many'))).toBe('refused');
    await publisher.whenAvailable(AbortSignal.timeout(300_000));
  }
  expect(publisher.unconfirmed).toBeLessThan(window);
  relay.resume();
  expect(new Set(await Promise.all(results))).toEqual(new Set(['confirmed']));
  const texts = results.map((_, index) => String(index));
  expect(await takeAll(direct, ordersQueue('regular'))).toEqual(texts);
  await connection.close();
});

test('a connection that ends before the confirm leaves the message unknown, then reconnects', async () => {
  const connection = await connections.open(relay.url);
  const publisher = await Publisher.open(connection, { publishConfirmTimeoutMs: 60_000 });
  relay.silenceServer();
  const pending = publisher.publish(order('cut'));
  relay.cut();
  expect(await pending).toBe('unknown');
  expect(publisher.available()).toBe(false);
  expect(publisher.unconfirmed).toBe(0);
  relay.resume();
  const stopping = new AbortController();
  await publisher.whenAvailable(stopping.signal);
  // The signal of a process is never aborted, so each wait would leave a listener behind.
  expect(getEventListeners(stopping.signal, 'abort')).toEqual([]);
  expect(await publisher.publish(order('again'))).toBe('confirmed');
  await connection.close();
});

test('a late message is finally reported unknown when its connection ends', async () => {
  const connection = await connections.open(relay.url);
  const publisher = await Publisher.open(connection, { publishConfirmTimeoutMs: 50 });
  relay.silenceServer();
  const late = Promise.withResolvers<PublishResult>();
  expect(await publisher.publish(order('x'), late.resolve)).toBe('unknown');
  relay.cut();
  expect(await late.promise).toBe('unknown');
  relay.resume();
  await connection.close();
});

test('a silent broker is detected by missing heartbeats', async () => {
  const connection = await connections.open(relay.url, { heartbeatSeconds: 1 });
  relay.silenceServer();
  await until('the connection is given up', () => !connection.connected);
  relay.resume();
  await until('it is back', () => connection.connected);
  await connection.close();
});

test('a single channel that the broker closes is reopened', async () => {
  const connection = await connections.open(host.url, { channelReopenDelayMs: 20 });
  const publisher = await Publisher.open(connection);
  const result = await publisher.publish(order('x', { exchange: 'no-such-exchange' }));
  expect(result).toBe('unknown');
  expect(connection.connected).toBe(true);
  await publisher.whenAvailable(AbortSignal.timeout(300_000));
  expect(await publisher.publish(order('y'))).toBe('confirmed');
  await connection.close();
});

test('close waits for the answers to written messages', async () => {
  const connection = await connections.open(host.url);
  const publisher = await Publisher.open(connection);
  const results = Array.from({ length: 50 }, (_, n) => publisher.publish(order(String(n))));
  await publisher.close();
  expect(publisher.unconfirmed).toBe(0);
  expect(new Set(await Promise.all(results))).toEqual(new Set(['confirmed']));
  expect(await publisher.publish(order('after'))).toBe('refused');
});
