import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parse } from 'yaml';
import { audit, moveSku, payOrder } from '../../db/calls.ts';
import { backup } from '../../ops/doctor/checks/copies.ts';
import { diagnose } from '../../ops/doctor/run.ts';
import type { AfterRestore } from '../../ops/restore/after-restore.ts';
import { PROGRAM_ENVIRONMENT } from '../children.ts';
import { type BackedUpServer, startBackedUpServer } from '../db/backed-up-server.ts';
import { freshDatabase } from '../db/three-homes.ts';
import { Shopper } from '../shopper.ts';
import { type System, startSystem } from '../system.ts';
import { until } from '../until.ts';

/**
 * A server is restored by pgBackRest to a time in the middle of a sale. Nobody can buy until
 * `flashsale after-restore` has aligned the homes. It names every order of the lost time.
 */

const UNITS = 12;

let server: BackedUpServer;
let hot: Awaited<ReturnType<typeof freshDatabase>>;
let system: System;
let sale: string;

beforeAll(async () => {
  [server, hot] = await Promise.all([startBackedUpServer(), freshDatabase()]);
  system = await startSystem({
    webNodes: 1,
    databaseServerUrl: server.url,
    hotDatabaseUrls: { hot: hot.url },
  });
  await server.backUp();
  sale = await system.createSale([
    { sku: 'TV', units: UNITS, schema: 'regular' },
    { sku: 'PHONE', units: UNITS, schema: 'regular' },
    { sku: 'RADIO', units: UNITS, schema: 'regular' },
  ]);
});
afterAll(async () => {
  await system?.stop();
  await hot?.remove();
  await server?.remove();
});

interface Bought {
  readonly shopper: Shopper;
  readonly orderNo: string;
}

async function buy(sku: string, shopper = new Shopper(system.url, system.jwtSecret)) {
  const { body } = await shopper.buy(sale, sku);
  expect(body).toMatchObject({ status: 'ordered' });
  return { shopper, orderNo: body.order.orderNo as string } satisfies Bought;
}

const buyEach = (skus: readonly string[]) => Promise.all(skus.map((sku) => buy(sku)));

const regular = <Row extends Record<string, unknown>>(text: string) =>
  system.databases.regular.query<Row>({ text });

/** Units of the SKU in orders of both homes. */
async function held(sku: string): Promise<number> {
  const ask = (home: string) =>
    system.databases.home(home).query<{ units: string }>({
      text: `SELECT coalesce(sum(units), 0) AS units FROM ${home}.orders
             WHERE sku = $1 AND status IN ('ordered', 'paid')`,
      values: [sku],
    });
  const rows = [...(await ask('regular')), ...(await ask('hot'))];
  return rows.reduce((sum, { units }) => sum + Number(units), 0);
}

/** Buys what is left, and checks that this is all that there is. */
async function sellOut(sku: string): Promise<Bought[]> {
  const left = UNITS - (await held(sku));
  const bought = await buyEach(Array.from({ length: left }, () => sku));
  const tooLate = new Shopper(system.url, system.jwtSecret).buy(sale, sku, { deadlineMs: 500 });
  expect((await tooLate).body.status).not.toBe('ordered');
  expect(await held(sku)).toBe(UNITS);
  return bought;
}

async function now(): Promise<string> {
  const [row] = await regular<{ at: string }>('SELECT clock_timestamp()::text AS at');
  return row?.at ?? '';
}

/** Waits until the keeper has beaten twice, so that ZooKeeper has a beat of after this call. */
async function beats(): Promise<void> {
  const read = async () => {
    const found = await system.session.get(system.paths.beat('regular'));
    return found.ok ? Number(found.value.text.split(' ')[1]) : 0;
  };
  const before = await read();
  await until('the keeper has beaten twice', async () => (await read()) >= before + 2);
}

async function afterRestore(...args: string[]): Promise<AfterRestore> {
  const env = { ...PROGRAM_ENVIRONMENT, ...system.environment };
  const call = promisify(execFile)(
    process.execPath,
    ['ops/cli.ts', 'after-restore', '--json', ...args],
    { env },
  );
  // With exit code 1, the result says why the shop does not sell yet.
  const { stdout } = await call.catch((error: Error & { stdout: string }) => {
    if (error.stdout === '') throw error;
    return error;
  });
  return JSON.parse(stdout);
}

const orderNos = (bought: readonly Bought[]) => bought.map(({ orderNo }) => orderNo).sort();

it('is enough for the doctor, as long as WAL is archived', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'flashsale-backup-'));
  const info = join(folder, 'info.json');
  writeFileSync(info, await server.info());
  const environment = { DATABASE_URL: server.url };
  const options = { isDemo: true, backupInfo: [info], timeoutMs: 60_000 };
  const told = async () =>
    (await diagnose([backup], environment, options)).results.flatMap(({ findings }) =>
      findings.map(({ outcome, reason }) => `${outcome}: ${reason}`),
    );
  const archiveBy = async (setting: string) => {
    await regular(`ALTER SYSTEM ${setting}`);
    await regular('SELECT pg_reload_conf()');
  };
  const { query } = parse(
    readFileSync(new URL('../../ops/monitoring/postgres-queries.yml', import.meta.url), 'utf8'),
  ).postgres_archive;
  expect(await regular(query)).toEqual([{ failing: 0 }]);
  expect(await told()).toEqual(['ok: the last backup of regular is 0 hours old']);
  await archiveBy("SET archive_command = ''");
  await until('the doctor says no', async () => (await told())[0]?.startsWith('no'));
  expect(await told()).toEqual([
    'no: the database of regular and hot has nothing that archives WAL',
  ]);
  expect(await regular(query)).toEqual([{ failing: 1 }]);
  await archiveBy('RESET archive_command');
  await until('the doctor is content', async () => (await told())[0]?.startsWith('ok'));
  rmSync(folder, { recursive: true });
});

it('sells nothing after a restore until the books balance, and names who lost what', async () => {
  const kept = await buyEach(['TV', 'TV']);
  const [paidLater, cancelledLater] = [...(await buyEach(['TV', 'PHONE']))] as [Bought, Bought];
  await moveSku(system.databases, 'hot', 'PHONE');
  await buy('PHONE');
  const time = await now();

  const lost = await buyEach(['TV', 'TV', 'TV']);
  expect(await payOrder(system.databases, paidLater.orderNo, 'payment-1')).toBe('paid');
  // Its unit goes to the hot home, which sells it.
  const path = `/api/v1/orders/${cancelledLater.orderNo}/cancel`;
  expect((await cancelledLater.shopper.call('POST', path)).status).toBe(200);
  await until('the unit has arrived', async () => (await audit(system.databases)).length === 0);
  await beats();
  await server.restoreTo(time);

  // The database answers, but no process uses it.
  await until('the keeper has noticed', async () =>
    (await system.metrics('keeper-1')).includes('flashsale_keeper_set_back{schema="regular",'),
  );
  const late = new Shopper(system.url, system.jwtSecret);
  const pressed = await late.press(sale, 'TV');
  expect([202, 503]).toContain(pressed.status);
  expect(await regular(`SELECT FROM regular.orders WHERE user_id = '${late.userId}'`)).toEqual([]);

  const copy = await server.startCopy(system.environment['DATABASE_URL'] ?? '');
  const listed = await afterRestore('--lost-from', copy, '--dry-run');
  expect(listed.isAccepted).toBe(false);
  // Workers had seconds to decide the request that was pressed meanwhile.
  expect((await regular('SELECT FROM regular.orders')).length).toBe(4);
  const result = await afterRestore('--lost-from', copy);
  const [home] = result.homes;
  for (const { homes } of [listed, result]) {
    const orders = homes[0]?.lost?.orders ?? [];
    expect(orders.map(({ orderNo }) => orderNo).sort()).toEqual(orderNos(lost));
    expect(orders.map(({ userId }) => userId).sort()).toEqual(
      lost.map(({ shopper }) => shopper.userId).sort(),
    );
  }
  expect(home?.paidAgain).toEqual([paidLater.orderNo]);
  expect(home?.lost?.changed.map(({ told }) => told.orderNo).sort()).toEqual(
    orderNos([paidLater, cancelledLater]),
  );
  expect(result).toMatchObject({
    isAccepted: true,
    missing: [],
    broken: [],
    aligned: [{ sku: 'PHONE', from: 'regular', to: 'hot', what: 'undone' }],
  });

  // The sale goes on, with other numbers, and sells what there is.
  if (pressed.status === 202) {
    expect((await late.outcome(pressed.body.statusUrl)).body.status).toBe('ordered');
  }
  const rest = await sellOut('TV');
  const highest = Math.max(...orderNos(lost).map(Number));
  expect(rest.every(({ orderNo }) => Number(orderNo) > highest)).toBe(true);
  expect(kept.length).toBe(2);
  expect(await audit(system.databases)).toEqual([]);
});

it('knows where each SKU lives when moves are lost, and sells each unit once', async () => {
  await buyEach(['RADIO', 'RADIO']);
  const time = await now();
  await buy('RADIO');
  await moveSku(system.databases, 'hot', 'RADIO');
  await moveSku(system.databases, 'regular', 'PHONE');
  await buyEach(['RADIO', 'RADIO', 'PHONE']);
  await beats();
  await server.restoreTo(time);

  const result = await afterRestore();
  expect(result).toMatchObject({ isAccepted: true, missing: [], broken: [] });
  expect(result.homes).toMatchObject([{ home: 'regular', paidAgain: [] }]);
  expect(result.homes[0]?.lost).toBeUndefined();
  expect(result.aligned).toMatchObject([
    { sku: 'PHONE', from: 'hot', to: 'regular', what: 'resent' },
    { sku: 'RADIO', from: 'regular', to: 'hot', what: 'adopted' },
  ]);
  await sellOut('RADIO');
  await sellOut('PHONE');
  await until('the books balance', async () => (await audit(system.databases)).length === 0);
  expect(await afterRestore()).toMatchObject({ homes: [] });
});
