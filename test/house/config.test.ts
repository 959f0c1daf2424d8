import { describe, expect, it } from 'vitest';
import { ConfigError } from '../../contracts/config.ts';
import { readConfig as readServer } from '../../server/config.ts';
import { readConfig as readWorker } from '../../worker/config.ts';
import { readConfig as readKeeper } from '../../zk/config.ts';

/** Garbage in any variable ends a process with the variable's name and what it expects. */

const SECRET = 'a-secret-that-must-not-be-shown';
const complete = {
  DATABASE_URL: `postgres://shop:${SECRET}@127.0.0.1/shop`,
  AMQP_URL: `amqp://shop:${SECRET}@127.0.0.1/shop`,
  ZOOKEEPER: '127.0.0.1:2181',
  JWT_SECRET: `${SECRET}-and-long-enough`,
  PAYMENT_WEBHOOK_SECRET: 'whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=',
};

const everywhere: [string, string][] = [
  ['DATABASE_URL', `mysql://${SECRET}`],
  ['HOT_DATABASE_URL', SECRET],
  ['AMQP_URL', `http://${SECRET}`],
  ['LOG_LEVEL', 'loud'],
  ['MONITOR_PORT', '65536'],
  ['MONITOR_HOST', 'a b'],
];
const zookeeper: [string, string][] = [
  ['ZOOKEEPER', 'localhost'],
  ['ZK_ROOT', 'flashsale'],
  ['ZK_SESSION_TIMEOUT_MS', '4s'],
];
const processes = {
  server: {
    read: readServer,
    garbage: [
      ...everywhere,
      ...zookeeper,
      ['HOST', '?'],
      ['PORT', '0x50'],
      ['JWT_SECRET', 'short'],
      ['JWKS_URL', `ftp://${SECRET}`],
      ['PAYMENT_WEBHOOK_SECRET', SECRET],
      ['DEMO', 'yes'],
      ['TRUST_PROXY', 'everybody'],
      ['TRUST_PROXY', '0.0.0.0/0'],
      ['TRUST_PROXY', '::ffff:0:0/96'],
      ['TRUST_PROXY_HOPS', '0'],
      ['TRUST_PROXY_SECRET', 'short'],
      ['RATE_LIMIT_IP_PER_SECOND', '0'],
      ['RATE_LIMIT_USER_PER_SECOND', '-1'],
      ['RATE_LIMIT_TICKET_PER_SECOND', 'x'],
      ['RATE_LIMIT_OWN_PER_SECOND', '0'],
      ['OVERLOAD_EVENT_LOOP_MS', '0'],
      ['OVERLOAD_QUEUE_MESSAGES', 'many'],
      ['OVERLOAD_UNCONFIRMED_MESSAGES', '-1'],
      ['COOLDOWN_SECONDS', '1e3'],
      ['TICKET_TTL_SECONDS', '1.5'],
      ['DATABASE_CONNECTIONS_MAX', ' 4'],
    ],
  },
  worker: {
    read: readWorker,
    garbage: [
      ...everywhere,
      ['QUEUES', 'hot,cold'],
      ['WEBHOOKS', 'maybe'],
      ['WEBHOOK_ALLOW_HTTP', 'yes'],
      ['WEBHOOK_ALLOW_PRIVATE', '1'],
      ['BATCH_REQUESTS_MAX', '0'],
      ['BATCH_WAIT_MS', '-1'],
      ['CALLS_IN_FLIGHT_MAX', 'many'],
      ['PREFETCH_MAX', '1e2'],
    ],
  },
  keeper: {
    read: readKeeper,
    garbage: [
      ...everywhere,
      ...zookeeper,
      ['KEEPER_TICK_MS', '0'],
      ['SETTLE_TIMEOUT_MS', 'x'],
      ['SETTLE_GRACE_MS', '-1'],
    ],
  },
} satisfies Record<string, { read: (env: Record<string, string>) => unknown; garbage: string[][] }>;

function complaint(read: (env: Record<string, string>) => unknown, env: Record<string, string>) {
  try {
    read(env);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return (error as Error).message;
  }
  throw new Error('it was taken');
}

describe.each(Object.entries(processes))('the environment of a %s', (_name, { read, garbage }) => {
  it('is taken when it is complete', () => {
    expect(() => read(complete)).not.toThrow();
  });

  it.each(garbage)('is refused with %s=%s', (variable = '', value = '') => {
    const message = complaint(read, { ...complete, [variable]: value });
    expect(message).toMatch(new RegExp(`^${variable} must be `, 'm'));
    expect(message).not.toContain(SECRET);
  });

  it('is refused with all that is missing', () => {
    const message = complaint(read, {});
    expect(message).toContain('DATABASE_URL is not set');
    expect(message).toContain('AMQP_URL is not set');
  });
});

describe('the environment of a server', () => {
  it('needs one way to know its users, and the demo a secret of its own', () => {
    const { JWT_SECRET, ...rest } = complete;
    expect(complaint(readServer, rest)).toContain('JWT_SECRET and JWKS_URL');
    const jwks = { ...rest, JWKS_URL: 'https://shop.example/jwks.json' };
    expect(() => readServer(jwks)).not.toThrow();
    expect(complaint(readServer, { ...jwks, JWT_SECRET })).toContain('JWT_SECRET and JWKS_URL');
    expect(complaint(readServer, { ...jwks, DEMO: 'true' })).toContain('DEMO');
  });

  it('needs all of Stripe, or nothing of it', () => {
    const stripe = {
      ...complete,
      PAYMENT_PROVIDER: 'stripe',
      STRIPE_SECRET_KEY: 'sk_test_abcdefgh12345678',
      STRIPE_WEBHOOK_SECRET: 'whsec_abcdefghijklmnopqrstuvwx',
      SHOP_URL: 'https://shop.example/',
    };
    expect(readServer(stripe).payment).toEqual({
      provider: 'stripe',
      stripe: {
        secretKey: stripe.STRIPE_SECRET_KEY,
        webhookSecret: stripe.STRIPE_WEBHOOK_SECRET,
        apiUrl: 'https://api.stripe.com',
        shopUrl: 'https://shop.example',
      },
    });
    for (const name of ['STRIPE_SECRET_KEY', 'STRIPE_WEBHOOK_SECRET', 'SHOP_URL'] as const) {
      const words = complaint(readServer, { ...stripe, [name]: '' });
      expect(words).toBe(`PAYMENT_PROVIDER=stripe needs ${name}`);
    }
    for (const STRIPE_SECRET_KEY of ['pk_test_abcdefgh12345678', 'nonsense', 'sk_test_a-b']) {
      const words = complaint(readServer, { ...stripe, STRIPE_SECRET_KEY });
      expect(words).toContain('STRIPE_SECRET_KEY must be a key of Stripe');
      expect(words).not.toContain(STRIPE_SECRET_KEY);
    }
    const SHOP_URL = 'https://shop.example/path';
    expect(complaint(readServer, { ...stripe, SHOP_URL })).toContain('SHOP_URL must be a URL');
    expect(complaint(readServer, { ...complete, PAYMENT_PROVIDER: 'cash' })).toContain(
      'PAYMENT_PROVIDER must be one of demo, stripe',
    );
    expect(readServer(complete).payment).toEqual({ provider: 'demo' });
  });
});
