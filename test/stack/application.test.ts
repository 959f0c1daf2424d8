import { describe, expect, test } from 'vitest';
import { readConfig } from '../../console/config.ts';
import { APPLICATION_NAMES, applicationSpecs } from '../../ops/stack/application.ts';

/** The variables of the local stack's own processes. */

function consoleConfig(host: string, environment: Record<string, string> = {}) {
  const specs = applicationSpecs({
    root: '.',
    logFolder: '.',
    environment,
    servers: {
      databaseUrl: 'postgres://flashsale:a@127.0.0.1:1/flashsale',
      amqpUrl: 'amqp://flashsale:b@127.0.0.1:2/flashsale',
      zookeeper: '127.0.0.1:4',
    },
    zkRoot: '/flashsale',
    shop: { host, port: 8080 },
    secrets: {
      jwtSecret: 'j'.repeat(40),
      paymentWebhookSecret: `whsec_${'p'.repeat(32)}`,
      consoleToken: 'fsc_token',
    },
    consolePort: 8095,
    monitorPorts: new Map(APPLICATION_NAMES.map((name, index) => [name, 9_101 + index])),
  });
  return readConfig(specs.find(({ name }) => name === 'console')?.env ?? {});
}

describe('the console of the local stack', () => {
  test.each([
    ['127.0.0.1', '127.0.0.1'],
    ['192.168.1.5', '127.0.0.1'],
    ['0.0.0.0', '0.0.0.0'],
  ])('takes sign-ins at its printed address, with HOST=%s', (host, listens) => {
    const { url, listen } = consoleConfig(host, { CONSOLE_URL: 'http://localhost:1' });
    expect(url).toBe('http://127.0.0.1:8095');
    expect(listen).toEqual({ host: listens, port: 8095 });
  });
});
