import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DatabaseError, toDatabaseError } from '../../../db/client/errors.ts';
import { createPool, openSession } from '../../../db/client/pool.ts';
import { createDatabase, PATIENCE, type TestDatabase } from '../database.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await createDatabase();
});
afterAll(() => database.remove());

const pg = (code: string) => Object.assign(new Error('x'), { code });

describe('an error', () => {
  it.each([
    ['40001', 'retry'],
    ['40P01', 'retry'],
    ['23505', 'retry'],
    ['57P01', 'retry'],
    ['55P03', 'retry'],
    ['08006', 'retry'],
    ['57P03', 'unavailable'],
    ['53300', 'unavailable'],
    ['25006', 'unavailable'],
    ['0A000', 'retry'],
    ['26000', 'retry'],
    ['23514', 'refused'],
    ['42501', 'refused'],
    ['FS001', 'refused'],
    ['FS500', 'refused'],
  ] as const)('of SQLSTATE %s is of kind %s', (sqlstate, kind) => {
    expect(toDatabaseError(pg(sqlstate))).toMatchObject({ kind, sqlstate });
  });

  it.each([
    [pg('ECONNREFUSED'), 'unavailable'],
    [pg('ECONNRESET'), 'retry'],
    [pg('EPIPE'), 'retry'],
    [new Error('Connection terminated unexpectedly'), 'retry'],
    [new Error('Query read timeout'), 'retry'],
    [new Error('timeout exceeded when trying to connect'), 'unavailable'],
    [new TypeError('cannot send that'), 'refused'],
    ['text', 'retry'],
  ] as const)('of a connection is classified: %s is of kind %s', (error, kind) => {
    expect(toDatabaseError(error)).toMatchObject({ kind, sqlstate: undefined });
  });

  it('is left unchanged when it is a DatabaseError already', () => {
    const error = new DatabaseError('refused', 'no');
    expect(toDatabaseError(error)).toBe(error);
  });
});

describe('a pool', () => {
  const limits = { max: 1, applicationName: 'test pool' };

  it('reports "unavailable" when no server listens', async () => {
    const pool = createPool({ ...limits, url: 'postgres://nobody@127.0.0.1:1/nothing' });
    const answer = pool.query({ text: 'SELECT 1' });
    await expect(answer).rejects.toMatchObject({ kind: 'unavailable' });
    await pool.close();
  });

  it('cancels a statement that takes too long and continues with another connection', async () => {
    const pool = createPool({ ...limits, url: database.url, statementTimeoutMs: 500 });
    const slow = pool.query({ text: 'SELECT pg_sleep(60)' });
    await expect(slow).rejects.toMatchObject({ kind: 'retry', sqlstate: '57014' });
    expect(await pool.query({ text: 'SELECT 1 AS one' })).toEqual([{ one: 1 }]);
    await pool.close();
  });

  it('survives the loss of its connection, busy or idle', async () => {
    const seen: DatabaseError[] = [];
    const pool = createPool({ ...limits, url: database.url, onError: (error) => seen.push(error) });
    const [row] = await pool.query<{ pid: number }>({ text: 'SELECT pg_backend_pid() AS pid' });
    const killed = pool.query({ text: 'SELECT pg_sleep(60)' });
    const kill = { text: 'SELECT pg_terminate_backend($1)', values: [row?.pid] };
    await Promise.all([
      expect(killed).rejects.toMatchObject({ kind: 'retry' }),
      database.admin.query(kill),
    ]);
    expect(await pool.query({ text: 'SELECT 1 AS one' })).toEqual([{ one: 1 }]);
    await pool.close();
    for (const error of seen) expect(error).toBeInstanceOf(DatabaseError);
  });

  it.each([
    ['has another result now', 'CREATE OR REPLACE VIEW changing AS SELECT 1 AS one, 2 AS two'],
    ['is gone', 'DEALLOCATE ALL'],
  ])('prepares a statement again that %s', async (_, change) => {
    const pool = createPool({ ...limits, url: database.url });
    await pool.query({ text: 'CREATE OR REPLACE VIEW changing AS SELECT 1 AS one' });
    const statement = { name: 'changing', text: 'SELECT * FROM changing' };
    expect(await pool.query(statement)).toEqual([{ one: 1 }]);
    await pool.query({ text: change });
    // Nothing was done, so a worker may repeat the call, and does not put its requests aside.
    await expect(pool.query(statement)).rejects.toMatchObject({ kind: 'retry' });
    expect(await pool.query(statement)).toMatchObject([{ one: 1 }]);
    await pool.query({ text: 'DROP VIEW changing' });
    await pool.close();
  });

  it('refuses a query when the configured number of queries wait already', async () => {
    const pool = createPool({ ...limits, url: database.url, waitingMax: 1 });
    const first = pool.query({ text: 'SELECT pg_sleep(0.2)' });
    const second = pool.query({ text: 'SELECT 2' });
    const third = pool.query({ text: 'SELECT 3' });
    await expect(third).rejects.toMatchObject({ kind: 'unavailable' });
    await Promise.all([first, second]);
    await pool.close();
  });

  it('sets its role and keeps the options of the URL', async () => {
    const url = new URL(database.url);
    url.searchParams.set('options', '-c work_mem=5MB');
    const pool = createPool({ ...limits, url: url.href, role: 'web' });
    const [row] = await pool.query({
      text: `SELECT current_user::text AS role, current_setting('work_mem') AS memory,
                    current_setting('transaction_isolation') AS isolation`,
    });
    expect(row).toEqual({ role: 'flashsale_web', memory: '5MB', isolation: 'read committed' });
    await pool.close();
  });
});

it('a session rolls back a failed transaction', async () => {
  const session = await openSession(database.url, {
    applicationName: 'test session',
    ...PATIENCE,
  });
  const failed = session.transaction(async () => {
    await session.run('CREATE TABLE public.gone ()');
    await session.run('SELECT 1 / 0');
  });
  await expect(failed).rejects.toMatchObject({ sqlstate: '22012' });
  expect(await session.query({ text: `SELECT to_regclass('gone') AS gone` })).toEqual([
    { gone: null },
  ]);
  await session.close();
});
