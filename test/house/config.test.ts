import { createECDH } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { readConfig as readConsole } from '../../console/config.ts';
import { ConfigError } from '../../contracts/config.ts';
import { DEMO_TOKEN_SHA256 } from '../../contracts/console.ts';
import { PUBLISHED_SECRETS } from '../../contracts/secrets.ts';
import { readConfig as readKeeper } from '../../keeper/config.ts';
import { readConfig as readServer } from '../../server/config.ts';
import { readConfig as readWorker } from '../../worker/config.ts';
import { SECRETS, STRIPE_ENVIRONMENT } from '../server/secrets.ts';

/**
 * An invalid value in any variable ends a process with the name of the variable and the expected
 * value.
 */

const UNSHOWN = 'a-value-that-must-not-be-shown';
const { JWT_SECRET: JWT, PAYMENT_WEBHOOK_SECRET: WEBHOOK } = SECRETS;
const complete = {
  DATABASE_URL: `postgres://shop:${UNSHOWN}@127.0.0.1/shop`,
  AMQP_URL: `amqp://shop:${UNSHOWN}@127.0.0.1/shop`,
  ZOOKEEPER: '127.0.0.1:2181',
  JWT_SECRET: JWT,
  PAYMENT_WEBHOOK_SECRET: WEBHOOK,
  PAYMENT_PROVIDER: 'standard',
  CONSOLE_TOKENS: `anna=viewer:${'0'.repeat(64)}`,
};

const everywhere: [string, string][] = [
  ['DATABASE_URL', `mysql://${UNSHOWN}`],
  ['HOT_DATABASE_URL', UNSHOWN],
  ['HOT_DATABASE_URLS', `postgres://shop:${UNSHOWN}@one/shop`],
  ['HOT_DATABASE_URLS', `hot-01=postgres://shop:${UNSHOWN}@one/shop`],
  ['HOT_DATABASE_URLS', `hot-499=postgres://shop:${UNSHOWN}@one/shop`],
  ['HOT_DATABASE_URLS', `regular=postgres://shop:${UNSHOWN}@one/shop`],
  ['HOT_DATABASE_URLS', `hot-1=postgres://one/shop,hot-1=postgres://shop:${UNSHOWN}@two/shop`],
  ['HOT_DATABASE_URLS', `hot-1=postgres://one/shop,${UNSHOWN}`],
  ['HOT_DATABASE_URLS', `hot-1=mysql://${UNSHOWN}/shop`],
  ['AMQP_URL', `http://${UNSHOWN}`],
  // Several hosts, some of which may be standbys.
  ['DATABASE_URL', `postgres://shop:${UNSHOWN}@one,two/shop`],
  ['DATABASE_URL', `postgres://shop:${UNSHOWN}@/shop?host=one,two`],
  ['HOT_DATABASE_URL', `postgres://shop:${UNSHOWN}@one:5432,two:5432/shop`],
  ['AMQP_URL', `amqp://shop:${UNSHOWN}@one,/shop`],
  ['AMQP_URL', `amqp://shop:${UNSHOWN}@one:5672,one:5672/shop`],
  ['AMQP_URL', `amqp://shop:${UNSHOWN}@one:5672,two:x/shop`],
  ['AMQP_URL', `amqp://shop:${UNSHOWN}@one%2ctwo/shop`],
  ['AMQP_URL', `amqp://shop:${UNSHOWN}@${'abcdefghij'.split('').join(',')}/shop`],
  ['AMQP_URL', `amqp://shop:${UNSHOWN}@one/shop,amqp://shop:${UNSHOWN}@two/shop`],
  ['LOG_LEVEL', 'loud'],
  ['MONITOR_PORT', '65536'],
  ['MONITOR_HOST', 'a b'],
  ['DEMO', 'yes'],
];
const zookeeper: [string, string][] = [
  ['ZOOKEEPER', 'localhost'],
  ['ZK_ROOT', 'flashsale'],
  ['ZK_SESSION_TIMEOUT_MS', '4s'],
];
const notices: [string, string][] = [
  ['MAIL_FROM', 'the shop'],
  ['MAIL_FROM', 'shop@shop.example\r\nBcc: all@mail.example'],
  ['MAIL_FROM', 'Shop <shop@localhost>'],
  ['VAPID_PUBLIC_KEY', 'AAAA'],
  ['NOTICE_SECRET', 'short'],
  ['PUSH_ALLOW_PRIVATE', 'yes'],
];
const traces: [string, string][] = [
  ['OTEL_EXPORTER_OTLP_ENDPOINT', 'collector:4318'],
  ['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', 'grpc://collector:4317'],
  ['OTEL_EXPORTER_OTLP_HEADERS', UNSHOWN],
  ['OTEL_EXPORTER_OTLP_PROTOCOL', 'grpc'],
  ['OTEL_SERVICE_NAME', 'my shop'],
  ['OTEL_TRACES_SAMPLER', 'sometimes'],
  ['OTEL_TRACES_SAMPLER_ARG', '10%'],
  ['OTEL_SDK_DISABLED', 'maybe'],
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
      ['JWKS_URL', `ftp://${UNSHOWN}`],
      ['JWKS_URL', 'https://one,two/keys'],
      ['JWT_AUDIENCE', ' shop'],
      ['JWT_ISSUER', 'x'.repeat(256)],
      ['PAYMENT_WEBHOOK_SECRET', UNSHOWN],
      ['IMAGE_ORIGINS', 'http://cdn.example'],
      ['IMAGE_ORIGINS', 'https://*.example'],
      ['IMAGE_ORIGINS', 'https://cdn.example/pictures'],
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
      ...notices,
      ...traces,
    ],
  },
  worker: {
    read: readWorker,
    garbage: [
      ...everywhere,
      ['QUEUES', 'hot,cold'],
      ['WEBHOOKS', 'maybe'],
      ['WEBHOOK_ALLOW_HTTP', 'yes'],
      ['WEBHOOK_ALLOW_PRIVATE', 'on'],
      ['BATCH_REQUESTS_MAX', '0'],
      ['BATCH_WAIT_MS', '-1'],
      ['CALLS_IN_FLIGHT_MAX', 'many'],
      ['PREFETCH_MAX', '1e2'],
      ...notices,
      ...traces,
      ['SMTP_URL', `http://shop:${UNSHOWN}@mail.example`],
      ['VAPID_PRIVATE_KEY', UNSHOWN],
      ['VAPID_SUBJECT', 'shop.example'],
      ['SHOP_TIME_ZONE', 'Mars/Olympus'],
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
  console: {
    read: readConsole,
    garbage: [
      ...everywhere,
      ...zookeeper,
      ['CONSOLE_HOST', '?'],
      ['CONSOLE_PORT', 'x'],
      ['CONSOLE_URL', 'http://console.example'],
      ['CONSOLE_TOKENS', 'anna=boss:00'],
      ['CONSOLE_TOKENS', `anna=viewer:${UNSHOWN}`],
      ['CONSOLE_TRUST_PROXY', '0.0.0.0/0'],
      ['CONSOLE_TRUST_PROXY_HOPS', '0'],
      ['CONSOLE_TRUST_PROXY_SECRET', 'short'],
      ['CONSOLE_SESSION_MINUTES', '0'],
      ['WEB_MONITORS', 'https://web:9100'],
      ['OIDC_ISSUER', 'http://login.example'],
      ['OIDC_CLIENT_SECRET', 'short'],
      ['OIDC_ROLES', 'staff=boss'],
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
  it('is accepted when it is complete', () => {
    expect(() => read(complete)).not.toThrow();
  });

  it('is accepted with the brokers of a cluster', () => {
    const AMQP_URL = `amqp://shop:${UNSHOWN},${UNSHOWN}@one,two:5673,[::1]:5674/shop`;
    expect(() => read({ ...complete, AMQP_URL })).not.toThrow();
  });

  it.each(garbage)('is refused with %s=%s', (variable = '', value = '') => {
    const message = complaint(read, { ...complete, [variable]: value });
    expect(message).toMatch(new RegExp(`^${variable} must be `, 'm'));
    expect(message).not.toContain(UNSHOWN);
  });

  it('is refused with the names of all missing variables', () => {
    const message = complaint(read, {});
    expect(message).toContain('DATABASE_URL is not set');
    expect(message).toContain('AMQP_URL is not set');
  });
});

describe('the environment of a server', () => {
  it('needs exactly one way to verify users, and in the demo a secret of its own', () => {
    const { JWT_SECRET, ...rest } = complete;
    expect(complaint(readServer, rest)).toContain('JWT_SECRET and JWKS_URL');
    const jwks = {
      ...rest,
      JWKS_URL: 'https://shop.example/jwks.json',
      JWT_AUDIENCE: 'https://sale.example',
      JWT_ISSUER: 'https://shop.example/',
    };
    expect(() => readServer(jwks)).not.toThrow();
    for (const name of ['JWT_AUDIENCE', 'JWT_ISSUER']) {
      expect(complaint(readServer, { ...jwks, [name]: '' })).toContain(
        'JWT_AUDIENCE and JWT_ISSUER',
      );
    }
    for (const host of ['127.0.0.1', '127.1.2.3:80', 'localhost:8080', '[::1]:80']) {
      expect(() => readServer({ ...jwks, JWKS_URL: `http://${host}/keys` })).not.toThrow();
    }
    const unsafe = [
      'http://shop.example',
      'http://127.0.0.1.shop.example',
      'https://a:b@c.example',
    ];
    for (const JWKS_URL of [...unsafe, 'http://localhost.example', 'http://10.0.0.1', 'data:,{}']) {
      expect(complaint(readServer, { ...jwks, JWKS_URL })).toContain(
        'JWKS_URL must be an https URL',
      );
    }
    expect(complaint(readServer, { ...jwks, JWT_SECRET })).toContain('JWT_SECRET and JWKS_URL');
    expect(complaint(readServer, { ...jwks, DEMO: 'true' })).toContain('DEMO');
  });

  it('needs all variables of Stripe or none', () => {
    const stripe = {
      ...complete,
      ...STRIPE_ENVIRONMENT,
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
    for (const STRIPE_SECRET_KEY of ['pk_live_abcdefgh12345678', 'nonsense', 'sk_test_a-b']) {
      const words = complaint(readServer, { ...stripe, STRIPE_SECRET_KEY });
      expect(words).toContain('STRIPE_SECRET_KEY must be a key of Stripe');
      expect(words).not.toContain(STRIPE_SECRET_KEY);
    }
    const SHOP_URL = 'https://shop.example/path';
    expect(complaint(readServer, { ...stripe, SHOP_URL })).toContain('SHOP_URL must be a URL');
    expect(complaint(readServer, { ...complete, PAYMENT_PROVIDER: 'cash' })).toContain(
      'PAYMENT_PROVIDER must be one of demo, standard, stripe',
    );
  });
});

describe('the Stripe settings', () => {
  const stripe = { ...complete, ...STRIPE_ENVIRONMENT };
  const reads: [string, (environment: Record<string, string>) => { payment: object }][] = [
    ['a server', readServer],
    ['a worker', readWorker],
  ];
  const test = (kind: string) => `${kind}_test_${SECRETS.JWT_SECRET.slice(0, 24)}`;

  it.each(reads)(
    'need a live key for %s, unless STRIPE_TEST_MODE or DEMO is set',
    (_name, read) => {
      for (const STRIPE_SECRET_KEY of [test('sk'), test('rk')]) {
        for (const PAYMENT_PROVIDER of ['stripe', 'standard']) {
          const env = { ...stripe, PAYMENT_PROVIDER, STRIPE_SECRET_KEY };
          const words = complaint(read, env);
          expect(words).toContain('STRIPE_SECRET_KEY is a test key');
          expect(words).not.toContain(STRIPE_SECRET_KEY);
          for (const more of [{ STRIPE_TEST_MODE: '1' }, { DEMO: '1' }]) {
            expect(() => read({ ...env, ...more })).not.toThrow();
          }
        }
      }
      const live = { ...stripe, STRIPE_TEST_MODE: '1' };
      expect(complaint(read, live)).toContain('STRIPE_TEST_MODE needs a test key');
    },
  );

  it.each(reads)('need an https URL of the API for %s', (_name, read) => {
    const unsafe = ['http://stripe.example', 'http://10.0.0.1:80', 'https://a:b@c.example'];
    for (const STRIPE_API_URL of unsafe) {
      const words = complaint(read, { ...stripe, STRIPE_API_URL });
      expect(words).toContain('STRIPE_API_URL must be an https URL');
    }
    for (const STRIPE_API_URL of ['http://127.0.0.1:9', 'https://stripe.example']) {
      expect(() => read({ ...stripe, STRIPE_API_URL })).not.toThrow();
    }
  });
});

describe('the Stripe settings of a worker', () => {
  const { STRIPE_SECRET_KEY, PAYMENT_PROVIDER } = STRIPE_ENVIRONMENT;
  const account = { secretKey: STRIPE_SECRET_KEY, apiUrl: 'https://api.stripe.com' };

  it('need only the key', () => {
    const env = { ...complete, PAYMENT_PROVIDER, STRIPE_SECRET_KEY };
    expect(readWorker(env).payment).toEqual({ provider: 'stripe', stripe: account });
    const words = complaint(readWorker, { ...env, STRIPE_SECRET_KEY: '' });
    expect(words).toBe('PAYMENT_PROVIDER=stripe needs STRIPE_SECRET_KEY');
  });

  it('are kept when another provider is configured', () => {
    const { payment } = readWorker({ ...complete, STRIPE_SECRET_KEY });
    expect(payment).toEqual({ provider: 'standard', stripe: account });
    expect(readWorker(complete).payment).toEqual({ provider: 'standard', stripe: undefined });
  });
});

describe('the settings of notices', () => {
  const keys = createECDH('prime256v1');
  const push = {
    VAPID_PUBLIC_KEY: keys.generateKeys('base64url'),
    VAPID_PRIVATE_KEY: keys.getPrivateKey('base64url'),
    VAPID_SUBJECT: 'mailto:shop@shop.example',
  };
  const email = {
    SMTP_URL: `smtps://shop:${UNSHOWN}@mail.example`,
    MAIL_FROM: 'The shop <shop@shop.example>',
  };
  const both = { NOTICE_SECRET: JWT, SHOP_URL: 'https://shop.example' };

  it('switch nothing on when none is set', () => {
    expect(readServer(complete).notices).toBeUndefined();
    expect(readWorker(complete).notices).toBeUndefined();
  });

  it('tell a web node what to offer, and a worker how to send', () => {
    const env = { ...complete, ...push, ...email, ...both };
    expect(readServer(env).notices).toMatchObject({ email: true, pushKey: push.VAPID_PUBLIC_KEY });
    expect(readWorker(env).notices).toMatchObject({
      email: { from: email.MAIL_FROM },
      push: { publicKey: push.VAPID_PUBLIC_KEY },
      timeZone: 'UTC',
    });
    const { notices } = readWorker({ ...complete, ...email, ...both });
    expect(notices?.push).toBeUndefined();
  });

  it('need each other', () => {
    const env = { ...complete, ...push, ...email, ...both };
    const needs: [string, string][] = [
      ['MAIL_FROM', 'SMTP_URL needs MAIL_FROM'],
      ['NOTICE_SECRET', 'SMTP_URL needs NOTICE_SECRET'],
      ['SHOP_URL', 'SMTP_URL needs SHOP_URL'],
      ['VAPID_SUBJECT', 'VAPID_PRIVATE_KEY needs VAPID_SUBJECT'],
      ['VAPID_PUBLIC_KEY', 'VAPID_PRIVATE_KEY needs VAPID_PUBLIC_KEY'],
    ];
    for (const [name, words] of needs) {
      expect(complaint(readWorker, { ...env, [name]: '' })).toBe(words);
    }
    expect(complaint(readServer, { ...env, NOTICE_SECRET: '' })).toBe(
      'MAIL_FROM needs NOTICE_SECRET',
    );
    const other = { ...env, VAPID_PUBLIC_KEY: keys.generateKeys('base64url') };
    expect(complaint(readWorker, other)).toContain('is not the public key of VAPID_PRIVATE_KEY');
  });
});

describe('the payment provider', () => {
  const { PAYMENT_PROVIDER: _, PAYMENT_WEBHOOK_SECRET: webhookSecret, ...rest } = complete;
  const payable = { ...rest, PAYMENT_WEBHOOK_SECRET: webhookSecret };

  it.each([
    ['a server', readServer],
    ['a worker', readWorker],
  ])('must be named for %s outside the demo', (_name, read) => {
    expect(complaint(read, payable)).toContain('PAYMENT_PROVIDER is not set');
    const pressed = { ...payable, PAYMENT_PROVIDER: 'demo' };
    expect(complaint(read, pressed)).toContain('PAYMENT_PROVIDER=demo needs DEMO');
    for (const DEMO of ['1', 'true']) {
      expect(read({ ...payable, DEMO }).payment).toMatchObject({ provider: 'demo' });
    }
  });

  it('needs the secret of the callbacks that it receives, and no other', () => {
    expect(complaint(readServer, { ...rest, PAYMENT_PROVIDER: 'standard' })).toBe(
      'PAYMENT_WEBHOOK_SECRET is not set',
    );
    const { PAYMENT_WEBHOOK_SECRET, ...stripe } = STRIPE_ENVIRONMENT;
    expect(() => readServer({ ...rest, ...stripe })).not.toThrow();
  });
});

describe('the sign-in of a console', () => {
  const { CONSOLE_TOKENS, ...rest } = complete;

  it('needs tokens or a provider', () => {
    expect(complaint(readConsole, rest)).toContain('Nobody could sign in');
    const oidc = { OIDC_ISSUER: 'https://login.example', OIDC_CLIENT_ID: 'console' };
    expect(readConsole({ ...rest, ...oidc }).oidc).toMatchObject({ rolesClaim: 'roles' });
    for (const name of ['OIDC_ISSUER', 'OIDC_CLIENT_ID']) {
      expect(complaint(readConsole, { ...rest, ...oidc, [name]: '' })).toContain('go together');
    }
    const roles = { OIDC_ROLES: 'cn=sale,ou=staff=viewer' };
    expect(complaint(readConsole, { ...complete, ...roles })).toContain('OIDC_ROLES must be');
  });

  it('takes the published token in the demo only', () => {
    const demo = { ...rest, CONSOLE_TOKENS: `demo=viewer:${DEMO_TOKEN_SHA256}` };
    expect(complaint(readConsole, demo)).toContain(
      'CONSOLE_TOKENS has the token that is published',
    );
    expect(() => readConsole({ ...demo, DEMO: '1' })).not.toThrow();
  });
});

describe('outside the demo', () => {
  const reads = Object.entries(processes).map(([name, { read }]) => [name, read] as const);
  const [url = '', webhook = ''] = [
    'flashsale',
    'whsec_b25seS1mb3ItdHJ5aW5nLW91dC1vbi1vbmVzLW93bi1tYWNoaW5l',
  ];

  it.each(reads)('a %s takes no secret that is published or short', (_name, read) => {
    const weak: [string, string, string][] = [
      ['DATABASE_URL', `postgres://shop:${url}@127.0.0.1/shop`, 'published'],
      ['HOT_DATABASE_URL', `postgres://127.0.0.1/hot?user=a&password=${url}`, 'published'],
      ['HOT_DATABASE_URLS', `hot-1=postgres://one/b,hot-2=postgres://a:${url}@two/b`, 'published'],
      ['HOT_DATABASE_URLS', `hot-1=postgres://a:${'pw'}@one/b`, 'fewer than 12'],
      [
        'DATABASE_URL',
        `postgres://shop:${url}@one:5432,two/shop?target_session_attrs=primary`,
        'published',
      ],
      ['AMQP_URL', `amqp://shop:${'guest'}@127.0.0.1/shop`, 'published'],
      ['AMQP_URL', `amqp://shop:${'pw'}@127.0.0.1/shop`, 'fewer than 12'],
    ];
    for (const [variable, value, why] of weak) {
      const env = { ...complete, [variable]: value };
      expect(complaint(read, env)).toMatch(new RegExp(`^${variable} has a secret .*${why}`));
      expect(() => read({ ...env, DEMO: '1' })).not.toThrow();
    }
    const unsecured = { ...complete, DATABASE_URL: 'postgres://127.0.0.1/shop' };
    expect(() => read(unsecured)).not.toThrow();
  });

  it('a server refuses a published secret that signs callbacks', () => {
    expect(PUBLISHED_SECRETS).toContain(webhook);
    const words = complaint(readServer, { ...complete, PAYMENT_WEBHOOK_SECRET: webhook });
    expect(words).toMatch(/^PAYMENT_WEBHOOK_SECRET has a secret that is published/);
    for (const JWT_SECRET of [...PUBLISHED_SECRETS].filter(({ length }) => length >= 32)) {
      const said = complaint(readServer, { ...complete, JWT_SECRET });
      expect(said).toMatch(/^JWT_SECRET has a secret that is published/);
      expect(said).not.toContain(JWT_SECRET);
    }
  });
});
