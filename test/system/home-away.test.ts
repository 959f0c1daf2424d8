import { execFile } from 'node:child_process';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { audit, unitCounts } from '../../db/calls.ts';
import { type CrashServer, startCrashServer } from '../db/crash-server.ts';
import type { TestDatabase } from '../db/database.ts';
import { freshDatabase } from '../db/three-homes.ts';
import { type Answer, Shopper } from '../shopper.ts';
import { type System, startSystem } from '../system.ts';
import { until } from '../until.ts';

/**
 * Database servers of three homes, one of which is away: everything that needs only the others
 * continues.
 */

let regular: CrashServer;
let hot: CrashServer;
let far: TestDatabase;
let system: System;

beforeAll(async () => {
  regular = await startCrashServer({ restart: false });
  hot = await startCrashServer({ restart: false });
  far = await freshDatabase();
  system = await startSystem({
    databaseServerUrl: regular.url,
    hotDatabaseUrls: { hot: hot.url, 'hot-1': far.url },
  });
});
afterAll(async () => {
  await system?.stop();
  await regular?.remove();
  await hot?.remove();
  await far?.remove();
});

/** Ends the outage that a test has begun, also after a failure. */
let recover: (() => unknown) | undefined;
afterEach(async () => {
  await recover?.();
  recover = undefined;
});

const OUTAGES = {
  frozen: { begin: (home: CrashServer) => home.freeze(), end: (home: CrashServer) => home.thaw() },
  stopped: {
    begin: (home: CrashServer) => home.stopImmediately(),
    end: (home: CrashServer) => home.start(),
  },
} as const;
type Outage = keyof typeof OUTAGES;

function begin(outage: Outage, home: CrashServer): void {
  OUTAGES[outage].begin(home);
  recover = () => OUTAGES[outage].end(home);
}

async function end(): Promise<void> {
  await recover?.();
  recover = undefined;
}

const shopper = () => new Shopper(system.url, system.jwtSecret);
const statusOf = async (one: Shopper, path: string) => (await one.call('GET', path)).status;

/** Buys a unit and returns its order. */
async function buy(sale: string, sku: string, one = shopper()) {
  const { status, body } = await one.buy(sale, sku);
  expect({ status, outcome: body.status }).toEqual({ status: 200, outcome: 'ordered' });
  return { one, orderNo: body.order.orderNo as string };
}

const SECTION = { seats: [{ row: '1', from: 1, to: 2 }], singles: 'avoid' } as const;
const INCOMPLETE = 'incomplete: no answer from the database of hot';

/** Runs the command, and returns its exit code and all of its output. */
function cli(...args: string[]): Promise<{ code: number; text: string }> {
  const env = { ...process.env, ...system.environment };
  return new Promise((resolve) => {
    execFile(process.execPath, ['ops/cli.ts', ...args], { env }, (error, stdout, stderr) => {
      resolve({ code: Number(error?.code ?? 0), text: `${stdout}${stderr}` });
    });
  });
}

/** Waits until a call about the home that is away is answered with 503 and a Retry-After. */
async function untilUnavailable(call: () => Promise<Answer>): Promise<void> {
  const { retryAfter } = await until('503', async () => {
    const answer = await call();
    return answer.status === 503 && answer;
  });
  expect(Number(retryAfter)).toBeGreaterThan(0);
}

/** Units of unpaid orders, as the keeper counts them; undefined if it has not counted any. */
async function unpaidUnits(sku: string): Promise<number | undefined> {
  const line = new RegExp(`^flashsale_stranded_units{sku="${sku}",cause="unpaid".*} (\\d+)$`, 'm');
  const [, units] = line.exec(await system.metrics('keeper-1')) ?? [];
  return units === undefined ? undefined : Number(units);
}

function untilStranded(sku: string, units: number): Promise<unknown> {
  return until(`${units} unpaid units of ${sku}`, async () => {
    expect(await unpaidUnits(sku)).toBe(units);
    return true;
  });
}

async function untilIncomplete(one: Shopper, missing: string, orderNo: string): Promise<void> {
  const answer = await until(`the orders without those of ${missing}`, async () => {
    const { status, body } = await one.call('GET', '/api/v1/orders');
    return status === 200 && body.incomplete !== undefined && body;
  });
  expect(answer.incomplete).toEqual([missing]);
  expect(answer.orders.map((order: { orderNo: string }) => order.orderNo)).toEqual([orderNo]);
}

async function untilWhole(one: Shopper, orders: number): Promise<void> {
  await until('the orders of both homes', async () => {
    const { body } = await one.call('GET', '/api/v1/orders');
    return body.incomplete === undefined && body.orders?.length === orders;
  });
}

async function booksBalance(): Promise<void> {
  await until('both homes answer', async () => (await unitCounts(system.databases)).length > 0);
  expect(await audit(system.databases)).toEqual([]);
}

describe.each(Object.keys(OUTAGES) as Outage[])('a %s home of hot', (outage) => {
  const [reg, big] = [`Reg-${outage}`, `Hot-${outage}`];

  it('does not affect SKUs and orders of the other homes', async () => {
    const sale = await system.createSale([
      { sku: reg, schema: 'regular', units: 60, quota: 8 },
      { sku: big, schema: 'hot', units: 20 },
      { sku: `Far-${outage}`, schema: 'hot-1', units: 20 },
    ]);
    const { one, orderNo } = await buy(sale, reg);
    const ofHot = await buy(sale, big, one);
    const late = await buy(sale, reg);
    await untilWhole(one, 2);
    await untilStranded(big, 1);

    begin(outage, hot);
    await untilIncomplete(one, 'hot', orderNo);
    expect(await statusOf(one, `/api/v1/orders/${orderNo}`)).toBe(200);
    await untilUnavailable(() => one.call('GET', `/api/v1/orders/${ofHot.orderNo}`));
    await buy(sale, `Far-${outage}`);

    // The keeper continues: it grants a raised quota, and the units of a dead node.
    await system.set(system.paths.sku(reg).quota, '40');
    const taken = await shopper().press(sale, big);
    await system.kill('web-2');
    const buyers = await Promise.all(Array.from({ length: 38 }, () => buy(sale, reg)));
    await until('the keeper has counted them', async () => {
      const metrics = await system.metrics('keeper-1');
      return new RegExp(`keeper_held_units{sku="${reg}".*} 40$`, 'm').test(metrics);
    });

    // Orders continue: they are paid, cancelled, expired and published.
    const [paid, cancelled] = buyers;
    const pay = await paid?.one.callUntilAnswered(
      'POST',
      `/api/v1/demo/orders/${paid.orderNo}/pay`,
    );
    expect(pay?.status).toBe(200);
    const cancel = `/api/v1/orders/${cancelled?.orderNo}/cancel`;
    expect((await cancelled?.one.callUntilAnswered('POST', cancel))?.status).toBe(200);
    await system.databases.regular.query({
      text: `UPDATE regular.orders SET pay_before = now() - interval '1 s' WHERE order_no = $1`,
      values: [late.orderNo],
    });
    await until('the order has expired', async () => {
      const { body } = await late.one.call('GET', `/api/v1/orders/${late.orderNo}`);
      return body.status === 'expired';
    });
    await until('events of regular are published', async () => {
      const text = 'SELECT count(*)::int AS left FROM regular.outbox WHERE sku = $1';
      const [row] = await system.databases.regular.query<{ left: number }>({ text, values: [reg] });
      return row?.left === 0;
    });
    const { body } = await one.call('GET', `/api/v1/sales/${sale}`);
    const shown = body.skus.find(({ sku }: { sku: string }) => sku === big);
    expect(shown.availability).not.toBe('sold_out');
    const books = await cli('db', 'audit');
    expect(books.code).toBe(1);
    expect(books.text).toContain(INCOMPLETE);
    // The other home may be too slow for one call.
    await until('what is known is listed', async () =>
      (await cli('webhooks', 'list')).text.includes('incomplete'),
    );
    // A frozen home makes each count long, and the keeper counts the less often for it.
    if (outage === 'stopped') {
      await untilStranded(reg, 37);
      // The keeper has counted again. The units of hot are those that it knew before.
      expect(await unpaidUnits(big)).toBe(1);
    }
    for (const form of [[], ['--json']]) {
      const { code, text } = await cli('quota', 'stranded', ...form);
      expect({ code, text }).toMatchObject({ code: 1, text: expect.stringContaining(INCOMPLETE) });
      expect(text).toContain(`psql: SELECT * FROM regular.unpaid_backlog`);
    }

    await end();
    await untilWhole(one, 2);
    if (taken.status === 202) {
      await until('what was taken for hot is decided', async () => {
        const { body: told } = await one.call('GET', `/api/v1/orders/${ofHot.orderNo}`);
        return told.status === 'ordered';
      });
    }
    await system.restart('web-2');
    await until('the dead node is settled in both', async () => {
      const grants = await system.session.children(system.paths.sku(reg).grants);
      return grants.ok && grants.value.length <= 2;
    });
    await booksBalance();
  }, 400_000);
});

describe.each(Object.keys(OUTAGES) as Outage[])('a %s home of regular', (outage) => {
  const [reg, big] = [`Reg2-${outage}`, `Hot2-${outage}`];

  it('does not stop the sale of hot SKUs', async () => {
    const sale = await system.createSale([
      { sku: reg, schema: 'regular', units: 20 },
      { sku: big, schema: 'hot', units: 60, quota: 8 },
      { sku: `Far2-${outage}`, schema: 'hot-1', units: 20 },
      { sku: `Row-${outage}`, schema: 'hot-1', units: 2, section: SECTION },
    ]);
    const { one, orderNo } = await buy(sale, big);
    const ofRegular = await buy(sale, reg, one);
    await untilWhole(one, 2);
    const seat = await buy(sale, `Row-${outage}`);
    await seat.one.callUntilAnswered('POST', `/api/v1/demo/orders/${seat.orderNo}/pay`);
    const codes = () => seat.one.call('GET', `/api/v1/orders/${seat.orderNo}/codes`);
    const { body } = await codes();
    expect(body.codes).toHaveLength(1);
    begin(outage, regular);
    await untilIncomplete(one, 'regular', orderNo);
    await untilUnavailable(() => one.call('GET', `/api/v1/orders/${ofRegular.orderNo}`));
    await buy(sale, `Far2-${outage}`);
    // Web nodes keep the key that signs the codes of seats.
    expect(await codes()).toMatchObject({ status: 200, body });
    await system.set(system.paths.sku(big).quota, '30');
    const [cancelled] = await Promise.all(Array.from({ length: 29 }, () => buy(sale, big)));
    const cancel = `/api/v1/orders/${cancelled?.orderNo}/cancel`;
    expect((await cancelled?.one.callUntilAnswered('POST', cancel))?.status).toBe(200);
    // Payment references are recorded in regular, so the provider is asked to call again.
    await untilUnavailable(() => one.call('POST', `/api/v1/demo/orders/${orderNo}/pay`));
    await end();
    await untilWhole(one, 2);
    // The provider calls again. The list of orders may be back before the payment references are.
    await until('it is paid', async () => {
      const { status } = await one.call('POST', `/api/v1/demo/orders/${orderNo}/pay`);
      if (status !== 503) expect(status).toBe(200);
      return status === 200;
    });
    await booksBalance();
  }, 400_000);
});
