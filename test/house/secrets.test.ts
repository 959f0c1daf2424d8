import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { PUBLISHED_SECRETS, SECRET_VARIABLES } from '../../contracts/secrets.ts';
import { LOGIN_VARIABLES, loginPasswords } from '../../ops/logins.ts';
import { interpolate } from '../compose-file.ts';
import { files, textOf } from './files.ts';

/** The repository contains no secret of a shop. */

const COMPOSE = textOf('docker-compose.yml');
const DEMO = textOf('.env');
/** The length of the demo's shortest secret. A shorter secret is refused as too short. */
const SECRET_LENGTH_MIN = 9;

/** Secrets that are long enough to be accepted: quoted, assigned to a name, or part of a URL. */
function secretsIn(text: string, isCode = false): string[] {
  const value = isCode ? String.raw`'([^'\n]+)'` : String.raw`["']?([^\s"',}#]+)`;
  const name = String.raw`\b[A-Z_]*(?:SECRET|PASSWORD|PASS|SECRET_KEY|API_KEY)\b["']?`;
  const patterns = [
    new RegExp(`${name}[ \\t]*[:=][ \\t]*${value}`, 'g'),
    /\b[A-Z_]*AUTH\b["']?[ \t]*[:=][ \t]*["']?[^\s:'"]+:([^\s'"`]+)/g,
    /\b((?:whsec|[sr]k_(?:test|live))_[A-Za-z0-9+/=]{8,})/g,
    /\b(?:postgres(?:ql)?|amqps?):\/\/[^\s:@/'"`]*:([^\s@'"`]+)@/g,
  ];
  const found = patterns.flatMap((pattern) => [...text.matchAll(pattern)]);
  return found
    .map(([, secret = '']) => secret)
    .filter((secret) => secret.length >= SECRET_LENGTH_MIN && !/[$(){}…<>\\[\]]/.test(secret));
}

describe('docker-compose.yml', () => {
  it('has no secret: with DEMO=0 each one is empty until the operator sets it', () => {
    const lines = interpolate(COMPOSE, { DEMO: '0' }).split('\n');
    const secret = /^\s*(?:\w*(?:SECRET|PASSWORD|PASS|KEY|AUTH)\w*):\s*(.*)$/;
    const values = lines.flatMap(
      (line) => secret.exec(line.replace(/^.*\{ <<.*?, (.*) \}$/, '  $1'))?.[1] ?? [],
    );
    expect(values.length).toBeGreaterThan(5);
    expect(values.filter((value) => value !== '' && value !== '""')).toEqual([]);
    expect(secretsIn(lines.filter((line) => /:\/\/.*@/.test(line)).join('\n'))).toEqual([]);
    expect(lines.filter((line) => /^\s+DEMO:/.test(line)).map((line) => line.trim())).toEqual([
      'DEMO: 0',
    ]);
  });

  it('passes every variable that a real shop needs', () => {
    const given = {
      DEMO: '0',
      JWKS_URL: 'https://shop.example/keys',
      PAYMENT_PROVIDER: 'stripe',
      STRIPE_SECRET_KEY: 'theirs',
      STRIPE_WEBHOOK_SECRET: 'theirs',
      SHOP_URL: 'https://shop.example',
    };
    const lines = interpolate(COMPOSE, given)
      .split('\n')
      .map((line) => line.trim());
    for (const [name, value] of Object.entries(given)) expect(lines).toContain(`${name}: ${value}`);
    expect(lines).toContain('JWT_SECRET:');
  });

  it('gives each service the variables that it uses, and no secret of another service', () => {
    const { services } = parse(COMPOSE, { merge: true }) as {
      services: Record<string, { environment?: Record<string, unknown> }>;
    };
    const having = (name: string) =>
      Object.entries(services)
        .filter(([, { environment = {} }]) => name in environment)
        .map(([service]) => service)
        .sort();
    const workers = ['worker-hot', 'worker-regular'];
    const web = ['web-1', 'web-2'];
    const money = [...web, ...workers];
    const keepers = ['keeper-1', 'keeper-2'];
    for (const name of [
      'PAYMENT_PROVIDER',
      'STRIPE_SECRET_KEY',
      'STRIPE_TEST_MODE',
      'NOTICE_SECRET',
    ]) {
      expect([name, having(name).sort()]).toEqual([name, money.sort()]);
    }
    expect(having('SHOP_URL')).toEqual(['console', ...money].sort());
    const ofWeb = ['STRIPE_WEBHOOK_SECRET', 'PAYMENT_WEBHOOK_SECRET', 'JWT_SECRET'];
    for (const name of ofWeb) expect([name, having(name)]).toEqual([name, web]);
    for (const name of ['ZOOKEEPER', 'ZK_ROOT', 'ZK_ACL', 'ZK_AUTH']) {
      expect([name, having(name)]).toEqual([name, ['console', ...keepers, 'prepare', ...web]]);
    }
    expect(having('AMQP_URL')).toEqual(['console', ...keepers, 'prepare', ...web, ...workers]);
    expect(having('GF_SECURITY_ADMIN_PASSWORD')).toEqual(['grafana']);
    expect(having('DATA_SOURCE_PASS')).toEqual(['postgres-exporter']);
    for (const name of ['CONSOLE_TOKENS', 'OIDC_CLIENT_SECRET']) {
      expect([name, having(name)]).toEqual([name, ['console']]);
    }
    for (const name of ['SMTP_URL', 'VAPID_PRIVATE_KEY', 'VAPID_SUBJECT']) {
      expect([name, having(name)]).toEqual([name, workers]);
    }
  });

  it('sends shoppers back only to a configured address', () => {
    expect(interpolate(COMPOSE, { DEMO: '0' })).toMatch(/^ +SHOP_URL: *$/m);
  });

  it('runs the demo with the secrets of .env, all of which are published', () => {
    expect(DEMO).toMatch(/^DEMO=1$/m);
    const demo = Object.fromEntries(
      DEMO.split('\n').flatMap((line) => {
        const [, name = '', value = ''] = /^([A-Z_]+)=(.*)$/.exec(line) ?? [];
        return name === '' ? [] : [[name, value]];
      }),
    );
    const text = interpolate(COMPOSE, demo);
    expect(text).toContain('DEMO: 1');
    expect(secretsIn(text).filter((secret) => !PUBLISHED_SECRETS.has(secret))).toEqual([]);
    expect(secretsIn(text).length).toBeGreaterThan(4);
  });
});

describe('the published secrets', () => {
  it('are the only secrets in the repository', () => {
    const readable = files.filter((file) => !/\.(png|svg|ico)$|package-lock\.json$/.test(file));
    const found = readable.flatMap((file) =>
      secretsIn(textOf(file), /\.(ts|js|mjs)$/.test(file))
        .filter((secret) => !PUBLISHED_SECRETS.has(secret))
        .map((secret) => `${file}: ${secret}`),
    );
    expect(found).toEqual([]);
  });

  it('are recognized by this test when they are in a file', () => {
    const secret = randomBytes(9).toString('hex');
    for (const text of [`JWT_SECRET: ${secret}`, `export JWT_SECRET=${secret}`]) {
      expect(secretsIn(text)).toEqual([secret]);
    }
    for (const text of [`{ POSTGRES_PASSWORD: '${secret}' }`, `amqp://me:${secret}@host/`]) {
      expect(secretsIn(text, true)).toEqual([secret]);
    }
    expect(secretsIn(`whsec_${secret}`)).toEqual([`whsec_${secret}`]);
  });
});

describe('the passwords of logins', () => {
  it('may be neither published nor short outside the demo', () => {
    const good = randomBytes(9).toString('hex');
    for (const name of LOGIN_VARIABLES) {
      for (const [weak, why] of [
        ['flashsale-readonly', 'published'],
        [good.slice(0, 11), 'fewer than 12'],
      ] as const) {
        expect(() => loginPasswords({ [name]: weak })).toThrow(
          new RegExp(`^${name} has a secret .*${why}`),
        );
        expect(Object.values(loginPasswords({ [name]: weak, DEMO: '1' }))).toEqual([weak]);
      }
      expect(Object.values(loginPasswords({ [name]: good }))).toEqual([good]);
    }
  });
});

it('no file that configures PostgreSQL lets parameters of statements into its log', () => {
  const setting = (name: string) => new RegExp(`\\b(?:c?${name})\\b ?[:=] ?"?0\\b`, 'g');
  const settings = ['log_parameter_max_length', 'log_parameter_max_length_on_error'].map(setting);
  const found = files
    .filter((file) => /\.(ts|ya?ml|conf)$/.test(file) && !file.startsWith('test/'))
    .map((file) => [file, textOf(file)] as const)
    .filter(([, text]) => /log_lock_waits ?[:=]/.test(text));
  expect(found.length).toBeGreaterThan(4);
  for (const [file, text] of found) {
    const servers = text.split('log_lock_waits').length - 1;
    expect([file, ...settings.map((each) => text.match(each)?.length)]).toEqual([
      file,
      servers,
      servers,
    ]);
  }
});

describe('the list of secret variables', () => {
  it('has every variable that a process reads as a secret', () => {
    // The endpoints of a collector have no password: its key is in the headers.
    const kinds =
      /^ {2}(?!OTEL_\w*ENDPOINT)([A-Z_]+): (?:secret|webhookSecret|stripeKey|stripeWebhookSecret|zookeeperAuth|zookeeperDigests|plainPassword|secretText|secretPairs|secretList|databaseUrl|databaseReadUrl|url\('smtp'|clusterUrl\('(?:amqp|http)')/gm;
    const configs = files.filter((file) =>
      /^((contracts|payment|server|worker|keeper|console)\/(notice-|trace-|database-)?config|ops\/logins)\.ts$/.test(
        file,
      ),
    );
    const named = configs.flatMap((file) =>
      [...textOf(file).matchAll(kinds)].map(([, name]) => name),
    );
    expect(named.length).toBeGreaterThan(6);
    expect(named.filter((name = '') => !(name in SECRET_VARIABLES))).toEqual([]);
    expect(Object.keys(SECRET_VARIABLES).sort()).toEqual([...new Set(named)].sort());
  });
});
