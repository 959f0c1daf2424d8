import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Home } from '../../contracts/homes.ts';
import { audit, saleBoard, unitCounts } from '../../db/calls.ts';
import { type CrashServer, startCrashServer } from '../db/crash-server.ts';
import type { TestDatabase } from '../db/database.ts';
import { freshDatabase } from '../db/three-homes.ts';
import { isLater, Shopper } from '../shopper.ts';
import { type System, startSystem } from '../system.ts';
import { until } from '../until.ts';

/** Web nodes, keeper and workers with a database for each of three homes. */

const run = promisify(execFile);

let second: CrashServer;
let third: TestDatabase;
let system: System;

beforeAll(async () => {
  second = await startCrashServer();
  third = await freshDatabase();
  system = await startSystem({
    hotDatabaseUrls: { hot: second.url, 'hot-1': third.url },
    workers: 2,
  });
});
afterAll(async () => {
  await system?.stop();
  await second?.remove();
  await third?.remove();
});

const SHOPPERS = 240;
/** Enough for everybody: the test checks where each unit is in the end. */
const UNITS = { Reg: SHOPPERS / 2, Hot: SHOPPERS / 2 } as const;
type Sku = keyof typeof UNITS;

/** Moves the SKU as an operator does. */
function move(sku: Sku, to: Home) {
  const args = ['ops/cli.ts', 'db', 'move-sku', sku, to];
  return run(process.execPath, args, { env: { ...process.env, ...system.environment } });
}

async function count(name: Sku) {
  const counts = await unitCounts(system.databases);
  return counts.find(({ sku }) => sku === name) ?? { unitsTotal: 0, free: 0 };
}

it('a shop on several servers sells SKUs while they move between all homes, and no shopper gets an error', async () => {
  const sale = await system.createSale([
    { sku: 'Reg', schema: 'regular', units: UNITS.Reg },
    { sku: 'Hot', schema: 'hot', units: UNITS.Hot },
  ]);
  const statuses = new Map<string, number>();
  const note = (what: string) => {
    statuses.set(what, (statuses.get(what) ?? 0) + 1);
  };

  /** Presses until the request is taken, and checks every answer on the way. */
  async function buy(sku: Sku): Promise<void> {
    const shopper = new Shopper(system.url, system.jwtSecret);
    const key = randomUUID();
    const deadline = performance.now() + 120_000;
    while (performance.now() < deadline) {
      const pressed = await shopper.press(sale, sku, { key });
      if (pressed.status >= 500 && !isLater(pressed))
        note(`pressed ${JSON.stringify(pressed.body)}`);
      if (pressed.status === 202) {
        const { status, body } = await shopper.outcome(pressed.body.statusUrl);
        note(status === 200 ? body.status : `outcome ${status}`);
        if (body.status === 'ordered') await use(shopper, body.order.orderNo);
        return;
      }
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    note('never taken');
  }

  /** A third of the shoppers pay, a third cancel, the others do nothing. */
  async function use(shopper: Shopper, orderNo: string): Promise<void> {
    const action = (['pay', 'cancel', undefined] as const)[Number(orderNo) % 3];
    if (action === undefined) return;
    const orders = action === 'pay' ? '/api/v1/demo/orders' : '/api/v1/orders';
    const answer = await shopper.callUntilAnswered('POST', `${orders}/${orderNo}/${action}`);
    note(`${action} ${answer.status}`);
    const mine = await until('both homes have told the orders', async () => {
      const said = await shopper.callUntilAnswered('GET', '/api/v1/orders');
      return said.body.incomplete === undefined && said;
    });
    if (mine.body.orders?.[0]?.orderNo !== orderNo) note('the order is not on its page');
  }

  let waiting: number = SHOPPERS;
  let selling = true;
  let moves = 0;
  const crowd = Array.from({ length: 60 }, async (_, n) => {
    while (waiting > 0) {
      waiting -= 1;
      // The last shoppers come after both SKUs have moved there and back, however fast the machine
      // sells.
      if (waiting < 60) await until('both have moved to and fro', () => moves > 1);
      await buy(n % 2 === 0 ? 'Reg' : 'Hot');
    }
  });
  const moving = (async () => {
    while (selling) {
      // From one hot home to another, a SKU goes by regular.
      const to = moves % 2 === 0 ? (['hot', 'hot-1'] as const) : (['regular', 'hot'] as const);
      await move('Reg', to[0]);
      await move('Hot', to[1]);
      moves += 1;
    }
  })();
  await Promise.all(crowd);
  selling = false;
  await moving;

  const allowed = ['ordered', 'pay 200', 'cancel 200'];
  expect([...statuses].filter(([what]) => !allowed.includes(what))).toEqual([]);
  expect(statuses.get('ordered')).toBe(SHOPPERS);
  expect(moves).toBeGreaterThan(1);
  // Cancelled units are free again in whichever home their order was, and all other units are held.
  const cancelled = statuses.get('cancel 200') ?? 0;
  const sold = (statuses.get('ordered') ?? 0) - cancelled;
  await until('every unit that came back has arrived', async () => {
    const [reg, hot] = [await count('Reg'), await count('Hot')];
    return reg.free + hot.free === UNITS.Reg + UNITS.Hot - sold;
  });
  const { sales } = await saleBoard(system.databases);
  expect(sales.find((one) => one.sale === sale)?.skus).toHaveLength(2);
  expect(await audit(system.databases)).toEqual([]);
}, 600_000);

it('a shop on several servers sells from the opening on, although the clock of the second server is late', async () => {
  const sale = await system.createSale([{ sku: 'Late', schema: 'hot', units: 3 }]);
  await system.databases.home('hot').query({
    text: `UPDATE catalog.sale SET opens_at = now() + interval '5 s' WHERE sale = $1`,
    values: [sale],
  });
  const buy = () => new Shopper(system.url, system.jwtSecret).buy(sale, 'Late');
  const answers = await Promise.all([buy(), buy(), buy()]);
  expect(answers.map(({ body }) => body.status)).toEqual(['ordered', 'ordered', 'ordered']);
}, 120_000);
