import { randomBytes, randomUUID } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { USER_PLACES_MAX } from '../../../server/requests/places.ts';
import { type Answer, Shopper } from '../../shopper.ts';
import { until } from '../../until.ts';
import { openWebNode, type WebNode } from '../web-node.ts';

/** Status waits over sockets: how many a shopper may have, and for how long. */

const jwtSecret = randomBytes(32).toString('base64url');
let node: WebNode;
let url: string;

beforeEach(async () => {
  node = await openWebNode({ jwtSecret, environment: { RATE_LIMIT_OWN_PER_SECOND: '1000' } });
  await node.app.listen({ host: '127.0.0.1', port: 0 });
  url = `http://127.0.0.1:${(node.app.server.address() as AddressInfo).port}`;
});
afterEach(() => node.close());

const shopper = (user: string) => new Shopper(url, jwtSecret, user);
const verdict = ({ status, body }: Answer) => [status, body.verdict];
const taken = () => node.context.statusWaits.waitingCount;

/** The status URL of a request that was taken and is never decided. */
async function takenUrl(user: string): Promise<string> {
  const path = `/api/v1/buy/${node.ticketOf(user)}`;
  const answer = await shopper(user).call('POST', path, { quantity: 1 });
  expect(answer.status).toBe(202);
  return answer.body.statusUrl;
}

describe('status waits', () => {
  it('for an unknown id last for the grace time only', async () => {
    const startedMs = performance.now();
    const waits = ['?wait=30', '?wait=3600', '/events'].map((tail) =>
      shopper('eve').call('GET', `/api/v1/requests/${randomUUID()}${tail}`),
    );
    const answers = await Promise.all(waits);
    expect(answers.map(verdict)).toEqual(Array(3).fill([404, 'not_found']));
    // Longer than the grace time on any machine, and shorter than the requested wait.
    expect(performance.now() - startedMs).toBeLessThan(25_000);
    expect(taken()).toBe(0);
  });

  it('are limited for each user on all routes together, and are free again at once', async () => {
    const path = await takenUrl('eve');
    const eve = shopper('eve');
    const held = Array.from({ length: USER_PLACES_MAX }, (_, index) => {
      const leaving = new AbortController();
      const tail = index % 2 === 0 ? '/events' : '?wait=30';
      // Each body is read: fetch closes the stream of an answer that nobody reads when its object
      // is collected, and its place would be free.
      eve.call('GET', `${path}${tail}`, undefined, {}, leaving.signal).catch(() => {});
      return leaving;
    });
    await until('all of one user are taken', () => taken() === USER_PLACES_MAX);
    for (const tail of ['?wait=30', '?wait=0', '/events']) {
      const answer = await eve.call('GET', `${path}${tail}`);
      expect(verdict(answer)).toEqual([429, 'rate_limited']);
      expect(Number(answer.retryAfter)).toBeGreaterThan(0);
    }
    // Other users can still wait.
    const own = await takenUrl('ann');
    expect((await shopper('ann').call('GET', `${own}?wait=0`)).body.status).toBe('queued');
    held[0]?.abort();
    await until('one is free', () => taken() === USER_PLACES_MAX - 1);
    expect((await eve.call('GET', `${path}?wait=0`)).body.status).toBe('queued');
    for (const leaving of held) leaving.abort();
    await until('all are free', () => taken() === 0);
  });
});
