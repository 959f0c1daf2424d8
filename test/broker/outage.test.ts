import { afterAll, beforeAll, expect, test } from 'vitest';
import { BrokerConnection } from '../../broker/connection.ts';
import { Consumer } from '../../broker/consumer.ts';
import { Publisher, type PublishResult } from '../../broker/publisher.ts';
import { ordersQueue } from '../../contracts/topology.ts';
import type { Log } from '../../process/log.ts';
import { until } from '../until.ts';
import { createConnections, log, order, purge, takeAll } from './harness.ts';
import { type PrivateBroker, startPrivateBroker } from './private-broker.ts';

const queue = ordersQueue('regular');
const connections = createConnections();
let broker: PrivateBroker;

beforeAll(async () => {
  broker = await startPrivateBroker();
  const connection = await connections.open(broker.url);
  await connection.close();
  await broker.flush();
});

afterAll(async () => {
  await connections.closeAll();
  await broker?.remove();
});

test('a connection with TLS takes only the certificate of the host that it names', async () => {
  const trusting = `?cacertfile=${broker.certificate}`;
  const secure = await connections.open(broker.tlsUrl + trusting);
  const publisher = await Publisher.open(secure);
  await publisher.whenAvailable(AbortSignal.timeout(300_000));
  expect(await publisher.publish(order('secret', { routingKey: 'hot' }))).toBe('confirmed');
  await secure.close();
  // The certificate is of the address and of no name; and without the file nobody trusts it.
  const wrongName = broker.tlsUrl.replace('127.0.0.1', 'localhost') + trusting;
  for (const [url, reason] of [
    [wrongName, "does not match certificate's altnames"],
    [broker.tlsUrl, 'self-signed certificate'],
  ] as const) {
    const why = Promise.withResolvers<string>();
    const child = () => ({ ...log, warn: ({ err }: { err: Error }) => why.resolve(err.message) });
    const heard = { ...log, child } as unknown as Log;
    const refused = await BrokerConnection.open({ url, name: 'test', log: heard });
    expect(await why.promise).toContain(reason);
    expect(refused.connected).toBe(false);
    await refused.close();
  }
});

test('a broker killed during a sale loses no confirmed message', async () => {
  const sender = await connections.open(broker.url);
  const receiver = await connections.open(broker.url);
  const publisher = await Publisher.open(sender, { publishConfirmTimeoutMs: 60_000 });
  const results = new Map<string, PublishResult>();
  const received: string[] = [];
  await Consumer.open(receiver, { queue, prefetchMax: 20 }, (delivery) => {
    received.push(delivery.content.toString());
    delivery.ack();
  });
  let sent = 0;
  const publishOne = async () => {
    const text = String(sent++);
    results.set(text, await publisher.publish(order(text)));
  };
  const countOf = (wanted: PublishResult) =>
    [...results.values()].filter((result) => result === wanted).length;
  await until(
    'many are confirmed',
    () => {
      for (let n = 0; n < 50; n += 1) void publishOne();
      return countOf('confirmed') > 500;
    },
    { pollMs: 5 },
  );
  for (let n = 0; n < 100; n += 1) void publishOne();
  await broker.kill();
  await until('the loss is noticed', () => !sender.connected && !receiver.connected);
  expect(await publisher.publish(order('down'))).toBe('refused');
  expect(results.size).toBe(sent);
  expect(countOf('returned')).toBe(0);

  await broker.start();
  await publisher.whenAvailable(AbortSignal.timeout(300_000));
  expect(await publisher.publish(order('hot', { routingKey: 'hot' }))).toBe('confirmed');
  expect(await publisher.publish(order('last'))).toBe('confirmed');
  await until('the last is received', () => received.includes('last'));
  const got = new Set(received);
  const lost = [...results].filter(([text, result]) => result === 'confirmed' && !got.has(text));
  expect(lost).toEqual([]);
  const refusedButThere = [...results].filter(([text, r]) => r === 'refused' && got.has(text));
  expect(refusedButThere).toEqual([]);
  await Promise.all([sender.close(), receiver.close()]);
});

test('a memory alarm stops publishing, loses nothing and lets consumers continue', async () => {
  const sender = await connections.open(broker.url);
  const receiver = await connections.open(broker.url);
  await purge(sender);
  const patient = await Publisher.open(sender, { publishConfirmTimeoutMs: 60_000 });
  expect(await patient.publish(order('before'))).toBe('confirmed');
  const publisher = await Publisher.open(sender, { publishConfirmTimeoutMs: 200 });

  await broker.rabbitmqctl('set_vm_memory_high_watermark', '0.00001');
  // The broker reports the alarm to a connection when it publishes for the first time.
  const late: PublishResult[] = [];
  let asked = 0;
  let unknown = 0;
  await until('the gate is closed', async () => {
    if (!publisher.available()) return sender.blocked;
    asked += 1;
    const result = await publisher.publish(order(`alarm ${asked}`), (answer) => late.push(answer));
    if (result === 'unknown') unknown += 1;
    return sender.blocked;
  });
  expect(publisher.available()).toBe(false);
  expect(await publisher.publish(order('blocked'))).toBe('refused');
  const received: string[] = [];
  const consumer = await Consumer.open(receiver, { queue, prefetchMax: 1 }, (delivery) => {
    received.push(delivery.content.toString());
    delivery.ack();
  });
  await until('consumers work on', () => received.includes('before'));

  await broker.rabbitmqctl('set_vm_memory_high_watermark', '0.4');
  await until('the gate is open', () => publisher.available());
  await until('what was unknown is answered', () => late.length === unknown);
  expect(new Set(late).size).toBeLessThanOrEqual(1);
  await until('everything arrives', () => received.length === 1 + asked);
  await consumer.close();
  expect(await takeAll(receiver, queue)).toEqual([]);
  await Promise.all([sender.close(), receiver.close()]);
});
