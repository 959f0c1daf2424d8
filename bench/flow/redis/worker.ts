import { BrokerConnection } from '../../../broker/connection.ts';
import { Consumer } from '../../../broker/consumer.ts';
import { Publisher } from '../../../broker/publisher.ts';
import { createPool } from '../../../db/client/pool.ts';
import { createLog } from '../../../process/log.ts';
import { type Order, openRedis, type Redis } from './client.ts';

/**
 * The worker of the Redis way. It moves orders from the list into RabbitMQ, with confirms, and from
 * there into PostgreSQL. Each order is one insert, idempotent by its unique keys, and acknowledged
 * after COMMIT. An order that is popped but not confirmed when the process dies is lost; a variant
 * without this loss costs more.
 */

export interface WorkerOrder {
  readonly redisPort: number;
  readonly amqpUrl: string;
  readonly databaseUrl: string;
  readonly sku: string;
  readonly connections: number;
}

const QUEUE = 'seckill.orders';
const TAKEN_AT_ONCE = 200;
const PREFETCH = 256;
const PAY_WINDOW_SECONDS = 900;

async function start(order: WorkerOrder): Promise<void> {
  const { redisPort, amqpUrl, databaseUrl, sku, connections } = order;
  const log = createLog('redis-way', 'warn');
  const open = async (name: string) => {
    const connection = await BrokerConnection.open({ url: amqpUrl, name, log });
    await connection.whenConnected();
    return connection;
  };
  const [publishing, consuming] = [await open('mover'), await open('inserter')];
  const channel = await publishing.openChannel();
  await channel.assertQueue(QUEUE, { durable: true, arguments: { 'x-queue-type': 'quorum' } });
  await channel.close();
  const redis = await openRedis(redisPort);
  const pool = createPool({
    url: databaseUrl,
    max: connections,
    applicationName: 'redis-way',
    // No timeout: an insert waits for a connection, and the prefetch limits how many wait.
    connectTimeoutMs: 60_000,
  });
  const insert = async (content: Buffer) => {
    const { orderNo, userId, sku: bought } = JSON.parse(content.toString()) as Order;
    await pool.query({
      name: 'insert_order',
      text: `INSERT INTO seckill_order (order_no, user_id, sku_id, amount)
             VALUES ($1, $2, $3, 9.95) ON CONFLICT DO NOTHING`,
      values: [orderNo, userId, bought],
    });
    await redis.expireAt(orderNo, Date.now() / 1_000 + PAY_WINDOW_SECONDS);
  };
  await Consumer.open(consuming, { queue: QUEUE, prefetchMax: PREFETCH }, (delivery) => {
    void insert(delivery.content).then(() => delivery.ack());
  });
  void move(await openRedis(redisPort), await Publisher.open(publishing), sku);
}

/** The list ends when the process does. */
async function move(redis: Redis, publisher: Publisher, sku: string) {
  for (;;) {
    const orders = await redis.take(sku, TAKEN_AT_ONCE);
    for (const order of orders) {
      await publisher.whenAvailable();
      void publish(publisher, order);
    }
  }
}

async function publish(publisher: Publisher, order: string): Promise<void> {
  const result = await publisher.publish({
    exchange: '',
    routingKey: QUEUE,
    schema: 'seckill.order',
    content: Buffer.from(order),
    persistent: true,
    mandatory: true,
  });
  if (result !== 'confirmed') throw new Error(`an order was ${result}`);
}

process.once('message', async (order: WorkerOrder) => {
  await start(order);
  process.send?.('ready');
});
process.on('SIGINT', () => {});
process.on('disconnect', () => process.exit());
