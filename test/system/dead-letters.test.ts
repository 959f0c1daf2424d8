import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { FetchedMessage } from '../../broker/amqp.ts';
import type { BrokerConnection } from '../../broker/connection.ts';
import { DELIVERY_LIMIT, ordersQueue } from '../../contracts/topology.ts';
import { audit, unitCounts } from '../../db/calls.ts';
import { createConnections, takeAll } from '../broker/harness.ts';
import { uniqueName } from '../servers.ts';
import { type Answer, Shopper } from '../shopper.ts';
import { type System, startSystem } from '../system.ts';
import { until } from '../until.ts';

/**
 * Messages that no worker can decide: the shopper's answer, the operator's view, and the outcome.
 */

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, '..', '..');
const DEAD = 'orders.dead-letters';
const connections = createConnections();
let system: System;
let broker: BrokerConnection;
let sku: string;
let sale: string;

beforeAll(async () => {
  system = await startSystem({ webNodes: 1, environment: { COOLDOWN_SECONDS: '0' } });
  broker = await connections.open(system.environment['AMQP_URL'] ?? '');
});
beforeEach(async () => {
  sku = uniqueName('sku');
  sale = await system.createSale([{ sku, units: 3 }]);
});
afterAll(async () => {
  await connections.closeAll();
  await system?.stop();
});

const sql = (text: string, values: unknown[] = []) =>
  system.databases.home('hot').query<Record<string, unknown>>({ text, values });

async function cli(...words: string[]) {
  const args = ['ops/cli.ts', 'dead-letters', ...words, '--json'];
  const { stdout } = await run(process.execPath, args, { cwd: ROOT, env: system.environment });
  return JSON.parse(stdout);
}

interface Pressed {
  readonly shopper: Shopper;
  readonly requestId: string;
  status(): Promise<[string, string | undefined]>;
}

async function press(userId?: string): Promise<Pressed> {
  const shopper = new Shopper(system.url, system.jwtSecret, userId);
  const { status, body }: Answer = await shopper.press(sale, sku);
  expect(status).toBe(202);
  return {
    shopper,
    requestId: body.requestId,
    async status() {
      const answer = await shopper.call('GET', body.statusUrl);
      expect(answer.status).toBe(200);
      return [answer.body.status, answer.body.reason];
    },
  };
}

const untilStatus = (pressed: Pressed, ...expected: (string | undefined)[]) =>
  until(`${expected} is told`, async () => {
    expect(await pressed.status()).toEqual(expected);
    return true;
  });
const DELAYED = ['queued', 'delayed'] as const;
const REFUSED = ['rejected', 'refused_by_operator'] as const;

/** Stops the worker, presses, changes the queued messages, and starts the worker again. */
async function withWorkerAway(pressing: () => Promise<void>, change = async () => {}) {
  await system.end('worker-1');
  await pressing();
  await change();
  await system.restart('worker-1');
}

/** Takes the only message of the hot orders and puts it back as `put` says. */
async function tamper(put: (message: FetchedMessage) => { content: Buffer; schema: string }) {
  const channel = await broker.openChannel();
  const message = await channel.get(ordersQueue('hot'), { noAck: true });
  if (message === false) throw new Error('no message');
  const { content, schema } = put(message);
  const { replyTo } = message.properties as { replyTo: string };
  const properties = { persistent: true, replyTo, headers: { 'x-schema': schema } };
  channel.publish('orders', 'hot', content, properties);
  await channel.waitForConfirms();
  await channel.close();
}

async function free(): Promise<number> {
  return (await unitCounts(system.databases)).find((one) => one.sku === sku)?.free ?? -1;
}

async function nothingDead(): Promise<void> {
  expect(await cli('list')).toEqual({ letters: [], causes: [] });
  expect(await audit(system.databases)).toEqual([]);
}

/** All three units are sold in the end: none was lost with a dead letter. */
async function sellRest(): Promise<void> {
  const rest = await free();
  // A web node reads the catalogue twice a second.
  await until('the SKU is on sale', () =>
    new Shopper(system.url, system.jwtSecret).ticket(sale, sku),
  );
  const buyers = Array.from({ length: rest }, () => new Shopper(system.url, system.jwtSecret));
  const answers = await Promise.all(buyers.map((buyer) => buyer.buy(sale, sku)));
  expect(answers.map(({ body }) => body.status)).toEqual(buyers.map(() => 'ordered'));
  expect(await free()).toBe(0);
}

test('only the request that causes a failure is delayed, and it is ordered when it is replayed after the repair', async () => {
  const all: Pressed[] = [];
  await sql(`CREATE FUNCTION hot.planted() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF NEW.user_id = 'culprit' THEN RAISE 'planted' USING ERRCODE = 'ZZ001'; END IF;
    RETURN NEW; END $$`);
  await sql(`CREATE TRIGGER planted BEFORE INSERT ON hot.outcome
    FOR EACH ROW EXECUTE FUNCTION hot.planted()`);
  await withWorkerAway(async () => {
    all.push(...(await Promise.all([press(), press('culprit'), press()])));
  });
  const [first, culprit, last] = all as [Pressed, Pressed, Pressed];
  await untilStatus(first, 'ordered', undefined);
  await untilStatus(last, 'ordered', undefined);
  await untilStatus(culprit, ...DELAYED);

  const { letters, causes } = await cli('list');
  expect(letters).toEqual([
    {
      id: expect.stringMatching(/^[0-9a-f]{12}$/),
      at: expect.any(String),
      queue: ordersQueue('hot'),
      cause: 'failed',
      sqlstate: 'ZZ001',
      error: 'planted',
      sku,
      requests: 1,
    },
  ]);
  expect(causes).toEqual([{ cause: 'failed', letters: 1 }]);
  const [{ id }] = letters;
  expect((await cli('show', id)).requests).toEqual([
    { requestId: culprit.requestId, userId: 'culprit' },
  ]);
  // The cause is not repaired yet, so the message becomes a dead letter again.
  await cli('replay', id);
  await until('it is dead again', async () => (await cli('list')).letters.length === 1);
  expect(await culprit.status()).toEqual(DELAYED);

  await sql('DROP TRIGGER planted ON hot.outcome');
  expect(await cli('replay', id)).toEqual([{ id, requests: 1, queue: ordersQueue('hot') }]);
  await untilStatus(culprit, 'ordered', undefined);
  expect(await free()).toBe(0);
  const actions = (await cli('handled')).letters.map(({ action }: { action: string }) => action);
  expect(actions).toEqual(['replayed', 'replayed']);
  await nothingDead();
});

test('a request in an unknown version of the schema is delayed, then refused by an operator, and its unit is sold to another shopper', async () => {
  let pressed: Pressed | undefined;
  await withWorkerAway(
    async () => {
      pressed = await press();
    },
    () => tamper(({ content }) => ({ content, schema: 'flashsale.envelope.v9' })),
  );
  if (pressed === undefined) throw new Error('not pressed');
  await untilStatus(pressed, ...DELAYED);
  const { letters } = await cli('list');
  expect(letters).toMatchObject([{ cause: 'unknown_schema', sku, requests: 1 }]);
  const [{ id }] = letters;
  expect(await cli('refuse', id)).toEqual([{ id, refused: 1, kept: 0 }]);
  await untilStatus(pressed, ...REFUSED);
  // Every web node can answer, not only the one that the refusal was sent to.
  const own = await pressed.shopper.call('GET', `/api/v1/requests/${pressed.requestId}`);
  expect(own.body).toMatchObject({ status: 'rejected', reason: 'refused_by_operator' });
  await sellRest();
  await nothingDead();
});

test('a message that cannot be decoded leaves its shopper queued until an operator refuses the requests that can be read in it', async () => {
  let pressed: Pressed | undefined;
  await withWorkerAway(
    async () => {
      pressed = await press();
    },
    () =>
      tamper(({ content }) => {
        const broken = content.toString().replace('"units":1', '"units":-1');
        return { content: Buffer.from(broken), schema: 'flashsale.envelope.v1' };
      }),
  );
  if (pressed === undefined) throw new Error('not pressed');
  const channel = await broker.openChannel();
  channel.publish('orders', 'hot', Buffer.from('\u0000garbage'), { persistent: true });
  await channel.waitForConfirms();
  await channel.close();
  await untilStatus(pressed, ...DELAYED);
  await until('both are dead', async () => (await cli('list')).letters.length === 2);
  const { causes } = await cli('list');
  // The garbage names no schema, so no newer worker will understand it either.
  expect(causes).toEqual([{ cause: 'undecodable', letters: 2 }]);
  const done: { refused: number }[] = await cli('refuse', '--all', '--reason', 'damaged');
  expect(done.map(({ refused }) => refused).sort()).toEqual([0, 1]);
  await untilStatus(pressed, 'rejected', 'damaged');
  const [garbage] = await sql(
    `SELECT content, bytes, reason FROM hot.handled_dead_letters WHERE sku IS NULL`,
  );
  expect(garbage).toEqual({ content: Buffer.from('\0garbage'), bytes: 8, reason: 'damaged' });
  await sellRest();
  await nothingDead();
});

test('a request for an unknown SKU is delayed until the SKU exists and it is replayed, or until it is refused', async () => {
  const all: Pressed[] = [];
  const [row] = await sql('SELECT to_jsonb(k) AS row FROM catalog.sku k WHERE k.sku = $1', [sku]);
  await withWorkerAway(
    async () => {
      all.push(await press());
      all.push(await press());
    },
    async () => {
      await sql('DELETE FROM catalog.sku k WHERE k.sku = $1', [sku]);
    },
  );
  const [replayed, refused] = all as [Pressed, Pressed];
  for (const one of all) await untilStatus(one, ...DELAYED);
  const letters: { id: string; cause: string }[] = (await cli('list')).letters;
  expect(letters.map(({ cause }) => cause)).toEqual(['unknown_sku', 'unknown_sku']);
  for (const { id } of letters) {
    const { requests } = await cli('show', id);
    if (requests[0].requestId === refused.requestId) await cli('refuse', id);
  }
  await untilStatus(refused, ...REFUSED);
  expect(await replayed.status()).toEqual(DELAYED);
  await sql('INSERT INTO catalog.sku SELECT * FROM jsonb_populate_record(NULL::catalog.sku, $1)', [
    row?.['row'],
  ]);
  await cli('replay', '--all');
  await untilStatus(replayed, 'ordered', undefined);
  expect(await refused.status()).toEqual(REFUSED);
  await sellRest();
  await nothingDead();
});

test('a message that the broker has given up is decided, although it was delivered more often than the limit', async () => {
  let pressed: Pressed | undefined;
  await withWorkerAway(
    async () => {
      pressed = await press();
    },
    async () => {
      const channel = await broker.openChannel();
      for (let delivery = 0; delivery <= DELIVERY_LIMIT; delivery += 1) {
        const message = await until('it is back', () => channel.get(ordersQueue('hot')));
        channel.nack(message as FetchedMessage);
      }
      await channel.close();
    },
  );
  if (pressed === undefined) throw new Error('not pressed');
  // An operator's look does this too: it takes the message and gives it back.
  const channel = await broker.openChannel();
  for (let look = 0; look <= DELIVERY_LIMIT + 5; look += 1) {
    const message = await until('it is there', () => channel.get(DEAD));
    channel.nack(message as FetchedMessage);
  }
  await channel.close();
  const { letters } = await cli('list');
  expect(letters).toMatchObject([
    { cause: 'delivery_limit', queue: ordersQueue('hot'), sku, requests: 1 },
  ]);
  expect((await pressed.status())[0]).toBe('queued');
  // The SKU has moved meanwhile.
  await sql(`SELECT * FROM regular.move_sku($1)`, [sku]);
  const [{ id }] = letters;
  expect(await cli('replay', id)).toEqual([{ id, requests: 1, queue: ordersQueue('regular') }]);
  await untilStatus(pressed, 'ordered', undefined);
  // A copy of a decided message changes nothing.
  const copy = await broker.openChannel();
  copy.publish(
    'orders.dead',
    '',
    Buffer.from(
      JSON.stringify({
        sku,
        node: 'n',
        requests: [{ requestId: pressed.requestId, userId: pressed.shopper.userId, units: 1 }],
      }),
    ),
    { persistent: true, headers: { 'x-schema': 'flashsale.envelope.v1' } },
  );
  await copy.waitForConfirms();
  await copy.close();
  expect(await cli('replay', '--all')).toMatchObject([{ requests: 0 }]);
  expect(await takeAll(broker, DEAD)).toEqual([]);
  await sellRest();
  await nothingDead();
});
