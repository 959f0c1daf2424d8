import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openSession } from '../../../db/client/pool.ts';
import { install, loadRoutines } from '../../../db/install/install.ts';
import { INSTALLER_LOCK, LOCK_TIMEOUT_MS } from '../../../db/install/installer.ts';
import { migrate } from '../../../db/install/migrate.ts';
import { prepare } from '../../../db/install/prepare.ts';
import { until } from '../../until.ts';
import { createDatabase, PATIENCE, type TestDatabase } from '../database.ts';

const run = promisify(execFile);

let database: TestDatabase;
beforeEach(async () => {
  database = await createDatabase();
});
afterEach(() => database.remove());

describe('prepare', () => {
  it('may be called by several processes at once on an empty database', async () => {
    const empty = await createDatabase({ empty: true });
    const reports = await Promise.all([1, 2, 3].map(() => prepare(empty.url)));
    const count = (await loadRoutines()).length;
    expect(reports.map(({ installed }) => installed.length).sort()).toEqual([0, 0, count]);
    expect(reports.filter(({ applied }) => applied.length > 0)).toHaveLength(1);
    await empty.remove();
  });

  it('waits for another installer longer than for any other lock', async () => {
    const other = await openSession(database.url, { applicationName: 'installer', ...PATIENCE });
    await other.run(`SELECT pg_advisory_lock(${INSTALLER_LOCK})`);
    const report = prepare(database.url);
    await until('it has waited that long', async () => {
      const waiting = await other.query({
        text: `SELECT FROM pg_stat_activity
               WHERE datname = current_database() AND application_name = 'flashsale install'
                 AND wait_event = 'advisory'
                 AND query_start < clock_timestamp() - $1 * interval '1 ms'`,
        values: [LOCK_TIMEOUT_MS * 1.1],
      });
      return waiting.length === 1;
    });
    await other.close();
    expect(await report).toMatchObject({ installed: [], drifted: [] });
  });

  it('changes nothing when it is run again', async () => {
    const { applied, installed, drifted, unchanged } = await prepare(database.url);
    expect({ applied, installed, drifted }).toEqual({ applied: [], installed: [], drifted: [] });
    expect(unchanged).toHaveLength((await loadRoutines()).length);
  });

  it('keeps the SQLSTATE of a migration that fails', async () => {
    const empty = await createDatabase({ empty: true });
    await empty.admin.query({ text: 'CREATE SCHEMA hot' });
    await expect(migrate(empty.url)).rejects.toMatchObject({ kind: 'refused', sqlstate: '42P06' });
    await empty.remove();
  });

  it('refuses a migration that was changed after it had been applied', async () => {
    await database.admin.query({ text: `UPDATE migrations SET hash = 'x' WHERE id = 2` });
    await expect(migrate(database.url)).rejects.toMatchObject({ kind: 'refused' });
  });
});

describe('a routine that was changed by hand', () => {
  const drift = async () => {
    const [row] = await database.admin.query<{ definition: string }>({
      text: `SELECT pg_get_functiondef('hot.fence_node'::regproc) AS definition`,
    });
    const changed = row?.definition.replace('BEGIN', 'BEGIN\n  -- by hand') ?? '';
    await database.admin.query({ text: changed });
  };

  it('is reported and kept unless force is given', async () => {
    await drift();
    const report = await install(database.url);
    expect(report).toMatchObject({ installed: [], drifted: ['hot.fence_node'] });
    expect(await install(database.url)).toMatchObject({ drifted: ['hot.fence_node'] });
    const forced = await install(database.url, { force: true });
    expect(forced).toMatchObject({ installed: ['hot.fence_node'], drifted: [] });
    expect(await install(database.url)).toMatchObject({ installed: [], drifted: [] });
  });

  it('is installed again after it was dropped', async () => {
    await database.admin.query({ text: 'DROP FUNCTION regular.audit' });
    expect(await install(database.url)).toMatchObject({ installed: ['regular.audit'] });
  });
});

describe('psql', () => {
  const psql = (...args: string[]) =>
    run('psql', ['-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', database.url, ...args]);

  it("gives exactly the installer's result when it runs each file", async () => {
    const routines = await loadRoutines();
    // One psql run for all files of a schema. The files of the catalogue are the same for both
    // schemas.
    const byHand = (schema: string) =>
      psql(
        '-v',
        `schema=${schema}`,
        ...routines
          .filter((routine) => routine.schema === schema || routine.schema === 'catalog')
          .flatMap(({ file }) => ['-f', file]),
      );
    await byHand('regular');
    await byHand('hot');
    const report = await install(database.url);
    expect(report).toMatchObject({ installed: [], drifted: [] });
  });
});
