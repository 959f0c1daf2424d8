import { randomUUID } from 'node:crypto';
import { afterEach, expect, it } from 'vitest';
import { DatabaseError } from '../../db/errors.ts';
import { until } from '../until.ts';
import { openWebNode, type WebNode } from './web-node.ts';

let node: WebNode;
afterEach(() => node.close());

it('a stream whose outcome cannot be looked up ends, so that the shopper asks again', async () => {
  node = await openWebNode();
  const { app, context, world } = node;
  const requestId = randomUUID();
  const request = { requestId, userId: 'ann', units: 1 };
  const entry = context.purchases.take(world.row, request, 'ticket', 'web-1');
  await entry.published;
  const stream = app.inject({
    url: `/api/v1/requests/${requestId}/events`,
    headers: { authorization: `Bearer ${node.tokenOf('ann')}` },
  });
  await until('it waits', () => context.purchases.watchedCount === 1);
  world.outcomes = () => Promise.reject(new DatabaseError('unavailable', 'it restarts'));
  context.purchases.onVerdict({ requestId, status: 'ordered', units: 1, orderNo: '2' });
  const { body } = await stream;
  expect(body).toMatch(/^event: status\ndata: .*"queued".*\n\n$/);
});
