import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { cancelOrder, placeOrders, userOrders } from '../../../db/calls.ts';
import { DatabaseError } from '../../../db/client/errors.ts';
import { type Databases, openSession, type Session } from '../../../db/client/pool.ts';
import { askPin, awaitReplay } from '../../../db/client/standby.ts';
import { withReadSessions } from '../../../ops/commands/databases.ts';
import { exportSale } from '../../../ops/sale/export.ts';
import { freePort } from '../../../ops/stack/ports.ts';
import { uniqueName } from '../../servers.ts';
import { type SilentServer, startSilentServer } from '../../silent-server.ts';
import { until } from '../../until.ts';
import { PATIENCE } from '../database.ts';
import { type Pair, type Reading, startPair } from '../pair.ts';
import { openSale, requests, stock } from '../shop.ts';

/**
 * Lists of orders from a standby are what the primary would have said. Otherwise the primary answers. The
 * long fork is the one that Jepsen found in healthy clusters: of two orders, a reader of the standby sees
 * only the first, and a reader of the primary only the second.
 */

let pair: Pair;
let worker: Databases;
let web: Databases;
let reading: Reading;
let sale: string;
let skus: string[];
let userId: string;
let silent: SilentServer;
const sessions: Session[] = [];

beforeAll(async () => {
  silent = await startSilentServer();
  pair = await startPair();
  worker = pair.as('worker');
  web = pair.as('web');
  const ops = pair.as('ops');
  sale = await openSale(ops);
  const many = { units: 100_000, userLimit: 100 };
  skus = [
    await stock(ops, sale, many),
    await stock(ops, sale, { ...many, schema: 'regular' }),
    await stock(ops, sale, many),
    await stock(ops, sale, many),
    await stock(ops, sale, { ...many, schema: 'regular' }),
    await stock(ops, sale, many),
  ];
});
afterAll(async () => {
  await pair.remove();
  await silent.close();
});
beforeEach(() => {
  reading = pair.reading('web');
  userId = uniqueName('user');
});
afterEach(async () => {
  await commitsWaitFor('');
  for (const session of sessions.splice(0)) await session.close();
});

async function open(url: string): Promise<Session> {
  const session = await openSession(url, { applicationName: 'test', ...PATIENCE });
  sessions.push(session);
  return session;
}

async function buy(at: number, through = worker): Promise<string> {
  const sku = skus[at] ?? '';
  const home = at % 3 === 1 ? 'regular' : 'hot';
  const [decision] = await placeOrders(through, home, sku, requests(1, { userId }));
  return decision?.orderNo ?? 'not ordered';
}

function unlessUnavailable(error: unknown): void {
  if (!(error instanceof DatabaseError) || error.kind !== 'unavailable') throw error;
}

/** The orders that a reader is shown, and what became of them. */
async function shown(through: Databases): Promise<Set<string>> {
  const { orders } = await userOrders(through, userId, { limit: 10_000 });
  const facts = orders.flatMap(({ orderNo, status }) =>
    status === 'ordered' ? [orderNo] : [orderNo, `${orderNo} ${status}`],
  );
  return new Set(facts);
}

/** The orders that any session of the standby sees. */
async function plainlyShown(): Promise<number> {
  const text = 'SELECT count(*)::int AS count FROM hot.user_orders($1)';
  const [row] = await reading.pool.query<{ count: number }>({ text, values: [userId] });
  return row?.count ?? 0;
}

const lastAnswer = async () => {
  await shown(reading.databases);
  return reading.answers.at(-1);
};
const untilServed = () =>
  until('the standby serves', async () => (await lastAnswer()) === 'standby');

async function commitsWaitFor(standbys: string): Promise<void> {
  await pair.admin.query({ text: `ALTER SYSTEM SET synchronous_standby_names = '${standbys}'` });
  await pair.admin.query({ text: 'SELECT pg_reload_conf()' });
  await until('it is so', async () => {
    const text = `SELECT current_setting('synchronous_standby_names') AS now`;
    return (await pair.admin.query<{ now: string }>({ text }))[0]?.now === standbys;
  });
}

it('a list comes from the standby, with the newest order', async () => {
  const orderNo = await buy(0);
  expect(await shown(reading.databases)).toEqual(new Set([orderNo]));
  await untilServed();
  const standby = await open(pair.readUrl);
  const text = `SELECT FROM pg_stat_activity
                WHERE application_name = 'reads' AND query LIKE '%user_orders%'`;
  expect(await standby.query({ text })).toHaveLength(1);
  // Lists of a crowd share the questions to the primary.
  const lists = await Promise.all(Array.from({ length: 20 }, () => shown(reading.databases)));
  expect(lists).toEqual(lists.map(() => new Set([orderNo])));
});

it('the primary answers while the standby is behind', async () => {
  await untilServed();
  await pair.standby.pause();
  try {
    const orderNo = await buy(0);
    expect(await shown(reading.databases)).toEqual(new Set([orderNo]));
    // The next reads do not wait for it.
    expect(await lastAnswer()).toBe('away');
    await until('it is found to be behind', async () => (await lastAnswer()) === 'behind');
  } finally {
    await pair.standby.resume();
  }
  await untilServed();
});

it('a standby that was behind serves again, although the wall clock was set back', async () => {
  await untilServed();
  await pair.standby.pause();
  try {
    await buy(0);
    await until('it is left alone', async () => (await lastAnswer()) === 'away');
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() - 3_600_000 });
    await pair.standby.resume();
    await untilServed();
  } finally {
    vi.useRealTimers();
    await pair.standby.resume();
  }
});

it('the primary answers if a row may be newer than what the primary shows', async () => {
  await buy(0);
  await pair.caughtUp();
  await untilServed();
  const old = await open(pair.primary.url);
  await old.run('BEGIN; SELECT pg_current_xact_id()');
  expect(await lastAnswer()).toBe('standby');
  const orderNo = await buy(1);
  await pair.caughtUp();
  expect(await shown(reading.databases)).toContain(orderNo);
  expect(reading.answers.at(-1)).toBe('recent');
  await old.run('COMMIT');
  await untilServed();
});

it('shows no long fork, although the servers do', async () => {
  await pair.caughtUp();
  await commitsWaitFor('nobody');
  try {
    const first = buy(0);
    // Its commit is flushed and waits for a standby that is not there.
    await until('the standby shows the first order', async () => (await plainlyShown()) === 1);
    expect(await shown(web)).toEqual(new Set());
    expect(await shown(reading.databases)).toEqual(new Set());
    const local = pair.as('worker', '-c synchronous_commit=local');
    await pair.standby.pause();
    const second = await buy(2, local);
    // The fork: the standby shows the first order without the second, and the primary the reverse.
    expect(await plainlyShown()).toBe(1);
    expect(await shown(web)).toEqual(new Set([second]));
    expect(await shown(reading.databases)).toEqual(new Set([second]));
    await pair.standby.resume();
    await pair.caughtUp();
    expect(await shown(reading.databases)).toEqual(new Set([second]));
    expect(reading.answers).not.toContain('standby');
    await commitsWaitFor('');
    // Its commit is seen by nobody before it has stopped waiting.
    const released = await first;
    expect(await shown(reading.databases)).toEqual(new Set([released, second]));
  } finally {
    await pair.standby.resume();
  }
});

it('of any two lists one has all of the other, whoever reads where, and a later one has no less', async () => {
  const RUN_MS = 2_500;
  const WRITE_PAUSE_MS = 120;
  await pair.caughtUp();
  await untilServed();
  const local = pair.as('worker', '-c synchronous_commit=local');
  const end = performance.now() + RUN_MS;
  const lists: { began: number; ended: number; facts: Set<string> }[] = [];
  const goingOn = async (work: () => Promise<unknown>, isDone = () => true) => {
    while (performance.now() < end || !isDone()) await work();
  };
  reading.answers.length = 0;
  const isServed = () => reading.answers.includes('standby');
  const read = async (through: Databases) => {
    const began = performance.now();
    const facts = await shown(through);
    lists.push({ began, ended: performance.now(), facts });
  };
  const write = async (at: number, through = worker) => {
    await sleep(Math.random() * WRITE_PAUSE_MS);
    const orderNo = await buy(at, through);
    if (Number.isNaN(Number(orderNo))) throw new Error('the limit is too low');
    // On a slow machine, commits wait so long that a change does not get its turn: then it is made next time.
    if (Number(orderNo) % 3 === 0) await cancelOrder(web, orderNo, userId).catch(unlessUnavailable);
  };
  // Commits that wait are on the standby long before the primary shows them.
  const hold = async () => {
    await commitsWaitFor('nobody');
    await sleep(WRITE_PAUSE_MS);
    await commitsWaitFor('*');
    await sleep(2 * WRITE_PAUSE_MS);
  };
  await Promise.all([
    goingOn(hold),
    ...[0, 1, 2, 3].map((at) => goingOn(() => write(at))),
    goingOn(() => write(5, local)),
    ...[1, 2].map(() => goingOn(() => read(web))),
    ...[1, 2, 3].map(() => goingOn(() => read(reading.databases), isServed)),
  ]);
  const wrong = lists.flatMap((one) =>
    lists.filter((other) => {
      const hasLess = !one.facts.isSubsetOf(other.facts);
      return hasLess && (one.ended < other.began || !other.facts.isSubsetOf(one.facts));
    }),
  );
  expect(wrong).toEqual([]);
});

/** Exports the sale as the command does. Returns the hash, the orders, and the pages that the standby gave. */
async function exported(readUrl = pair.readUrl) {
  const environment = { DATABASE_URL: pair.primary.url, DATABASE_READ_URL: readUrl, DEMO: 'true' };
  let pages = 0;
  const counting = (session: Session): Session => ({
    ...session,
    query(statement) {
      if (statement.text.startsWith('FETCH')) pages += 1;
      return session.query(statement);
    },
  });
  const result = await withReadSessions({ environment }, 'ops', (primaries, standbys) => {
    const watched = new Map([...standbys].map(([home, session]) => [home, counting(session)]));
    return exportSale({ primaries, standbys: watched }, sale, 'jsonl', async () => {});
  });
  return { sha256: result.sha256, orders: result.orders, pages };
}

it('an export comes from the standby, unless an order may be newer than what the primary shows', async () => {
  await buy(0);
  await pair.caughtUp();
  const fromStandby = await until('the standby serves', async () => {
    const result = await exported();
    return result.pages > 0 && result;
  });
  const fromPrimary = await exported(pair.primary.url);
  expect(fromPrimary).toEqual({ ...fromStandby, pages: 0 });
  const old = await open(pair.primary.url);
  await old.run('BEGIN; SELECT pg_current_xact_id()');
  await buy(0);
  await pair.caughtUp();
  expect(await exported()).toMatchObject({ orders: fromStandby.orders + 1, pages: 0 });
  await old.run('COMMIT');
  await pair.standby.pause();
  await buy(0);
  expect(await exported()).toMatchObject({ orders: fromStandby.orders + 2, pages: 0 });
  await pair.standby.resume();
});

it('a standby of another history is not used', async () => {
  const pin = await askPin(web.regular);
  await pair.caughtUp();
  const session = await open(pair.readUrl);
  expect(await awaitReplay(session, pin)).toBeUndefined();
  expect(await awaitReplay(session, { ...pin, timeline: pin.timeline + 1 })).toBe('not_standby');
  expect(await awaitReplay(session, { ...pin, cluster: '1' })).toBe('not_standby');
});

it('after a failover a standby is used as soon as it has a beat of the new timeline', async () => {
  const pin = await askPin(web.regular);
  const next = { ...pin, timeline: 26 };
  const text = `UPDATE catalog.pulse SET history = $1 || '/0000001A'`;
  await pair.admin.query({ text, values: [pin.cluster] });
  await pair.caughtUp();
  const session = await open(pair.readUrl);
  expect(await awaitReplay(session, next)).toBeUndefined();
  expect(await awaitReplay(session, { ...next, timeline: 25 })).toBe('not_standby');
  expect(await awaitReplay(session, { ...next, cluster: '1' })).toBe('not_standby');
});

it('while a read tries a silent standby again, the others do not wait for it', async () => {
  const elsewhere = new URL(pair.readUrl);
  elsewhere.host = silent.address;
  const { databases } = pair.reading('web', elsewhere.href);
  await shown(databases);
  // The standby is left alone for a second.
  await sleep(1_100);
  const ended: string[] = [];
  const first = shown(databases).then(() => ended.push('the one that tries'));
  await shown(databases);
  ended.push('another');
  await first;
  expect(ended).toEqual(['another', 'the one that tries']);
});

it('the primary answers for a standby that is frozen, gone or promoted', async () => {
  const orderNo = await buy(0);
  const elsewhere = new URL(pair.readUrl);
  elsewhere.host = silent.address;
  const frozen = pair.reading('web', elsewhere.href);
  elsewhere.port = String(await freePort());
  const gone = pair.reading('web', elsewhere.href);
  await pair.standby.promote();
  for (const { databases } of [frozen, gone, reading]) {
    expect(await shown(databases)).toEqual(new Set([orderNo]));
  }
  expect([...frozen.answers, ...gone.answers]).toEqual(['away', 'away']);
  await until('it is found to be none', async () => (await lastAnswer()) === 'not_standby');
  expect(reading.answers).not.toContain('standby');
});
