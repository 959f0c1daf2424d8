import { createHash, createHmac, randomBytes, randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { lotteryRank } from '../../../contracts/lottery.ts';
import { isPromised, rankOf } from '../../../server/public/js/rank.js';
import { openWebNode } from '../web-node.ts';

/** The statistical tests use fixed secrets, so that their result is the same in every run. */
const secret = createHash('sha256').update('a secret of a test').digest();
const USERS = 20_000;

/**
 * The largest distance between the distribution of the ranks and the uniform one
 * (Kolmogorov–Smirnov).
 */
function distance(ranks: number[]): number {
  const sorted = ranks.toSorted((a, b) => a - b);
  return Math.max(
    ...sorted.map((rank, i) => Math.max((i + 1) / sorted.length - rank, rank - i / sorted.length)),
  );
}
/** Uniform ranks stay below this distance in 999 of 1,000 cases. */
const DISTANCE_MAX = 1.95 / Math.sqrt(USERS);

describe('ranks', () => {
  it.each<[string, (n: number) => string]>([
    ['numbers', (n) => `${n}`],
    ['padded numbers', (n) => `user-${String(n).padStart(8, '0')}`],
    ['hashes', (n) => createHash('sha1').update(`${n}`).digest('hex')],
    ['one letter repeated', (n) => 'a'.repeat(1 + (n % 120)) + Math.floor(n / 120)],
    ['mail addresses', (n) => `ada.${n}@example.org`],
    ['other alphabets', (n) => `пользователь-${n}`],
  ])('are uniform for users that are %s', (_name, userOf) => {
    const ranks = Array.from({ length: USERS }, (_, n) => lotteryRank(secret, userOf(n)));
    expect(distance(ranks)).toBeLessThan(DISTANCE_MAX);
    expect(Math.min(...ranks)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...ranks)).toBeLessThan(1);
  });

  it('of similar user ids are independent, and so are those of two sales', () => {
    const other = createHash('sha256').update('another').digest();
    const ranks = Array.from({ length: USERS }, (_, n) => lotteryRank(secret, `${n}`));
    const shifted = ranks.map((_, n) => ranks[(n + 1) % USERS] ?? 0);
    const elsewhere = ranks.map((_, n) => lotteryRank(other, `${n}`));
    for (const pair of [shifted, elsewhere]) {
      const sum = ranks.reduce((all, rank, n) => all + (rank - 0.5) * ((pair[n] ?? 0) - 0.5), 0);
      const correlation = (sum / USERS) * 12;
      expect(Math.abs(correlation)).toBeLessThan(3.3 / Math.sqrt(USERS));
    }
  });

  it('are the same in the browser and in any implementation of HMAC-SHA-256', async () => {
    for (const user of ['ada', 'пользователь', randomUUID(), 'x'.repeat(128)]) {
      const rank = lotteryRank(secret, user);
      expect(await rankOf(secret.toString('hex'), user)).toBe(rank);
      const digest = createHmac('sha256', secret).update(user).digest('hex');
      expect(rank).toBe(Number.parseInt(digest.slice(0, 12), 16) / 2 ** 48);
    }
    const hash = createHash('sha256').update(secret).digest('hex');
    expect(await isPromised(secret.toString('hex'), hash)).toBe(true);
    expect(await isPromised(randomBytes(32).toString('hex'), hash)).toBe(false);
  });
});

describe('a web node that sheds', () => {
  async function pressAll(
    node: Awaited<ReturnType<typeof openWebNode>>,
    users: readonly string[],
  ): Promise<string[]> {
    const kept: string[] = [];
    for (const user of users) {
      const { statusCode } = await node.app.inject({
        method: 'POST',
        url: `/api/v1/buy/${node.ticketOf(user)}`,
        headers: { authorization: `Bearer ${node.tokenOf(user)}` },
        payload: {},
      });
      // A kept request is read up to its body, which is not a purchase, so it has no effect.
      if (statusCode === 400) kept.push(user);
      else expect(statusCode).toBe(429);
    }
    return kept;
  }
  const environment = { RATE_LIMIT_IP_PER_SECOND: '1000000' };
  const crowd = Array.from({ length: 1_500 }, (_, n) => `user-${n}`);

  it('keeps the share by chance, and a second press is a second chance', async () => {
    const node = await openWebNode({ environment });
    node.world.keep = 0.3;
    const first = await pressAll(node, crowd);
    const second = await pressAll(node, crowd);
    // Each bound is more than six standard deviations away: chance exceeds it once in ten thousand
    // million runs.
    for (const kept of [first, second]) {
      expect(Math.abs(kept.length / crowd.length - 0.3)).toBeLessThan(0.08);
    }
    const both = second.filter((user) => first.includes(user));
    expect(Math.abs(both.length / crowd.length - 0.09)).toBeLessThan(0.05);
    await node.close();
  });

  it('keeps by rank in a lottery: a second press changes nothing, and raising the kept share admits the next ranks', async () => {
    const node = await openWebNode({ environment });
    node.world.shed = 'lottery';
    node.world.keep = 0.3;
    const first = await pressAll(node, crowd);
    const expected = crowd.filter((user) => lotteryRank(node.lotterySecret, user) < 0.3);
    expect(first).toEqual(expected);
    expect(await pressAll(node, crowd)).toEqual(first);
    node.world.keep = 0.4;
    const more = await pressAll(node, crowd);
    expect(more.length).toBeGreaterThan(first.length);
    expect(first.filter((user) => !more.includes(user))).toEqual([]);
    // Back to chance, without a restart.
    node.world.shed = 'random';
    node.world.keep = 0;
    expect(await pressAll(node, crowd.slice(0, 20))).toEqual([]);
    await node.close();
  });

  it('tells shoppers whose rank is not reached that another press cannot help', async () => {
    const node = await openWebNode({ environment });
    node.world.shed = 'lottery';
    node.world.keep = 0;
    const answer = await node.app.inject({
      method: 'POST',
      url: `/api/v1/buy/${node.ticketOf('ada')}`,
      headers: { authorization: `Bearer ${node.tokenOf('ada')}` },
    });
    expect(answer.json()).toMatchObject({ verdict: 'shed', status: 429 });
    expect(answer.json().detail).toMatch(/however often you press/);
    expect(Number(answer.headers['retry-after'])).toBeGreaterThanOrEqual(10);
    await node.close();
  });

  it('shows the hash always, and the secret only when the database says so', async () => {
    const node = await openWebNode();
    const facts = async () => (await node.app.inject('/api/v1/sales/demo')).json();
    const secretSha256 = createHash('sha256').update(node.lotterySecret).digest('hex');
    expect((await facts()).lottery).toEqual({ secretSha256 });
    const closed = new Date(Date.now() - 1_000);
    node.world.row = { ...node.world.row, closesAt: closed };
    await node.refresh();
    await new Promise((resolve) => setTimeout(resolve, 110));
    expect((await facts()).lottery).toEqual({ secretSha256 });
    node.world.lottery = { secret: node.lotterySecret, isPublic: true };
    await node.refresh();
    await new Promise((resolve) => setTimeout(resolve, 110));
    expect((await facts()).lottery).toEqual({
      secretSha256,
      secret: node.lotterySecret.toString('hex'),
    });
    await node.close();
  });
});
