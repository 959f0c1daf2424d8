import { type ChildProcess, execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { cancelOrder, payOrder, webhookLags } from '../../db/calls.ts';
import type { Databases } from '../../db/client/pool.ts';
import { Children, PROGRAM_ENVIRONMENT } from '../children.ts';
import { createDatabase, type TestDatabase } from '../db/database.ts';
import { openSale, order, stock } from '../db/shop.ts';
import { createVirtualHost, uniqueName, type VirtualHost } from '../servers.ts';
import { until } from '../until.ts';
import { lives, type Receiver, startReceiver } from './receiver.ts';

/** The command line, a worker process that is killed, and a merchant. */

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, '..', '..');
const workers = new Children();
let host: VirtualHost;
let database: TestDatabase;
let receiver: Receiver;
let other: Receiver;
let sku: string;
let ops: Databases;

beforeAll(async () => {
  host = await createVirtualHost();
  database = await createDatabase();
  receiver = await startReceiver();
  other = await startReceiver();
  ops = database.as('ops', 2);
  sku = await stock(ops, await openSale(ops), { units: 1_000 });
});
afterAll(async () => {
  workers.close();
  await receiver?.close();
  await other?.close();
  await database?.remove();
  await host?.remove();
});

const allowed = { WEBHOOK_ALLOW_HTTP: 'true', WEBHOOK_ALLOW_PRIVATE: 'true' };

async function cli(words: string[], environment: Record<string, string> = allowed) {
  const args = ['ops/cli.ts', 'webhooks', ...words, '--json'];
  const env = { ...PROGRAM_ENVIRONMENT, DATABASE_URL: database.url, ...environment };
  const { stdout } = await run(process.execPath, args, { cwd: ROOT, env });
  return JSON.parse(stdout);
}

function startWorker(): ChildProcess {
  const { url: AMQP_URL } = host;
  const env = { ...allowed, AMQP_URL, DATABASE_URL: database.url, DEMO: '1', LOG_LEVEL: 'error' };
  return workers.spawn('worker/main.ts', env);
}

/** Places orders, pays or cancels each, and returns the expected events. */
async function trade(count: number): Promise<Map<string, string[]>> {
  const worker = database.as('worker', 2);
  const happened = new Map<string, string[]>();
  for (let n = 0; n < count; n += 1) {
    const userId = uniqueName('user');
    const orderNo = await order(worker, sku, { userId });
    if (n % 2 === 0) await payOrder(worker, orderNo, `k-${orderNo}`);
    else await cancelOrder(worker, orderNo, userId);
    happened.set(orderNo, ['order.placed', n % 2 === 0 ? 'order.paid' : 'order.cancelled']);
  }
  return happened;
}

async function behind(endpoint: string) {
  const lags = (await webhookLags(ops)).filter((lag) => lag.endpoint === endpoint);
  const sum = (of: 'pending' | 'unread') => lags.reduce((all, lag) => all + lag[of], 0);
  return { pending: sum('pending'), unread: sum('unread') };
}

const untilToldAll = (happened: Map<string, string[]>, who = receiver) =>
  until('the merchant knows all', () => {
    const told = lives(who.taken);
    for (const [no, types] of happened) expect(told.get(no)).toEqual(types);
    return true;
  });

test('endpoints are managed by commands, and a worker that is killed loses and reorders no event', async () => {
  await expect(cli(['add', receiver.url], {})).rejects.toThrow('must be https');
  await expect(cli(['add', 'https://me:pw@example.com/'])).rejects.toThrow('no login');
  // The command refuses an address that the workers would refuse to call.
  const httpOnly = { WEBHOOK_ALLOW_HTTP: 'true' };
  await expect(cli(['add', receiver.url], httpOnly)).rejects.toThrow('not a public address');
  await expect(cli(['add', 'https://localhost/'], {})).rejects.toThrow('no public address');
  await expect(cli(['add', 'https://[::1]/'], {})).rejects.toThrow('not a public address');
  const { endpoint, secret } = await cli(['add', receiver.url]);
  await expect(cli(['add', `${receiver.url}#twice`])).rejects.toThrow(`${endpoint} has this URL`);
  await expect(cli(['add', receiver.url])).rejects.toThrow(`${endpoint} has this URL already`);
  expect(secret).toMatch(/^whsec_/);
  receiver.secret = secret;
  const shown = JSON.stringify([await cli(['list']), await cli(['show', endpoint])]);
  expect(shown).toContain(endpoint);
  expect(shown).not.toContain(secret);

  // Most events are still undelivered when the worker is killed, however fast it is.
  receiver.answer = () => (receiver.taken.length < 20 ? 204 : undefined);
  const victim = startWorker();
  const first = await trade(60);
  await until('it delivers', () => receiver.taken.length > 5);
  const gone = new Promise((resolve) => victim.once('exit', resolve));
  victim.kill('SIGKILL');
  await gone;
  const before = receiver.taken.length;
  expect(before).toBeLessThan(120);
  receiver.answer = () => 204;
  const second = await trade(10);
  startWorker();
  await until('the other one delivers', async () => {
    // Ends the leases of the dead worker, in the outbox and in the deliveries.
    await database.admin.query({ text: `UPDATE hot.outbox_relay SET leased_until = now()` });
    await database.admin.query({ text: 'UPDATE hot.webhook_delivery SET next_at = now()' });
    return receiver.taken.length > before;
  });
  await untilToldAll(first);
  await untilToldAll(second);
  expect(receiver.forged).toBe(0);

  // A second endpoint keeps getting events, which shows that only its state holds back the events
  // of the disabled one.
  await cli(['disable', endpoint]);
  const witness = await cli(['add', other.url]);
  other.secret = witness.secret;
  const has = (orderNo: string) => receiver.taken.some(({ subject }) => subject === orderNo);
  // A worker that knows the second endpoint also knows the earlier change of state.
  await untilToldAll(await trade(1), other);
  const third = new Map<string, string[]>();
  for (let n = 0; n < 3; n += 1) {
    const one = await trade(2);
    await untilToldAll(one, other);
    for (const [no, types] of one) third.set(no, types);
  }
  expect([...third.keys()].filter(has)).toEqual([]);
  expect((await behind(endpoint)).unread).toBeGreaterThanOrEqual(third.size);
  await cli(['enable', endpoint]);
  await untilToldAll(third);
  await cli(['remove', witness.endpoint]);

  const told = receiver.taken.splice(0);
  await cli(['replay', endpoint, '--from', '2020-01-01T00:00:00Z']);
  await untilToldAll(new Map([...first, ...second, ...third]));
  expect(new Set(receiver.taken.map(({ id }) => id))).toEqual(new Set(told.map(({ id }) => id)));
  receiver.taken.splice(0);
  const last = told.at(-1);
  await cli(['replay', endpoint, '--from', last?.id ?? '']);
  await until('it came again', () => receiver.taken.some(({ id }) => id === last?.id));
  await expect(cli(['replay', endpoint, '--from', 'hot.999999.1'])).rejects.toThrow(
    'has no such event',
  );

  const rotated = await cli(['rotate-secret', endpoint]);
  expect(rotated.secret).not.toBe(secret);
  receiver.secret = rotated.secret;
  await cli(['remove', endpoint]);
  expect(await cli(['list'])).toEqual([]);
  await expect(cli(['enable', endpoint])).rejects.toThrow('there is no endpoint');
});
