import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { judgeCanaries } from '../../db/calls.ts';
import { canaries, promoteCanary, startCanary, stopCanary } from '../../db/canary.ts';
import type { Databases, Session } from '../../db/client/pool.ts';
import { loadRoutines } from '../../db/install/install.ts';
import { openInstaller } from '../../db/install/installer.ts';
import { until } from '../until.ts';
import { createDatabase, type TestDatabase } from './database.ts';

/** Canaries of all kinds of routines, and the rule that stops them. */

const FOLDER = join(import.meta.dirname, '..', '..', 'db', 'procedures');
const sourceOf = (name: string) => readFileSync(join(FOLDER, `${name}.sql`), 'utf8');

let database: TestDatabase;
let session: Session;
let worker: Databases;
beforeAll(async () => {
  database = await createDatabase();
  session = await openInstaller(database.url);
  worker = database.as('worker', 1);
});
afterAll(async () => {
  await session?.close();
  await database?.remove();
});
afterEach(async () => {
  for (const one of await canaries(session)) await stopCanary(session, one);
});

const definitions = async () => {
  const rows = await session.query<{ name: string; text: string }>({
    text: `SELECT p.oid::regprocedure::text AS name, concat(pg_get_functiondef(p.oid), p.proacl,
                                                            obj_description(p.oid)) AS text
           FROM pg_proc p WHERE p.pronamespace::regnamespace::text IN ('catalog', 'regular', 'hot')
           ORDER BY 1`,
  });
  return Object.fromEntries(rows.map(({ name, text }) => [name, text]));
};

it('each kind of routine can have a canary, and is as before when it has ended; triggers are refused', async () => {
  const before = await definitions();
  const refused: string[] = [];
  // One routine of each kind, because a start takes some 50 ms.
  const kinds = new Map<string, string>();
  for (const { file, name, sql } of await loadRoutines()) {
    const kind = /RETURNS (SETOF )?\S+/.exec(sql)?.[0];
    const rest = [
      /LANGUAGE \w+ \w+/,
      /SECURITY DEFINER/,
      /\bOUT /,
      /DEFAULT/,
      /\bp_sku\b/,
      /hot\./,
    ];
    const key = [kind, ...rest.map((part) => part.exec(sql)?.[0])].join(' ');
    if (file.startsWith(FOLDER)) kinds.set(kind === 'RETURNS trigger' ? name : key, name);
  }
  const wanted = [...new Set(kinds.values())];
  for (const name of wanted) {
    await startCanary(session, {
      schema: 'hot',
      source: sourceOf(name),
      share: 0.5,
      skus: [],
    }).catch((error: Error) => refused.push(error.message));
  }
  expect(refused.map((text) => text.split(':')[0]).sort()).toEqual([
    'catalog.check_price is a trigger',
    'catalog.keep_refusals is a trigger',
    'catalog.refresh_sku_terms is a trigger',
    'hot.end_checkouts is a trigger',
    'hot.index_request is a trigger',
    'hot.queue_refund is a trigger',
  ]);
  const running = await canaries(session);
  expect(running).toHaveLength(wanted.length - refused.length);
  for (const one of running) await stopCanary(session, one);
  expect(await definitions()).toEqual(before);
});

it.each([
  ['a table', 'sale_board', 'SELECT count(*)::int AS value FROM catalog.sale_board()', 0],
  ['a value', 'tunable', `SELECT catalog.tunable('pick_retries')::int AS value`, 3],
  ['nothing', 'end_audit', 'SELECT count(*)::int AS value FROM hot.end_audit(0, 5, 100)', 1],
  [
    'one record',
    'sale_lottery',
    `SELECT is_public AS value FROM catalog.sale_lottery('none')`,
    null,
  ],
])(
  'callers get what they always get from a routine that returns %s',
  async (_, name, text, value) => {
    const asked = async () => (await database.admin.query<{ value: unknown }>({ text }))[0]?.value;
    const expected = await asked().catch((error: Error) => error.message);
    if (value !== null) expect(expected).toEqual(value);
    const place = await startCanary(session, {
      ...{ schema: 'hot', source: sourceOf(name), share: 1, skus: [] },
    });
    expect(await asked().catch((error: Error) => error.message)).toEqual(expected);
    await promoteCanary(session, place);
    expect(await asked().catch((error: Error) => error.message)).toEqual(expected);
  },
);

/** Writes calls of both versions, as their dispatcher does, and lets them be judged. */
async function look(
  calls: readonly (readonly [isCanary: boolean, tookUs: number])[],
  failures = [0, 0],
) {
  await session.query({
    text: `INSERT INTO catalog.canary_call (schema, name, run, is_canary, took_us)
           SELECT c.schema, c.name, c.run, k.is_canary, k.took_us
           FROM catalog.routine_canary c, unnest($1::boolean[], $2::int[]) AS k (is_canary, took_us)`,
    values: [calls.map(([isCanary]) => isCanary), calls.map(([, tookUs]) => tookUs)],
  });
  for (const [index, side] of ['present', 'canary'].entries()) {
    await session.query({
      text: `SELECT nextval('hot.place_orders_${side}_failed') FROM generate_series(1, $1)`,
      values: [failures[index]],
    });
  }
  const [state] = await judgeCanaries(worker.home('hot'));
  return state;
}

const start = (share = 0.5) =>
  startCanary(session, { schema: 'hot', source: sourceOf('place_orders'), share, skus: [] });
/** The same numbers in each run. */
function* numbers(seed: number): Generator<number, never> {
  for (let state = seed; ; ) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    yield state / 2 ** 32;
  }
}
const drawn = (
  random: Generator<number, never>,
  count: number,
  share: number,
  canarySlower: number,
) =>
  Array.from({ length: count }, () => {
    const isCanary = random.next().value < share;
    const tookUs = -Math.log(random.next().value) * 1_000;
    return [isCanary, Math.round(isCanary ? tookUs * canarySlower : tookUs)] as const;
  });

it('an equal canary is not stopped, however often it is looked at', async () => {
  const random = numbers(1);
  await start(0.2);
  for (let round = 0; round < 100; round += 1) {
    const state = await look(drawn(random, 100, 0.2, 1), [
      Number(round % 5 !== 0),
      Number(round % 5 === 0),
    ]);
    expect(state?.stopReason).toBe(null);
  }
  const [one] = await canaries(session);
  expect(one?.canary.calls).toBeGreaterThan(1_500);
  expect(one?.present.p50Ms).toBeGreaterThan(0.3);
});

it('a canary that takes twice as long is stopped, and no call goes to it any more', async () => {
  const random = numbers(2);
  await start(0.2);
  let rounds = 0;
  let state: Awaited<ReturnType<typeof look>>;
  for (; rounds < 100 && !state?.stoppedNow; rounds += 1)
    state = await look(drawn(random, 100, 0.2, 2));
  expect(state?.stopReason).toContain('it is slower');
  expect(rounds).toBeLessThan(30);
  expect(await look([])).toMatchObject({ stoppedNow: false, stopReason: state?.stopReason });
  await expect(promoteCanary(session, { schema: 'hot', name: 'place_orders' })).rejects.toThrow(
    'was stopped: it is slower',
  );
});

it('a few failures among few calls do not stop it; more do', async () => {
  await start(0.5);
  const even = drawn(numbers(3), 40, 0.5, 1);
  expect(await look(even, [0, 4])).toMatchObject({ stopReason: null });
  const more = [...even, ...drawn(numbers(4), 40, 0, 1)];
  expect(await look(more, [0, 40])).toMatchObject({ stoppedNow: true });
});

it('the rule needs calls of both versions, and does not keep calls of one without limit', async () => {
  await start(1);
  await look(
    Array.from({ length: 500 }, () => [true, 9_000] as const),
    [0, 50],
  );
  const waiting = async () =>
    (await session.query({ text: 'SELECT FROM catalog.canary_call' })).length;
  expect(await waiting()).toBe(500);
  const state = await look(Array.from({ length: 100_000 }, () => [true, 9_000] as const));
  expect(state).toMatchObject({ stopReason: null });
  expect(await waiting()).toBe(0);
});

it('a canary that nobody judges gets no calls', async () => {
  const bad = sourceOf('tunable').replace('\nBEGIN\n', '\nBEGIN\n  RETURN 77;\n');
  await startCanary(session, { schema: 'hot', source: bad, share: 1, skus: [] });
  const asked = () =>
    database.admin.query({ text: `SELECT catalog.tunable('pick_retries')::int AS value` });
  expect(await asked()).toEqual([{ value: 77 }]);
  await session.query({
    text: `UPDATE catalog.routine_canary SET looked_at = now() - interval '2 min'`,
  });
  expect(await asked()).toEqual([{ value: 3 }]);
  await judgeCanaries(worker.home('hot'));
  expect(await asked()).toEqual([{ value: 77 }]);
});

it('a canary whose call never ends gets no other, and ends when the call does', async () => {
  const bad = sourceOf('tunable').replace('\nBEGIN\n', '\nBEGIN\n  PERFORM pg_sleep(600);\n');
  const place = await startCanary(session, { schema: 'hot', source: bad, share: 1, skus: [] });
  const text = `SELECT catalog.tunable('pick_retries')::int AS value`;
  const hanging = database.admin.query({ text }).catch((error: Error) => error);
  const look = `SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'`;
  const pid = await until('the call hangs', async () => {
    return (await database.admin.query<{ pid: number }>({ text: look }))[0]?.pid;
  });
  const stopped = stopCanary(session, place);
  await until('the present version takes the calls', async () => {
    const [row] = await database.admin.query({
      text: 'SELECT FROM catalog.routine_canary WHERE stopped_at IS NOT NULL',
    });
    return row !== undefined;
  });
  expect(await database.admin.query({ text })).toEqual([{ value: 3 }]);
  await database.admin.query({ text: 'SELECT pg_cancel_backend($1)', values: [pid] });
  await stopped;
  expect(await hanging).toBeInstanceOf(Error);
  expect(await canaries(session)).toEqual([]);
});
