import { readFileSync } from 'node:fs';
import { createClient } from 'redis';

/** Redis commands of the Redis way. The driver sends all commands of one event loop turn together. */

export interface Order {
  readonly orderNo: string;
  readonly userId: string;
  readonly sku: string;
}

const DELAY_KEY = 'seckill:delay';
const keysOf = (sku: string) => ({
  stock: `seckill:stock:{${sku}}`,
  users: `seckill:users:{${sku}}`,
  queue: `seckill:queue:{${sku}}`,
});

export async function openRedis(port: number) {
  // No reconnects: if a command cannot be sent, it fails and the run fails.
  const socket = { host: '127.0.0.1', port, noDelay: true, reconnectStrategy: false } as const;
  const client = createClient({ socket });
  // The pending commands fail with the same error. Without a listener the event would end the
  // process before it has stopped its servers.
  client.on('error', () => {});
  await client.connect();
  const script = readFileSync(new URL('./buy.lua', import.meta.url), 'utf8');
  const sha = await client.scriptLoad(script);
  return {
    load: (sku: string, units: number) => client.set(keysOf(sku).stock, units),
    stock: async (sku: string) => Number(await client.get(keysOf(sku).stock)),
    /** @throws OUT_OF_STOCK, ALREADY_BUY */
    buy(order: Order) {
      const { stock, users, queue } = keysOf(order.sku);
      const payload = JSON.stringify(order);
      return client.evalSha(sha, {
        keys: [stock, users, queue],
        arguments: [order.userId, payload],
      });
    },
    /** Takes orders from the queue, oldest first. Waits up to a second for the first one. */
    async take(sku: string, count: number): Promise<string[]> {
      const { queue } = keysOf(sku);
      const orders = await client.lPopCount(queue, count);
      if (orders !== null) return orders;
      const one = await client.blPop(queue, 1);
      return one === null ? [] : [one.element];
    },
    /** Stores when an unpaid order expires. */
    expireAt: (orderNo: string, atSeconds: number) =>
      client.zAdd(DELAY_KEY, { score: atSeconds, value: orderNo }),
    close: () => client.close(),
  };
}

export type Redis = Awaited<ReturnType<typeof openRedis>>;
