import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LOGIN_ROLES as LOGINS } from '../../../contracts/secrets.ts';
import { createPool, type Pool, ROLES, type Role } from '../../../db/client/pool.ts';
import { setLogins, urlInRole, urlOfLogin } from '../../../db/install/logins.ts';
import { passwordOf, servers } from '../../servers.ts';
import { createDatabase, type TestDatabase } from '../database.ts';

/** What a process can do with its own login on either home: exactly what its role allows. */

const passwords = Object.fromEntries(LOGINS.map((role) => [role, passwordOf(role)]));
const homes: Record<string, TestDatabase> = {};
let pools: Pool[] = [];

beforeAll(async () => {
  for (const home of ['regular', 'hot']) {
    const database = await createDatabase();
    homes[home] = database;
    await setLogins(database.url, passwords);
  }
});
afterAll(async () => {
  await Promise.all(pools.map((pool) => pool.close()));
  pools = [];
  for (const database of Object.values(homes)) await database.remove();
});

function connect(home: string, login: Role, role?: Role): Pool {
  const url = urlOfLogin(homes[home]?.url ?? '', login, passwords[login] ?? '');
  // One connection, so that the next statement sees what one statement has set.
  const pool = createPool({ url, max: 1, applicationName: 'logins', ...(role && { role }) });
  pools.push(pool);
  return pool;
}

const superuser = decodeURIComponent(new URL(servers.databaseUrl).username);
const FORBIDDEN = [
  'SELECT * FROM hot.orders',
  'SELECT * FROM regular.stock_slot',
  'UPDATE hot.stock_slot SET remaining = 0',
  'SELECT * FROM catalog.ticket_key',
  'SELECT * FROM pg_authid',
  `SELECT pg_read_file('/etc/passwd')`,
  `COPY (SELECT 1) TO PROGRAM 'true'`,
  `COPY (SELECT 1) TO '/tmp/logins'`,
  'CREATE TABLE public.mine (id int)',
  'CREATE TABLE hot.mine (id int)',
  'CREATE SCHEMA mine',
  'CREATE EXTENSION file_fdw',
  'CREATE ROLE mine',
  'CREATE DATABASE mine',
  'ALTER ROLE flashsale_owner LOGIN',
  `ALTER SYSTEM SET log_statement = 'all'`,
  `CREATE OR REPLACE FUNCTION hot.audit() RETURNS int LANGUAGE sql AS 'SELECT 1'`,
  'DROP FUNCTION hot.audit()',
  'SET ROLE flashsale_owner',
  `SET SESSION AUTHORIZATION ${superuser}`,
  `SET ROLE ${superuser}`,
];
const everyLogin = ['regular', 'hot'].flatMap((home) =>
  LOGINS.map((login) => [home, login] as const),
);

describe.each(everyLogin)('on the home of %s, the login of %s', (home, login) => {
  it('has the rights of its role, and no others after RESET ROLE', async () => {
    const pool = connect(home, login, login);
    for (const leave of [
      'SELECT 1',
      'RESET ROLE',
      'SET ROLE NONE',
      'RESET SESSION AUTHORIZATION',
    ]) {
      await pool.query({ text: leave });
      const [who] = await pool.query({ text: 'SELECT session_user, current_user' });
      expect(who, leave).toEqual({ session_user: ROLES[login], current_user: ROLES[login] });
      for (const text of FORBIDDEN) {
        await expect(pool.query({ text }), `${leave}; ${text}`).rejects.toMatchObject({
          sqlstate: '42501',
        });
      }
    }
  });

  it('takes no other role, except that operators may take the reading role', async () => {
    for (const other of LOGINS) {
      if (other === login || (login === 'ops' && other === 'readonly')) continue;
      const refused = connect(home, login, other).query({ text: 'SELECT 1' });
      await expect(refused, other).rejects.toMatchObject({ sqlstate: '42501' });
    }
  });

  it('is refused with another password', async () => {
    const url = urlOfLogin(homes[home]?.url ?? '', login, 'another-password');
    const pool = createPool({ url, max: 1, applicationName: 'logins' });
    await expect(pool.query({ text: 'SELECT 1' })).rejects.toMatchObject({ sqlstate: '28P01' });
    await pool.close();
  });
});

it('a URL in a role has its rights, on a server whose logins its owner manages', async () => {
  const url = urlInRole(`${homes['hot']?.url}?options=-c%20work_mem%3D8MB`, 'monitor');
  const pool = createPool({ url, max: 1, applicationName: 'logins' });
  pools.push(pool);
  const [who] = await pool.query({
    text: `SELECT current_user, current_setting('work_mem') AS memory`,
  });
  expect(who).toEqual({ current_user: ROLES.monitor, memory: '8MB' });
  await pool.query({ text: 'SELECT pg_last_xact_replay_timestamp(), * FROM pg_stat_activity' });
  await expect(pool.query({ text: 'SELECT * FROM hot.orders' })).rejects.toMatchObject({
    sqlstate: '42501',
  });
});

it('operators may read as readers do', async () => {
  const pool = connect('hot', 'ops', 'readonly');
  expect(await pool.query({ text: 'SELECT * FROM hot.audit()' })).toEqual([]);
});

it('passwords are stored as verifiers and can be changed', async () => {
  const admin = homes['hot']?.admin as Pool;
  const look = () =>
    admin.query<{ rolpassword: string }>({
      text: 'SELECT rolpassword FROM pg_authid WHERE rolname = $1',
      values: [ROLES.readonly],
    });
  const [before] = await look();
  expect(before?.rolpassword).toMatch(/^SCRAM-SHA-256\$4096:/);
  expect(
    await setLogins(homes['hot']?.url ?? '', { readonly: passwords['readonly'] ?? '' }),
  ).toEqual([ROLES.readonly]);
  const [after] = await look();
  expect(after?.rolpassword).not.toBe(before?.rolpassword);
  await connect('hot', 'readonly').query({ text: 'SELECT 1' });
});

it('a superuser who takes a role is reported once; a login of the role is not', async () => {
  const told: string[] = [];
  const onPowerfulLogin = (login: string) => void told.push(login);
  const options = { max: 2, role: 'web', applicationName: 'logins', onPowerfulLogin } as const;
  const { url } = homes['hot'] as TestDatabase;
  const powerful = createPool({ ...options, url });
  const plain = createPool({ ...options, url: urlOfLogin(url, 'web', passwords['web'] ?? '') });
  for (const pool of [powerful, plain]) {
    await Promise.all([1, 2, 3].map(() => pool.query({ text: 'SELECT pg_sleep(0)' })));
    await pool.close();
  }
  expect(told).toEqual([superuser]);
});
