import { firstUrl, namedUrls } from './cluster-url.ts';

/**
 * Which secrets are strong enough for a shop. Outside the demo, a process refuses to start with a
 * short secret or with one that is published in this repository.
 */

/** Every secret in a file of this repository, tests included, and RabbitMQ's default password. */
export const PUBLISHED_SECRETS: ReadonlySet<string> = new Set([
  'flashsale',
  'flashsale-web',
  'flashsale-worker',
  'flashsale-ops',
  'flashsale-readonly',
  'flashsale-console',
  'flashsale-monitor',
  'flashsale-grafana',
  'guest',
  'only-for-trying-out-on-ones-own-machine',
  'whsec_b25seS1mb3ItdHJ5aW5nLW91dC1vbi1vbmVzLW93bi1tYWNoaW5l',
  'sk_test_51ThisIsNoRealKeyAtAll',
  'whsec_ThisIsNoRealSecretEither1234',
  'a-secret-that-only-the-proxies-of-the-shop-know',
  'a-secret-that-only-the-nginx-of-this-test-knows',
  'a secret that is long enough for HS256',
  'breakable',
]);

/**
 * The roles of the database with a login. `readonly` is for people, `monitor` for the exporter of the server's
 * statistics. The owner has one only where the superuser of a server is not used.
 */
export const LOGIN_ROLES = ['web', 'worker', 'ops', 'readonly', 'console', 'monitor'] as const;
export type LoginRole = (typeof LOGIN_ROLES)[number];

interface SecretVariable {
  /**
   * Extracts the secret from the variable's value; undefined when the value holds none, such as a
   * URL without a password.
   */
  readonly secretOf: (value: string) => string | undefined;
  readonly lengthMin: number;
}

/** In characters. RFC 7518 §3.2: an HS256 key must be at least as long as the hash. */
export const JWT_SECRET_LENGTH_MIN = 32;
const PASSWORD_LENGTH_MIN = 12;

const whole = (value: string) => value;
const ofLogin: SecretVariable = { secretOf: whole, lengthMin: PASSWORD_LENGTH_MIN };
const ofUrl: SecretVariable = { secretOf: passwordOf, lengthMin: PASSWORD_LENGTH_MIN };

/** Every variable `X` of any process that carries a secret. `X_FILE` may name a file with it instead. */
export const SECRET_VARIABLES: Readonly<Record<string, SecretVariable>> = {
  DATABASE_URL: ofUrl,
  HOT_DATABASE_URL: ofUrl,
  HOT_DATABASE_URLS: { secretOf: weakestOfUrls, lengthMin: PASSWORD_LENGTH_MIN },
  DATABASE_READ_URL: ofUrl,
  HOT_DATABASE_READ_URLS: { secretOf: weakestOfUrls, lengthMin: PASSWORD_LENGTH_MIN },
  AMQP_URL: ofUrl,
  AMQP_MANAGEMENT_URL: ofUrl,
  SMTP_URL: ofUrl,
  DATABASE_PASSWORD_OWNER: ofLogin,
  DATABASE_PASSWORD_WEB: ofLogin,
  DATABASE_PASSWORD_WORKER: ofLogin,
  DATABASE_PASSWORD_OPS: ofLogin,
  DATABASE_PASSWORD_READONLY: ofLogin,
  DATABASE_PASSWORD_CONSOLE: ofLogin,
  DATABASE_PASSWORD_MONITOR: ofLogin,
  ZK_AUTH: {
    secretOf: (value) => value.slice(value.indexOf(':') + 1),
    lengthMin: PASSWORD_LENGTH_MIN,
  },
  ZK_ACL: { secretOf: whole, lengthMin: 0 },
  JWT_SECRET: { secretOf: whole, lengthMin: JWT_SECRET_LENGTH_MIN },
  // The patterns of these variables already require a minimum length.
  PAYMENT_WEBHOOK_SECRET: { secretOf: whole, lengthMin: 0 },
  TRUST_PROXY_SECRET: { secretOf: whole, lengthMin: 0 },
  CONSOLE_TRUST_PROXY_SECRET: { secretOf: whole, lengthMin: 0 },
  NOTICE_SECRET: { secretOf: whole, lengthMin: 0 },
  VAPID_PRIVATE_KEY: { secretOf: whole, lengthMin: 0 },
  STRIPE_SECRET_KEY: { secretOf: whole, lengthMin: 0 },
  STRIPE_WEBHOOK_SECRET: { secretOf: whole, lengthMin: 0 },
  OIDC_CLIENT_SECRET: { secretOf: whole, lengthMin: 0 },
  // It may have the key of a service.
  OTEL_EXPORTER_OTLP_HEADERS: { secretOf: whole, lengthMin: 0 },
  // Hashes of tokens. A file has one entry a line.
  CONSOLE_TOKENS: { secretOf: whole, lengthMin: 0 },
};

/**
 * Returns one sentence for each variable whose secret is published or short. No sentence shows a
 * value.
 */
export function weakSecrets(environment: Readonly<Record<string, string | undefined>>): string[] {
  return Object.entries(SECRET_VARIABLES).flatMap(([name, { secretOf, lengthMin }]) => {
    const secret = secretOf(environment[name] ?? '');
    if (secret === undefined || secret === '') return [];
    if (PUBLISHED_SECRETS.has(secret)) {
      return `${name} has a secret that is published in this repository: only the demo takes it`;
    }
    if (secret.length >= lengthMin) return [];
    return `${name} has a secret of fewer than ${lengthMin} characters: only the demo takes it`;
  });
}

/** Of `home=url,…`: the shortest password, or one that is published. */
function weakestOfUrls(urls: string): string | undefined {
  const passwords = namedUrls(urls)
    .map(({ url }) => passwordOf(url))
    .filter((password) => password !== undefined && password !== '');
  const published = passwords.find((password) => PUBLISHED_SECRETS.has(password ?? ''));
  return published ?? passwords.toSorted((a = '', b = '') => a.length - b.length)[0];
}

function passwordOf(url: string): string | undefined {
  const first = firstUrl(url);
  if (!URL.canParse(first)) return undefined;
  const { password, searchParams } = new URL(first);
  try {
    return decodeURIComponent(password) || (searchParams.get('password') ?? undefined);
  } catch {
    return password;
  }
}
