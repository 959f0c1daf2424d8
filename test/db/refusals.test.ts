import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DatabaseError } from '../../db/client/errors.ts';
import { openSession, ROLES, type Role, type Session } from '../../db/client/pool.ts';
import { uniqueName } from '../servers.ts';
import { createDatabase, PATIENCE, type TestDatabase } from './database.ts';
import { openSale, request, stock } from './shop.ts';

/**
 * Each role tries each routine and each relation, and must get the answer that the privileges
 * promise (roles.test.ts checks the privileges). Then callers try to make routines use objects of
 * their own.
 */

/** The views that the live page of the console shows. */
const OF_CONSOLE = ['line_backlog', 'slot_fill', 'unpaid_backlog'];
const SCHEMAS = `('catalog', 'regular', 'hot')`;
const DENIED = '42501';
const OTHERS = (Object.keys(ROLES) as Role[]).filter((role) => role !== 'owner');

let database: TestDatabase;
let session: Session;
let sku: string;
let sale: string;

beforeAll(async () => {
  database = await createDatabase();
  const ops = database.as('ops', 1);
  sale = await openSale(ops);
  sku = await stock(ops, sale, { units: 50, schema: 'regular' });
  session = await openSession(database.url, {
    applicationName: 'refusals',
    ...PATIENCE,
  });
});
afterAll(async () => {
  await session.close();
  await database.remove();
});

/**
 * Runs a statement in a role and returns its SQLSTATE, or undefined if it worked. Leaves nothing
 * behind.
 */
async function attempt(role: Role, sql: string): Promise<string | undefined> {
  await session.run(`BEGIN; SET LOCAL ROLE ${ROLES[role]}`);
  try {
    await session.run(sql);
    return undefined;
  } catch (error) {
    return error instanceof DatabaseError ? error.sqlstate : 'unknown';
  } finally {
    await session.run('ROLLBACK');
  }
}

describe.each(OTHERS)('role %s', (role) => {
  it('may execute its routines and no others', async () => {
    const routines = await session.query<{ call: string; allowed: boolean }>({
      text: `SELECT format('SELECT * FROM %s(%s)', p.oid::regproc,
                      (SELECT string_agg('NULL::' || format_type(t, NULL), ', ' ORDER BY n)
                       FROM unnest(p.proargtypes) WITH ORDINALITY AS a (t, n))) AS call,
                    has_function_privilege($1, p.oid, 'EXECUTE') AS allowed
             FROM pg_proc p WHERE p.pronamespace::regnamespace::text IN ${SCHEMAS}
               -- Nobody can call a trigger, whatever his rights.
               AND p.prorettype <> 'trigger'::regtype`,
      values: [ROLES[role]],
    });
    expect(routines.length).toBeGreaterThan(50);
    const wrong: string[] = [];
    for (const { call, allowed } of routines) {
      const said = await attempt(role, call);
      if ((said === DENIED) === allowed) wrong.push(`${call}: ${said}`);
    }
    expect(wrong).toEqual([]);
  });

  it('may read some views at most, and writes nothing', async () => {
    const relations = await session.query<{ name: string; kind: string; may: boolean }>({
      text: `SELECT c.oid::regclass::text AS name, c.relkind::text AS kind,
                    c.relkind = 'v' AND ($1 IN ('flashsale_ops', 'flashsale_readonly')
                      OR $1 = 'flashsale_console' AND c.relname = ANY ($2)) AS may
             FROM pg_class c
             WHERE c.relnamespace::regnamespace::text IN ${SCHEMAS}
               AND c.relkind IN ('r', 'p', 'v', 'S')`,
      values: [ROLES[role], OF_CONSOLE],
    });
    const wrong: string[] = [];
    for (const { name, kind, may } of relations) {
      const reads = await attempt(role, `SELECT * FROM ${name} LIMIT 1`);
      if ((reads === undefined) !== may) wrong.push(`SELECT ${name}: ${reads}`);
      const writes =
        kind === 'S'
          ? [`SELECT nextval('${name}')`, `SELECT setval('${name}', 1)`]
          : [
              `DELETE FROM ${name}`,
              `INSERT INTO ${name} DEFAULT VALUES`,
              ...(kind === 'v' ? [] : [`TRUNCATE ${name}`, `LOCK TABLE ${name}`]),
              `DROP ${kind === 'v' ? 'VIEW' : 'TABLE'} ${name}`,
            ];
      for (const write of writes) {
        const said = await attempt(role, write);
        // A view with a join cannot be written by anybody.
        if (said !== DENIED && !(kind === 'v' && said === '55000')) wrong.push(`${write}: ${said}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  it('cannot create, change or take over anything', async () => {
    for (const schema of ['catalog', 'regular', 'hot']) {
      expect(await attempt(role, `CREATE TABLE ${schema}.mine (n int)`)).toBe(DENIED);
      const own = `CREATE FUNCTION ${schema}.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'`;
      expect(await attempt(role, own)).toBe(DENIED);
    }
    const replace = `CREATE OR REPLACE FUNCTION hot.fence_node(p_node text) RETURNS boolean
      LANGUAGE sql AS 'SELECT true'`;
    expect(await attempt(role, replace)).toBe(DENIED);
    for (const sql of [
      'ALTER FUNCTION hot.fence_node SECURITY INVOKER',
      'ALTER FUNCTION hot.fence_node SET search_path = public',
      'DROP FUNCTION hot.fence_node',
      'GRANT EXECUTE ON FUNCTION hot.return_units TO PUBLIC',
    ]) {
      expect([sql, await attempt(role, sql)]).toEqual([sql, DENIED]);
    }
  });
});

describe('a caller with objects of its own', () => {
  /**
   * Creates every name that a routine uses unqualified, in a schema and in pg_temp of the attacker.
   */
  async function plant(schema: string): Promise<void> {
    const names = await session.query<{ name: string; args: string }>({
      text: `SELECT DISTINCT p.proname AS name, oidvectortypes(p.proargtypes) AS args
             FROM pg_proc p WHERE p.pronamespace::regnamespace::text IN ${SCHEMAS}`,
    });
    const builtin = [
      ['now', ''],
      ['hashtext', 'text'],
      ['current_schema', ''],
      ['clock_timestamp', ''],
      ['cardinality', 'anyarray'],
      ['nextval', 'regclass'],
      ['unnest', 'anyarray'],
      ['format', 'text'],
      ['array_remove', 'anyarray, anyelement'],
      ['sha256', 'bytea'],
      ['gen_random_uuid', ''],
    ].map(([name, args]) => ({ name, args }));
    for (const { name, args } of [...names, ...builtin]) {
      await session.run(`CREATE FUNCTION ${schema}.${name}(${args}) RETURNS text LANGUAGE plpgsql
        AS $$ BEGIN RAISE EXCEPTION 'trapped' USING ERRCODE = 'EVIL1'; END $$`);
    }
    await session.run(`CREATE FUNCTION ${schema}.trap(text, text) RETURNS boolean LANGUAGE plpgsql
        AS $$ BEGIN RAISE EXCEPTION 'trapped' USING ERRCODE = 'EVIL1'; END $$;
      CREATE OPERATOR ${schema}.= (leftarg = text, rightarg = text, function = ${schema}.trap);
      CREATE OPERATOR ${schema}.<> (leftarg = text, rightarg = text, function = ${schema}.trap)`);
    const tables = await session.query<{ name: string }>({
      text: `SELECT DISTINCT relname AS name FROM pg_class
             WHERE relnamespace::regnamespace::text IN ${SCHEMAS} AND relkind IN ('r', 'p')
               AND NOT relispartition`,
    });
    for (const { name } of tables) {
      await session.run(`CREATE TABLE ${schema}.${name} (nothing int)`);
      await session.run(`CREATE TEMP TABLE ${name} (nothing int)`);
    }
  }

  it('cannot make a routine use them', async () => {
    const attacker = uniqueName('attacker');
    await session.run(`CREATE ROLE ${attacker};
      GRANT flashsale_web, flashsale_worker, flashsale_ops TO ${attacker};
      CREATE SCHEMA evil AUTHORIZATION ${attacker};
      GRANT TEMPORARY ON DATABASE ${new URL(database.url).pathname.slice(1)} TO ${attacker};
      SET ROLE ${attacker}`);
    try {
      await plant('evil');
      await session.run('SET search_path = evil, pg_temp, hot, regular, pg_catalog');
      // The trap works on a routine that does not pin its search_path.
      await expect(session.run('SELECT now()')).rejects.toMatchObject({ sqlstate: 'EVIL1' });
      const { requestId, userId } = request();
      const late = randomUUID();
      const text = async (sql: string, ...values: unknown[]) => {
        const [row] = await session.query<{ said: string }>({ text: sql, values });
        return row?.said;
      };
      const place = (schema: string, id: string) =>
        session.query<{ status: string; order_no: string }>({
          text: `SELECT status, order_no FROM ${schema}.place_orders($1, $2, $3, $4, $5, $6)`,
          values: [sku, [id], [userId], [1], [false], ['n']],
        });
      const [placed] = await place('regular', requestId);
      expect(placed?.status).toBe('ordered');
      await session.run(`SELECT * FROM hot.move_sku('${sku}', 3)`);
      expect((await place('hot', late))[0]?.status).toBe('limit_reached');
      const orderNo = placed?.order_no;
      expect(await text('SELECT regular.pay_order($1, $2) AS said', orderNo, 'ref')).toBe('paid');
      expect(await text('SELECT regular.cancel_order($1, $2) AS said', orderNo, userId)).toBe(
        'paid',
      );
      for (const call of [
        'hot.expire_orders(5)',
        'regular.expire_orders(5)',
        'hot.overdue_skus()',
        `hot.expire_orders_of(ARRAY['${sku}'], 5)`,
        `hot.restock('${sku}', 2)`,
        `hot.set_slots('${sku}', 2)`,
        `hot.renew_slots('${sku}')`,
        'hot.unit_counts()',
        'hot.audit()',
        'regular.audit()',
        'catalog.sale_board()',
        `catalog.ticket_key('${sale}')`,
        `catalog.ticket_keys('${sale}')`,
        `catalog.rotate_ticket_key('${sale}', true)`,
        `catalog.ticket_key_facts('${sale}')`,
        'catalog.ticket_epochs()',
        `catalog.set_tunable('slots_default', 9)`,
        `catalog.set_sku_state('${sku}', 'open')`,
        `hot.fence_node('gone')`,
        `regular.outbox_batch('evil', 5)`,
        'hot.trim_place_calls()',
        `regular.user_orders('${userId}')`,
        `catalog.create_sale('evil-sale', 'x', pg_catalog.now(), pg_catalog.now() + interval '1 h')`,
        `catalog.create_sku('evil-sku', 'evil-sale', 'hot', 'x', 1, 'EUR', 1, 5)`,
        'hot.slot_fill',
        'hot.place_rates',
        'hot.backlog',
        'hot.table_health',
      ]) {
        await session.run(`SELECT * FROM ${call}`);
      }
    } finally {
      await session.run(`RESET ROLE; RESET search_path; DROP OWNED BY ${attacker} CASCADE;
        DROP ROLE ${attacker}`);
    }
    const broken = 'SELECT * FROM hot.audit() UNION ALL SELECT * FROM regular.audit()';
    expect(await session.query({ text: broken })).toEqual([]);
  });
});
