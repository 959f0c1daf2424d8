import { describe, expect, test } from 'vitest';
import { readConfig } from '../../console/config.ts';
import { applicationSpecs } from '../../ops/stack/application.ts';
import { homesOf } from '../../ops/stack/servers.ts';
import { applicationPorts } from '../../ops/stack/usual-ports.ts';
import { readConfig as readWorker } from '../../worker/config.ts';

/** The variables of the local stack's own processes. */

interface Given {
  readonly host?: string;
  readonly environment?: Record<string, string>;
  readonly hotDatabaseUrls?: Record<string, string>;
  readonly address?: string;
}

function specsOf({ host = '127.0.0.1', environment = {}, hotDatabaseUrls, address }: Given) {
  const servers = {
    databaseUrl: 'postgres://flashsale:a@127.0.0.1:1/flashsale',
    hotDatabaseUrls,
    amqpUrl: 'amqp://flashsale:b@127.0.0.1:2/flashsale',
    zookeeper: '127.0.0.1:4',
  };
  return applicationSpecs({
    root: '.',
    logFolder: '.',
    environment,
    servers,
    zkRoot: '/flashsale',
    shop: { host, port: 8080 },
    secrets: {
      jwtSecret: 'j'.repeat(40),
      paymentWebhookSecret: `whsec_${'p'.repeat(32)}`,
      consoleToken: 'fsc_token',
    },
    consolePort: 8095,
    webPorts: new Map([['web-2', 8082]]),
    ...(address !== undefined && { address }),
    monitorPorts: new Map(Object.entries(applicationPorts(homesOf(servers)))),
  });
}

function consoleConfig(host: string, environment: Record<string, string>) {
  const specs = specsOf({ host, environment });
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

describe('the processes of the local stack', () => {
  test.each([
    [undefined, '127.0.0.1'],
    ['198.18.0.2', '198.18.0.2'],
  ])('with address %s, own ports are those of %s', (address, expected) => {
    const specs = specsOf({ host: '192.168.1.5', ...(address !== undefined && { address }) });
    const hosts = new Map(specs.map(({ name, env }) => [name, env['HOST']]));
    expect(new Set(specs.map(({ env }) => env['MONITOR_HOST']))).toEqual(new Set([expected]));
    expect([hosts.get('web-1'), hosts.get('web-2')]).toEqual(['192.168.1.5', expected]);
  });
});

describe('the workers of the local stack', () => {
  test.each([
    [undefined, ['regular', 'hot']],
    [{ 'hot-1': 'postgres://a@one/shop' }, ['regular', 'hot-1']],
    [
      { hot: 'postgres://a@one/shop', 'hot-1': 'postgres://a@two/shop' },
      ['regular', 'hot', 'hot-1'],
    ],
  ])('with hot homes on %j there is one for each home', (hotDatabaseUrls, homes) => {
    const specs = specsOf(hotDatabaseUrls ? { hotDatabaseUrls } : {});
    const workers = specs.filter(({ name }) => name.startsWith('worker-'));
    expect(workers.map(({ name }) => name)).toEqual(homes.map((home) => `worker-${home}`));
    expect(workers.flatMap(({ env }) => readWorker(env).queues)).toEqual(homes);
  });
});
