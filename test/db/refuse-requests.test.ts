import { afterAll, beforeAll, expect, it } from 'vitest';
import { SCHEMAS, type Schema } from '../../contracts/names.ts';
import {
  type AdmittedRequest,
  audit,
  moveSku,
  placeOrders,
  refuseRequests,
  requestOutcomes,
  unitCounts,
} from '../../db/calls.ts';
import { Databases } from '../../db/client/pool.ts';
import { uniqueName } from '../servers.ts';
import { createDatabase, type TestDatabase } from './database.ts';
import { openSale, request, requests, stock } from './shop.ts';

let database: TestDatabase;
let ops: Databases;
let worker: Databases;
let admin: Databases;

beforeAll(async () => {
  database = await createDatabase();
  ops = database.as('ops');
  worker = database.as('worker');
  admin = Databases.ofOne(database.admin);
});
afterAll(() => database.remove());

const reason = 'refused_by_operator';
const refuse = (sku: string, all: ReturnType<typeof requests>) =>
  refuseRequests(ops, 'hot', { sku, node: 'node-1', requests: all, reason });
const outcomesOf = async (all: ReturnType<typeof requests>) => {
  const found = await requestOutcomes(
    ops,
    all.map(({ requestId }) => requestId),
  );
  return found.map(({ status }) => status).sort();
};

it('a refusal gives each request its one outcome, takes no unit, and gives the same answer again', async () => {
  const sku = await stock(ops, await openSale(ops), { units: 10 });
  const all = requests(5);
  const first = await refuse(sku, all);
  expect(first).toHaveLength(5);
  for (const decision of first) {
    expect(decision).toMatchObject({ status: 'rejected', reason, orderNo: null, units: 0 });
  }
  expect(await refuse(sku, all)).toEqual(expect.arrayContaining(first));
  // A late copy of the request finds it refused.
  const placed = await placeOrders(worker, 'hot', sku, all);
  expect(placed.map(({ status }) => status)).toEqual(all.map(() => 'rejected'));
  expect((await unitCounts(ops)).find((one) => one.sku === sku)?.free).toBe(10);
  expect(await audit(admin)).toEqual([]);
});

it('a refusal does not change an outcome that exists, wherever it was decided', async () => {
  const sku = await stock(ops, await openSale(ops), { units: 10, schema: 'regular' });
  const all = requests(3);
  await placeOrders(worker, 'regular', sku, all.slice(0, 2));
  await moveSku(ops, 'hot', sku);
  // The call goes to the SKU's old schema, whose routine names the new home.
  const decisions = await refuseRequests(ops, 'regular', {
    sku,
    node: 'node-1',
    requests: all,
    reason,
  });
  expect(decisions.map(({ status }) => status).sort()).toEqual(['ordered', 'ordered', 'rejected']);
  expect(await outcomesOf(all)).toEqual(['ordered', 'ordered', 'rejected']);
  expect(await audit(admin)).toEqual([]);
});

it('a request has one outcome also when it is refused and decided at the same moment', async () => {
  const sku = await stock(ops, await openSale(ops), { units: 1_000 });
  for (let round = 0; round < 30; round += 1) {
    const all = requests(8);
    const [refused, placed] = await Promise.allSettled([
      refuse(sku, all),
      placeOrders(worker, 'hot', sku, all),
    ]);
    const again = await placeOrders(worker, 'hot', sku, all);
    if (refused.status === 'rejected') throw refused.reason;
    const told = new Map(refused.value.map(({ requestId, status }) => [requestId, status]));
    for (const { requestId, status } of again) expect(told.get(requestId)).toBe(status);
    if (placed.status === 'fulfilled') expect(placed.value).toEqual(again);
  }
  expect(await audit(admin)).toEqual([]);
});

const REFUSED = { status: 'rejected', reason, orderNo: null, units: 0 };

const other = (schema: Schema): Schema => (schema === 'hot' ? 'regular' : 'hot');

async function comesToBe(sku: string, schema: Schema): Promise<void> {
  await stock(ops, await openSale(ops), { sku, schema, units: 20 });
}

it.each(SCHEMAS.flatMap((asked) => SCHEMAS.map((home) => ({ asked, home }))))(
  'a request refused in $asked while no catalogue has the SKU stays refused after the SKU is created in $home',
  async ({ asked, home }) => {
    const sku = uniqueName('nowhere');
    const all = [request(), request({ userId: 'a\u0000b' }), ...requests(3)];
    const refusal = { sku, node: 'node-1', requests: all, reason };
    expect(await refuseRequests(ops, asked, refusal)).toMatchObject(all.map(() => REFUSED));
    expect(await outcomesOf(all)).toEqual(all.map(() => 'rejected'));

    await comesToBe(sku, home);
    expect(await outcomesOf(all)).toEqual(all.map(() => 'rejected'));
    expect(await refuseRequests(ops, asked, refusal)).toMatchObject(all.map(() => REFUSED));
    // Late copies: alone, among new requests, twice in a call, and waiting for slots.
    const copies = all.filter(({ userId }) => !userId.includes('\0'));
    const [copy] = copies;
    const place = (batch: AdmittedRequest[], wait = false) =>
      placeOrders(worker, home, sku, batch, { wait });
    if (copy === undefined) throw new Error('no copy');
    expect(await place([copy])).toMatchObject([REFUSED]);
    expect(await place([copy], true)).toMatchObject([REFUSED]);
    expect(await place(copies)).toMatchObject(copies.map(() => REFUSED));
    expect(await place([request(), copy, request(), copy])).toMatchObject([
      { status: 'ordered' },
      REFUSED,
      { status: 'ordered' },
      REFUSED,
    ]);
    const [theirs] = await place([{ ...copy, userId: 'somebody-else' }]);
    expect(theirs).toMatchObject({ status: 'rejected', reason: 'request_id_taken' });
    await moveSku(ops, other(home), sku);
    expect(await place(copies)).toMatchObject(copies.map(() => REFUSED));
    expect((await unitCounts(ops)).find((one) => one.sku === sku)?.free).toBe(18);
    expect(await audit(admin)).toEqual([]);
  },
);

it.each(SCHEMAS)(
  'an id that was refused in %s belongs to the order that it was used for later',
  async (asked) => {
    const unknown = uniqueName('nowhere');
    const again = request();
    const refusal = { sku: unknown, node: 'node-1', requests: [again], reason };
    expect(await refuseRequests(ops, asked, refusal)).toMatchObject([REFUSED]);
    const sku = await stock(ops, await openSale(ops), { units: 10, schema: 'hot' });
    expect(await placeOrders(worker, 'hot', sku, [again])).toMatchObject([{ status: 'ordered' }]);
    expect(await outcomesOf([again])).toEqual(['ordered']);
    await comesToBe(unknown, other(asked));
    expect(await outcomesOf([again])).toEqual(['ordered']);
    expect(await audit(admin)).toEqual([]);
  },
);

it('a request is refused or ordered, never both, when its SKU is created at the same moment', async () => {
  let refusals = 0;
  for (let round = 0; round < 20; round += 1) {
    const sku = uniqueName('nowhere');
    const all = requests(4);
    const [told] = await Promise.all([
      refuse(sku, all),
      comesToBe(sku, 'hot').then(() => placeOrders(worker, 'hot', sku, all)),
    ]);
    const again = await placeOrders(worker, 'hot', sku, all);
    const status = new Map(again.map((one) => [one.requestId, one.status]));
    for (const one of told) expect(status.get(one.requestId)).toBe(one.status);
    refusals += told.filter((one) => one.status === 'rejected').length;
  }
  expect(refusals).toBeGreaterThan(0);
  expect(await audit(admin)).toEqual([]);
});

it('a refusal takes any word as its reason, and the audit does not take it for an order of the waitlist', async () => {
  const sku = await stock(ops, await openSale(ops), { units: 1 });
  const refusal = { sku, node: 'node-1', requests: [request()], reason: 'waited' };
  expect(await refuseRequests(ops, 'hot', refusal)).toMatchObject([{ status: 'rejected' }]);
  expect(await audit(admin)).toEqual([]);
});

it('a refusal with malformed arguments fails', async () => {
  const call = refuseRequests(ops, 'hot', { sku: 'x', node: 'n', requests: [], reason: '' });
  await expect(call).rejects.toMatchObject({ sqlstate: 'FS001' });
});
