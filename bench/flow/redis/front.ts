import { randomUUID } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { buildApp } from '../../../server/app.ts';
import type { Context } from '../../../server/context.ts';
import { Problem } from '../../../server/http/problems.ts';
import { type PendingRequest, PendingRequests } from '../../../server/requests/pending.ts';
import { openWebNode } from '../../../test/server/web-node.ts';
import { openRedis } from './client.ts';

/**
 * The web node of the Redis way: this project's web node with its complete gate. Instead of admitting
 * from its grant and publishing, it calls the script in Redis; `202` means that the script accepted.
 */

export interface FrontOrder {
  readonly listen: number;
  readonly redisPort: number;
  readonly jwtSecret: string;
  /** Base64. */
  readonly ticketKey: string;
  readonly sku: string;
}

async function listen({ listen, redisPort, jwtSecret, ticketKey, sku }: FrontOrder) {
  const redis = await openRedis(redisPort);
  const node = await openWebNode({
    keepMessages: false,
    jwtSecret,
    ticketKey: Buffer.from(ticketKey, 'base64'),
    environment: { RATE_LIMIT_IP_PER_SECOND: '1000000' },
  });
  node.world.quota = Number.MAX_SAFE_INTEGER;
  node.world.row = { ...node.world.row, sku };
  await node.refresh();

  async function buy(entry: PendingRequest): Promise<void> {
    try {
      await redis.buy({ orderNo: randomUUID(), userId: entry.request.userId, sku });
    } catch (error) {
      throw new Problem('overloaded', { detail: String(error) });
    }
    entry.stage = 'taken';
  }
  const purchases = {
    // Redis stores who has bought, so nothing is stored here.
    pending: new PendingRequests(),
    take(...[row, request, ticketId, drawnAs, asked]: Parameters<Context['purchases']['take']>) {
      const { sale, schema } = row;
      const admittedAtMs = performance.now();
      const times = { admittedAtMs, lookedUpAtMs: admittedAtMs, undecidedAtMs: admittedAtMs };
      const wanted = asked ?? request.units;
      const place = { sale, sku, schema, ticketId, node: drawnAs, wanted };
      const published = Promise.resolve();
      const entry: PendingRequest = { request, ...place, ...times, stage: 'publishing', published };
      entry.published = buy(entry);
      return entry;
    },
  } as unknown as Context['purchases'];
  const app = await buildApp({ ...node.context, purchases });
  await app.listen({ host: '127.0.0.1', port: listen, reusePort: true });
  return (app.server.address() as AddressInfo).port;
}

process.once('message', async (order: FrontOrder) => process.send?.(await listen(order)));
process.on('SIGINT', () => {});
process.on('disconnect', () => process.exit());
