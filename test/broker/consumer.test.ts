import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { BrokerConnection } from '../../broker/connection.ts';
import { Consumer, type Delivery } from '../../broker/consumer.ts';
import { Publisher } from '../../broker/publisher.ts';
import { queueFigures } from '../../broker/queues.ts';
import { ordersQueue } from '../../contracts/topology.ts';
import { createVirtualHost, type VirtualHost } from '../servers.ts';
import { until } from '../until.ts';
import { createConnections, lost, order, purge, takeAll } from './harness.ts';
import { type Relay, startRelay } from './relay.ts';

const queue = ordersQueue('regular');
const connections = createConnections();
let host: VirtualHost;
let relay: Relay;
let direct: BrokerConnection;
let publisher: Publisher;

beforeAll(async () => {
  host = await createVirtualHost();
  relay = await startRelay(host.url);
  direct = await connections.open(host.url);
  publisher = await Publisher.open(direct);
});

beforeEach(() => purge(direct));

afterAll(async () => {
  await connections.closeAll();
  await relay?.close();
  await host?.remove();
});

const textOf = (delivery: Delivery) => delivery.content.toString();

async function messagesIn(name: string): Promise<number> {
  const figures = await queueFigures(direct);
  return figures.find((figure) => figure.queue === name)?.messages ?? Number.NaN;
}

async function consume(connection: BrokerConnection, prefetchMax = 10) {
  const got: Delivery[] = [];
  const consumer = await Consumer.open(connection, { queue, prefetchMax }, (delivery) =>
    got.push(delivery),
  );
  return { consumer, got };
}

test('the broker delivers at most the prefetch, and the next message after an ack', async () => {
  const connection = await connections.open(host.url);
  for (const text of ['1', '2', '3']) await publisher.publish(order(text));
  const { consumer, got } = await consume(connection, 2);
  await until('two are here', () => got.length === 2);
  expect(got.map(({ schema, redelivered, live }) => ({ schema, redelivered, live }))).toEqual([
    { schema: 'test.v1', redelivered: false, live: true },
    { schema: 'test.v1', redelivered: false, live: true },
  ]);
  got[0]?.ack();
  await until('the third follows', () => got.length === 3);
  expect(() => got[0]?.ack()).toThrow('acknowledged only once');
  await consumer.close();
  await until('the other two are back', async () => (await messagesIn(queue)) === 2);
  await connection.close();
});

test('after a lost connection the broker delivers again, and an ack of the old delivery does nothing', async () => {
  const connection = await connections.open(relay.url);
  const { got } = await consume(connection);
  await publisher.publish(order('once'));
  const first = await until('it is here', () => got[0]);
  relay.cut();
  const second = await until('it is here again', () => got[1]);
  expect([first.live, second.live, second.redelivered]).toEqual([false, true, true]);
  first.ack();
  expect(textOf(second)).toBe('once');
  second.ack();
  await publisher.publish(order('next'));
  expect(textOf(await until('the next comes', () => got[2]))).toBe('next');
  await connection.close();
});

test('after cancel nothing new is delivered, and earlier deliveries can be acknowledged', async () => {
  const connection = await connections.open(host.url);
  const { consumer, got } = await consume(connection);
  await publisher.publish(order('here'));
  const delivery = await until('it is here', () => got[0]);
  await consumer.cancel();
  expect(consumer.consuming).toBe(false);
  await publisher.publish(order('later'));
  delivery.ack();
  await consumer.close();
  expect(got).toHaveLength(1);
  expect(await takeAll(direct, queue)).toEqual(['later']);
  await connection.close();
});

test('a cancelled consumer stays cancelled after a reconnect', async () => {
  const connection = await connections.open(relay.url);
  const { consumer } = await consume(connection);
  await consumer.cancel();
  const noticed = lost(connection);
  relay.cut();
  await noticed;
  await connection.whenConnected();
  expect(consumer.consuming).toBe(false);
  const figures = await queueFigures(direct);
  expect(figures.find((figure) => figure.queue === queue)?.consumers).toBe(0);
  await connection.close();
});

test('a deleted queue is declared and consumed again', async () => {
  const connection = await connections.open(host.url, { channelReopenDelayMs: 20 });
  const { got } = await consume(connection);
  const channel = await direct.openChannel();
  await channel.deleteQueue(queue);
  await channel.close();
  // Until the queue exists again, the message is returned.
  await until('the queue is back', async () => {
    return (await publisher.publish(order('anew'))) === 'confirmed';
  });
  expect(textOf(await until('it is here', () => got[0]))).toBe('anew');
  await connection.close();
});

test('a consumer opened without a connection starts when the connection is made', async () => {
  const connection = await connections.open(relay.url);
  const noticed = lost(connection);
  relay.cut();
  await noticed;
  const { got } = await consume(connection);
  await publisher.publish(order('x'));
  await until('it is here', () => got.length === 1);
  await connection.close();
});
