import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { audit, placeOrders } from '../../db/calls.ts';
import { promoteCanary, startCanary, stopCanary } from '../../db/canary.ts';
import type { Databases } from '../../db/client/pool.ts';
import { unifiedDiff } from '../../db/install/diff.ts';
import { restoreRoutine } from '../../db/install/install.ts';
import { openInstaller } from '../../db/install/installer.ts';
import { SCRATCH_PREFIX } from '../../ops/stack/test-folder.ts';
import { PROGRAM_ENVIRONMENT } from '../children.ts';
import { until } from '../until.ts';
import { createDatabase, type TestDatabase } from './database.ts';
import { openSale, order, requests, stock } from './shop.ts';

/** `flashsale db …` as a process, and the replacement of routines while orders are placed. */

const ROOT = join(import.meta.dirname, '..', '..');
const FILE = join(ROOT, 'db', 'procedures', 'place_orders.sql');
const folder = mkdtempSync(join(tmpdir(), SCRATCH_PREFIX));
const changed = join(folder, 'place_orders.sql');
const CHANGED = readFileSync(FILE, 'utf8').replace('BEGIN\n', 'BEGIN\n  -- another way\n');
writeFileSync(changed, CHANGED);

let database: TestDatabase;
let worker: Databases;
let ops: Databases;
let sale: string;

beforeAll(async () => {
  database = await createDatabase();
  worker = database.as('worker', 8);
  ops = database.as('ops');
  sale = await openSale(ops);
});
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await database.remove();
});

function flashsale(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  return new Promise((resolve) => {
    const env = { ...PROGRAM_ENVIRONMENT, DATABASE_URL: database.url };
    execFile(
      process.execPath,
      ['ops/cli.ts', 'db', ...args],
      { cwd: ROOT, env },
      (error, out, err) =>
        resolve({ code: typeof error?.code === 'number' ? error.code : 0, out, err }),
    );
  });
}
const json = async (...args: string[]) => JSON.parse((await flashsale(...args, '--json')).out);

describe('flashsale db', () => {
  it("lists the routines, shows a change that was made by hand, keeps it and restores the file's version", async () => {
    await database.admin.query({
      text: CHANGED.replaceAll(/(?<!:):schema\b/g, 'hot').split('ALTER FUNCTION')[0] ?? '',
    });
    const states = (await json('routines')) as { schema: string; name: string; state: string }[];
    const drifted = states.filter(({ state }) => state !== 'installed');
    expect(drifted).toMatchObject([{ schema: 'hot', name: 'place_orders', state: 'drifted' }]);
    expect((await flashsale('diff', 'hot.place_orders')).out).toContain('\n+  -- another way\n');
    const kept = await flashsale('install');
    expect(kept.out).toContain('hot.place_orders was changed by hand and is kept');
    expect(kept.out).toContain('\n+  -- another way\n');
    expect(await json('restore', 'place_orders')).toEqual([
      { home: 'regular', schema: 'regular', name: 'place_orders', changed: false },
      { home: 'hot', schema: 'hot', name: 'place_orders', changed: true },
    ]);
    expect((await flashsale('diff', 'place_orders')).out).toBe(
      'regular.place_orders: installed\nhot.place_orders: installed\n',
    );
    expect((await flashsale('diff', 'nothing')).code).toBe(1);
  });

  it('reports the result of the audit in its exit code', async () => {
    expect(await flashsale('audit')).toMatchObject({ code: 0, out: 'the books balance\n' });
    const sku = await stock(ops, sale, { units: 5, schema: 'regular' });
    const damage = (units: number) =>
      database.admin.query({
        text: `UPDATE regular.stock_slot SET remaining = remaining + $2
               WHERE sku = $1 AND slot = 1`,
        values: [sku, units],
      });
    await damage(1);
    const { code, out } = await flashsale('audit', '--json');
    expect(code).toBe(1);
    expect(JSON.parse(out)).toMatchObject([{ schema: 'regular', sku }, { sku }]);
    await damage(-1);
  });

  it('moves a SKU', async () => {
    const sku = await stock(ops, sale, { units: 5, schema: 'regular' });
    const moved = await flashsale('move-sku', sku, 'hot', '--slots', '2');
    expect(moved.out).toBe(`${sku} moved from regular to hot: 5 free units in 2 slots, 0 buyers\n`);
    expect(await json('move-sku', sku, 'hot')).toEqual({
      ...{ sku, schema: 'hot', units: 0, slots: 2, buyers: 0 },
    });
    expect((await flashsale('move-sku', sku, 'cold')).code).toBe(1);
  });

  it('runs a canary for some SKUs, shows the figures of both versions, and promotes it', async () => {
    const [one, other] = [
      await stock(ops, sale, { units: 5 }),
      await stock(ops, sale, { units: 5 }),
    ];
    expect((await flashsale('canary', 'start', changed)).err).toContain('--share 0.1');
    const started = await flashsale('canary', 'start', changed, '--skus', one);
    expect(started.out).toContain(`takes 0 % of the calls and ${one}`);
    await order(worker, one);
    await order(worker, other);
    const versions = await database
      .as('readonly', 1)
      .home('hot')
      .query({
        text: 'SELECT sku, routine, ordered::int FROM hot.place_rates WHERE sku = ANY ($1)',
        values: [[one, other]],
      });
    expect(versions).toEqual(
      expect.arrayContaining([
        { sku: one, routine: 'place_orders_canary', ordered: 1 },
        { sku: other, routine: 'place_orders', ordered: 1 },
      ]),
    );
    const facts = { schema: 'hot', name: 'place_orders', share: 0, skus: [one], stopReason: null };
    expect(await json('canary', 'status')).toMatchObject([facts]);
    expect((await flashsale('restore', 'hot.place_orders')).err).toContain('has a canary');
    expect((await flashsale('install')).out).toContain('hot.place_orders has a canary');
    await flashsale('canary', 'promote');
    expect((await flashsale('diff', 'hot.place_orders')).out).toContain('+  -- another way');
    expect((await flashsale('canary', 'stop')).err).toContain('there is no such canary');
    await json('restore', 'hot.place_orders');
  });

  it('refuses a canary whose signature or privileges differ from those of place_orders', async () => {
    const start = async (source: string) => {
      const session = await openInstaller(database.url);
      const options = { schema: 'hot' as const, source, share: 1, skus: [] };
      return startCanary(session, options).finally(() => session.close());
    };
    await expect(start('SELECT 1')).rejects.toMatchObject({ kind: 'refused' });
    const more = CHANGED.replace('DEFAULT false', 'DEFAULT true');
    await expect(start(more)).rejects.toMatchObject({ kind: 'refused' });
    const open = `${CHANGED}\nGRANT EXECUTE ON FUNCTION :schema.place_orders TO PUBLIC;`;
    await expect(start(open)).rejects.toMatchObject({ kind: 'refused' });
    const unpinned = CHANGED.replace('SET search_path = :schema, pg_temp\n', '');
    await expect(start(unpinned)).rejects.toMatchObject({ kind: 'refused' });
    await expect(start(CHANGED.replace('BEGIN\n', 'BEGINN\n'))).rejects.toMatchObject({
      sqlstate: '42601',
    });
    const left = await database.admin.query({
      text: `SELECT FROM pg_proc WHERE proname = 'place_orders_canary'`,
    });
    expect(left).toEqual([]);
  });
});

it('replaces, tries and promotes versions without an error while orders are placed', async () => {
  const sku = await stock(ops, sale, { units: 100_000, slots: 8 });
  const session = await openInstaller(database.url);
  const place = { schema: 'hot', name: 'place_orders' };
  let running = true;
  let ordered = 0;
  const placing = Array.from({ length: 4 }, async () => {
    while (running) {
      const said = await placeOrders(worker, 'hot', sku, requests(10), { wait: true });
      ordered += said.filter(({ status }) => status === 'ordered').length;
      expect(said).toHaveLength(10);
    }
  });
  const changing = (async () => {
    for (let round = 0; round < 10; round += 1) {
      await startCanary(session, { schema: 'hot', source: CHANGED, share: 0.5, skus: [] });
      const before = ordered;
      await until('orders are placed meanwhile', () => ordered >= before + 20);
      if (round % 2 === 0) await stopCanary(session, place);
      else await promoteCanary(session, place);
      await restoreRoutine(session, 'hot', 'place_orders');
    }
  })();
  await changing.finally(() => {
    running = false;
  });
  await Promise.all(placing);
  await session.close();
  expect(await audit(ops)).toEqual([]);
});

describe('unifiedDiff', () => {
  it('shows each change with three lines of context', () => {
    const before = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l'].join('\n');
    const after = before.replace('e', 'E').replace('\nl', '\nl\nm');
    expect(unifiedDiff(before, after, 'x', 'y')).toBe(
      [
        ...['--- x', '+++ y', '@@ -2,7 +2,7 @@', ' b', ' c', ' d', '-e', '+E', ' f', ' g', ' h'],
        ...['@@ -10,3 +10,4 @@', ' j', ' k', ' l', '+m', ''],
      ].join('\n'),
    );
    expect(unifiedDiff(before, before, 'x', 'y')).toBe('');
  });
});
