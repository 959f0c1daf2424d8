import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { buildApp } from '../../console/app.ts';
import { readConfig } from '../../console/config.ts';
import type { Context } from '../../console/context.ts';
import { Attempts } from '../../console/login/attempts.ts';
import { cookiesOf } from '../../console/login/cookies.ts';
import { Sessions } from '../../console/login/sessions.ts';
import { Tokens } from '../../console/login/tokens.ts';
import { hashOfToken, newToken } from '../../contracts/console.ts';
import { createLog } from '../../process/log.ts';
import { createMetrics } from '../../process/metrics.ts';

/** Whose tries to sign in count together, without the servers of a shop. */

const TRIES_MAX = 10;
const SECRET = 'a-secret-that-only-the-proxies-of-the-shop-know';
const token = newToken();
const ENVIRONMENT = {
  DATABASE_URL: 'postgresql://console@127.0.0.1/shop',
  AMQP_URL: 'amqp://127.0.0.1',
  ZOOKEEPER: '127.0.0.1:2181',
  DEMO: '1',
  CONSOLE_TOKENS: `anna=viewer:${hashOfToken(token)}`,
};
const BEHIND_ONE = { CONSOLE_TRUST_PROXY: '127.0.0.0/8', CONSOLE_TRUST_PROXY_HOPS: '1' };

let app: Awaited<ReturnType<typeof buildApp>>;

async function open(environment: Record<string, string> = {}): Promise<void> {
  const config = readConfig({ ...ENVIRONMENT, ...environment });
  const sessions = new Sessions(config.sessionMinutes);
  app = await buildApp({
    config,
    log: createLog('console', 'silent'),
    sessions,
    tokens: new Tokens(config.tokens),
    attempts: new Attempts(),
    cookies: cookiesOf(config.url, sessions.lifeMs, 60_000),
    signIns: createMetrics('console').counter('sign_ins', 'Tries', ['result']),
  } as unknown as Context);
}

async function signIn(given: string, headers: Record<string, string> = {}): Promise<number> {
  const { statusCode } = await app.inject({
    method: 'POST',
    url: '/api/session',
    headers: { origin: 'http://127.0.0.1:8090', ...headers },
    payload: { token: given },
  });
  return statusCode;
}

async function useUp(headersOf: (n: number) => Record<string, string>): Promise<void> {
  for (let n = 0; n < TRIES_MAX; n += 1) expect(await signIn('wrong', headersOf(n))).toBe(401);
}

const from = (address: string) => ({ 'x-forwarded-for': address });

afterEach(() => app.close());

describe('behind a proxy that the console knows', () => {
  beforeEach(() => open(BEHIND_ONE));

  it('a stranger who tries tokens is refused, and locks nobody else out', async () => {
    await useUp(() => from('203.0.113.9'));
    expect(await signIn(token, from('203.0.113.9'))).toBe(429);
    expect(await signIn(token, from('198.51.100.7'))).toBe(201);
  });

  it('an address that a stranger writes in front is no other address', async () => {
    await useUp((n) => from(`198.51.100.${n}, 203.0.113.9`));
    expect(await signIn(token, from('198.51.100.7, 203.0.113.9'))).toBe(429);
  });

  it('the addresses of one IPv6 subscriber count together', async () => {
    await useUp((n) => from(`2001:db8:1:2::${n + 1}`));
    expect(await signIn(token, from('2001:db8:1:2:ffff::1'))).toBe(429);
    expect(await signIn(token, from('2001:db8:1:3::1'))).toBe(201);
  });
});

it('a header counts only with the secret of the proxy, if it has one', async () => {
  await open({ CONSOLE_TRUST_PROXY: '127.0.0.0/8', CONSOLE_TRUST_PROXY_SECRET: SECRET });
  await useUp((n) => from(`198.51.100.${n}`));
  expect(await signIn(token, from('198.51.100.7'))).toBe(429);
  const proved = { ...from('198.51.100.7'), 'x-proxy-secret': SECRET };
  expect(await signIn(token, proved)).toBe(201);
});

it('without a known proxy the header of a stranger counts for nothing', async () => {
  await open();
  await useUp((n) => from(`198.51.100.${n}`));
  expect(await signIn(token, from('198.51.100.77'))).toBe(429);
});
