import { afterAll, beforeAll, expect, it } from 'vitest';
import { DAILY_UNITS } from '../../../contracts/goods.ts';
import { audit, cancelOrder, restock, saleFacts, ticketKeys } from '../../../db/calls.ts';
import { DatabaseError } from '../../../db/client/errors.ts';
import { Databases, type Pool } from '../../../db/client/pool.ts';
import { Operator } from '../../../ops/quota/operator.ts';
import { applySale, planOf, SaleRefused, withSalesLock } from '../../../ops/sale/apply.ts';
import type { DesiredSku } from '../../../ops/sale/desired.ts';
import { toDesired } from '../../../ops/sale/file.ts';
import {
  ChangeRefused,
  dropOldSale,
  openSale,
  pauseSale,
  removeSaleAtOnce,
  restockSku,
} from '../../../ops/sale/life.ts';
import { readPresent } from '../../../ops/sale/present.ts';
import { fileOfPresent } from '../../../ops/sale/present-file.ts';
import type { SaleFile } from '../../../ops/sale/schema.ts';
import { pathsBelow } from '../../../zk/tree/paths.ts';
import { createDatabase, type TestDatabase } from '../../db/database.ts';
import { order } from '../../db/shop.ts';
import { desiredSale, desiredSku, endedAnywhere, openPlace, type TestPlace } from './place.ts';

/** A sale becomes what its file says, in the database and in ZooKeeper. */

const HOUR_MS = 3_600_000;
const ACTOR = { by: 'ann@laptop', reason: 'spring' };
let database: TestDatabase;
let worker: Databases;
let web: Databases;
let place: TestPlace;

beforeAll(async () => {
  database = await createDatabase();
  worker = database.as('worker');
  web = database.as('web');
  place = await openPlace(database.as('ops'));
});
afterAll(async () => {
  expect(await audit(place.databases)).toEqual([]);
  await place.close();
  await database.remove();
});

const fields = (changes: readonly { target: string; field: string }[]) =>
  changes.map(({ target, field }) => `${target} ${field}`);

async function setOf(sku: string) {
  return (await readPresent(place, '', [sku])).switches.get(sku);
}

it('a new sale is planned, applied once, and recorded', async () => {
  const sku = desiredSku({ quota: 4, keep: 0.5 });
  const sale = desiredSale({ skus: [sku], launch: 'lottery' });
  const plan = await planOf(place, sale);
  expect(plan.refused).toEqual([]);
  expect(plan.changes).toContainEqual({
    ...{ target: sku.sku, field: 'price', from: null, to: '9.95' },
  });
  expect((await saleFacts(place.databases, sale.sale, [sku.sku]))[0]).toMatchObject({
    sale: undefined,
    skus: [],
  });

  const { edits } = await applySale(place, sale, { actor: ACTOR });
  expect(edits.map(({ to }) => to)).toEqual(['0.5', 'lottery', '4', 'open']);
  const again = await planOf(place, sale);
  expect(again).toMatchObject({ changes: [], steps: [] });
  expect(await setOf(sku.sku)).toEqual({ quota: '4', state: 'open', keep: '0.5', shed: 'lottery' });
  const actions = await place.databases.regular.query({
    text: 'SELECT acted_by, action, target, reason FROM catalog.actions($1)',
    values: [sale.sale],
  });
  const by = { acted_by: 'ann@laptop', action: 'create', reason: 'spring' };
  expect(actions).toEqual([
    { ...by, target: sku.sku },
    { ...by, target: sale.sale },
  ]);
});

it('ended anywhere and called again, a new sale ends right', async () => {
  const sale = desiredSale({ skus: [desiredSku(), desiredSku({ schema: 'regular', quota: 3 })] });
  const names = sale.skus.map(({ sku }) => sku);
  const ended = await endedAnywhere(
    place,
    (ending) => applySale(ending, sale, { actor: ACTOR }),
    async () => {
      const present = await readPresent(place, sale.sale, names);
      for (const sku of names) {
        if (present.switches.get(sku)?.state !== 'open') continue;
        expect(present.skus.get(sku)).toMatchObject({ unitsTotal: 10, isComplete: true });
        expect(present.switches.get(sku)?.quota).toBe(sku === names[0] ? '10' : '3');
      }
    },
  );
  expect(ended).toBeGreaterThan(8);
  expect((await planOf(place, sale)).changes).toEqual([]);
});

it('ended anywhere and called again, a change ends right: later, more units, another SKU', async () => {
  const sku = desiredSku();
  const sale = desiredSale({ skus: [sku] });
  await applySale(place, sale, { actor: ACTOR });
  const wanted = {
    ...sale,
    title: 'A better sale',
    closes: { at: new Date(Date.now() + 9 * HOUR_MS) },
    skus: [{ ...sku, units: 25, price: '12.00', userLimit: 3 }, desiredSku()],
  };
  await endedAnywhere(
    place,
    (ending) => applySale(ending, wanted, { actor: ACTOR }),
    async () => {},
  );
  expect((await planOf(place, wanted)).changes).toEqual([]);
  expect(await setOf(sku.sku)).toMatchObject({ quota: '25', state: 'open' });
  const [facts] = await saleFacts(place.databases, sale.sale, []);
  expect(facts?.skus.find((one) => one.sku === sku.sku)).toMatchObject({
    ...{ unitsTotal: 25, price: '12.00', userLimit: 3 },
  });
});

it('what the file leaves out stays: operators’ values, relative times, SKUs', async () => {
  const [sku, other] = [desiredSku(), desiredSku()];
  const sale = desiredSale({ skus: [sku, other], opens: { afterMs: HOUR_MS } });
  await applySale(place, sale, { actor: ACTOR });
  const paths = pathsBelow(place.root).sku(sku.sku);
  await place.session.set(paths.quota, '7', -1);
  await place.session.set(paths.state, 'paused', -1);
  const plan = await planOf(place, { ...sale, skus: [{ ...sku, units: 12 }] });
  expect(fields(plan.changes)).toEqual([`${sku.sku} units`]);
  expect(plan.notes).toEqual([
    `the quota of ${sku.sku} stays at 7, because it was set below the units`,
    `${other.sku} is on sale but not in the file: it stays as it is`,
  ]);
  const untouched = { ...sale, title: 'Other', skus: [{ ...sku, units: 99, price: '1.00' }] };
  const { plan: missing } = await applySale(place, untouched, { actor: ACTOR, onlyMissing: true });
  expect(missing).toMatchObject({ changes: [], steps: [] });
});

it('what cannot be is refused with its reason, and nothing is changed', async () => {
  const [sku, taken] = [desiredSku({ userLimit: 3 }), desiredSku()];
  const sale = desiredSale({ skus: [sku], opens: { at: new Date(Date.now() - HOUR_MS) } });
  await applySale(place, sale, { actor: ACTOR });
  await applySale(place, desiredSale({ skus: [taken] }), { actor: ACTOR });
  await ticketKeys(web, sale.sale);
  const orderNo = await order(worker, sku.sku, { userId: 'ben', units: 2 });
  await restock(place.databases, 'hot', sku.sku, 5);

  const wanted = {
    ...sale,
    title: 'Fine by itself',
    opens: { at: new Date(Date.now() + HOUR_MS) },
    closes: { at: new Date(Date.now() - HOUR_MS / 2) },
    skus: [
      {
        ...sku,
        price: '1.00',
        currency: 'USD',
        userLimit: 1,
        units: 12,
        schema: 'regular' as const,
      },
      taken,
    ],
  };
  const plan = await planOf(place, wanted);
  expect(plan.refused.map(({ target, field, reason }) => [target, field, reason])).toEqual([
    [
      sale.sale,
      'opens',
      expect.stringMatching(/^the sale has opened, .*: write \S+Z into the file/),
    ],
    [sale.sale, 'closes', 'the sale would close before it opens'],
    [sku.sku, 'home', expect.stringContaining(`flashsale db move-sku ${sku.sku} regular`)],
    [sku.sku, 'price', 'the SKU has orders at the present price'],
    [sku.sku, 'currency', 'the SKU has orders at the present price'],
    [sku.sku, 'limit', 'a user holds 2 units'],
    [sku.sku, 'units', expect.stringContaining('15 units are loaded')],
    [taken.sku, 'sale', expect.stringContaining('a SKU belongs to one sale')],
  ]);
  expect(fields(plan.changes)).toEqual([`${sale.sale} title`]);
  await expect(applySale(place, wanted, { actor: ACTOR })).rejects.toThrow(SaleRefused);
  const [facts] = await saleFacts(place.databases, sale.sale, []);
  expect(facts?.sale?.title).toBe('A sale');

  // An order that was cancelled was made at that price as well. The units that it held are free.
  await cancelOrder(web, orderNo, 'ben');
  const cheaper = { ...sale, skus: [{ ...sku, price: '1.00', units: 15, userLimit: 1 }] };
  expect(fields((await planOf(place, cheaper)).refused)).toEqual([`${sku.sku} price`]);
});

it('a pot of money is divided once, and what it is made of stays', async () => {
  const list = ['1.00', '2.50', '2.50'];
  const pots = [{ division: 'random' as const }, { division: list }].map((one) =>
    desiredSku({ price: '0.00', units: 3, pot: { amount: '6.00', packets: 3, ...one } }),
  );
  const sale = desiredSale({ skus: pots });
  await applySale(place, sale, { actor: ACTOR });
  expect(await planOf(place, sale)).toMatchObject({ changes: [], refused: [], steps: [] });
  const file = fileOfPresent(sale.sale, await readPresent(place, sale.sale, []));
  const read = new Map(toDesired(file as SaleFile).skus.map((sku) => [sku.sku, sku]));
  for (const { sku, pot } of pots) expect(read.get(sku)).toMatchObject({ units: 3, pot });

  const [first, second] = pots as [DesiredSku, DesiredSku];
  const wanted = desiredSale({
    ...sale,
    skus: [
      {
        ...first,
        currency: 'USD',
        units: 4,
        pot: { amount: '8.00', packets: 4, division: 'equal' },
      },
      { ...second, pot: { amount: '6.00', packets: 3, division: ['1.00', '2.00', '3.00'] } },
    ],
  });
  const { refused } = await planOf(place, wanted);
  expect(fields(refused)).toEqual([
    ...['currency', 'pot.amount', 'pot.packets', 'pot.division'].map(
      (field) => `${first.sku} ${field}`,
    ),
    `${second.sku} pot.division`,
  ]);
});

it('a section is made once, and its seats stay', async () => {
  const seats = [
    { row: '1', from: 1, to: 3 },
    { row: '2', from: 1, to: 2 },
  ];
  const hall = desiredSku({ units: 5, section: { seats, singles: 'avoid' } });
  const sale = desiredSale({ skus: [hall] });
  await applySale(place, sale, { actor: ACTOR });
  expect(await planOf(place, sale)).toMatchObject({ changes: [], refused: [], steps: [] });
  const file = fileOfPresent(sale.sale, await readPresent(place, sale.sale, []));
  const [read] = toDesired(file as SaleFile).skus;
  expect(read).toMatchObject({ units: 5, section: { seats, singles: 'avoid' } });
  const other = {
    ...hall,
    units: 3,
    section: { seats: seats.slice(0, 1), singles: 'allow' as const },
  };
  const { refused } = await planOf(place, desiredSale({ ...sale, skus: [other] }));
  expect(fields(refused)).toEqual(['units', 'seats', 'singles'].map((one) => `${hall.sku} ${one}`));
});

it('a pause ends where it began: a SKU that an operator has closed stays closed', async () => {
  const [open, closed] = [desiredSku(), desiredSku()];
  const { sale } = desiredSale({ skus: [open, closed] });
  await applySale(place, desiredSale({ sale, skus: [open, closed] }), { actor: ACTOR });
  await place.session.set(pathsBelow(place.root).sku(closed.sku).state, 'closed', -1);
  await pauseSale(place, sale, ACTOR);
  expect(await setOf(open.sku)).toMatchObject({ state: 'paused' });
  expect(await setOf(closed.sku)).toMatchObject({ state: 'closed' });
  await openSale(place, sale, ACTOR);
  expect(await setOf(open.sku)).toMatchObject({ state: 'open' });
  expect(await setOf(closed.sku)).toMatchObject({ state: 'closed' });
});

it('applies at the same time happen one after the other', async () => {
  const sku = desiredSku({ units: 5 });
  const sale = desiredSale({ skus: [sku] });
  const more = [10, 20, 30, 40].map((units) => ({ ...sale, skus: [{ ...sku, units }] }));
  await applySale(place, sale, { actor: ACTOR });
  const done = await Promise.allSettled(more.map((one) => applySale(place, one, { actor: ACTOR })));
  // One that comes after a larger one is refused, since units cannot be taken away.
  const refused = done.flatMap((one) => (one.status === 'rejected' ? [one.reason] : []));
  expect(refused.filter((error) => !(error instanceof SaleRefused))).toEqual([]);
  const [facts] = await saleFacts(place.databases, sale.sale, []);
  expect(facts?.skus[0]?.unitsTotal).toBe(40);
});

it('a lock that the work meets does not repeat the work: a part of it may be done', async () => {
  let calls = 0;
  const work = async () => {
    calls += 1;
    throw new DatabaseError('retry', 'a row is locked', '55P03');
  };
  await expect(withSalesLock(place, work)).rejects.toThrow('a row is locked');
  expect(calls).toBe(1);
});

it('ended anywhere and called again, a restock adds its units once', async () => {
  const sku = desiredSku();
  await applySale(place, desiredSale({ skus: [sku] }), { actor: ACTOR });
  await endedAnywhere(
    place,
    (ending) => restockSku(ending, sku.sku, 5, ACTOR),
    async () => {},
  );
  expect(await setOf(sku.sku)).toMatchObject({ quota: '15' });
  const [facts] = await saleFacts(place.databases, '', [sku.sku]);
  expect(facts?.skus).toMatchObject([{ unitsTotal: 15 }]);
  const cut: Pool = {
    ...place.databases.home('hot'),
    query: async (statement) => {
      if (statement.text.includes('.restock(')) throw new DatabaseError('refused', 'no more');
      return place.databases.home('hot').query(statement) as never;
    },
  };
  const failing = { ...place, databases: Databases.ofOne(cut) };
  await expect(restockSku(failing, sku.sku, 5, ACTOR)).rejects.toThrow(
    `no more. The quota of ${sku.sku} was raised from 15 to 20; no units were added`,
  );
});

it('goods of which there are no more are not restocked, and keep their quota', async () => {
  const free = { price: '0.00', userLimit: 1 };
  const section = { seats: [{ row: '1', from: 1, to: 10 }], singles: 'avoid' } as const;
  const skus = [
    desiredSku({ ...free, zone: 'Europe/Berlin', units: DAILY_UNITS, quota: 100 }),
    desiredSku({ ...free, pot: { amount: '9.00', packets: 10, division: 'equal' } }),
    desiredSku({ section }),
  ];
  await applySale(place, desiredSale({ skus }), { actor: ACTOR });
  for (const { sku } of skus) {
    const before = await setOf(sku);
    await expect(restockSku(place, sku, 5, ACTOR)).rejects.toThrow(ChangeRefused);
    expect(await setOf(sku)).toEqual(before);
  }
});

it('edits have their reason in the history, also those of a sale that opens before its time', async () => {
  const sku = desiredSku();
  const file = desiredSale({ skus: [sku], opens: { at: new Date(Date.now() + HOUR_MS) } });
  const { sale } = file;
  await applySale(place, file, { actor: ACTOR });
  await pauseSale(place, sale, { by: 'bob@shop', reason: 'wait' });
  const { done } = await openSale(place, sale, { by: 'bob@shop', reason: 'now' });
  // Shoppers have tickets from now on.
  await ticketKeys(web, sale);
  const [, openedAt = ''] = /write (\S+) into its file/.exec(done.join('\n')) ?? [];
  expect(fields((await planOf(place, file)).refused)).toContain(`${sale} opens`);
  const mended = { ...file, opens: { at: new Date(openedAt) } };
  expect(await planOf(place, mended)).toMatchObject({ refused: [], changes: [] });
  const paths = pathsBelow(place.root);
  const history = await new Operator(place.session, paths, 'test').history();
  const edits = history.filter(({ path }) => path === paths.sku(sku.sku).state);
  expect(edits.map(({ why, to }) => [why, to])).toEqual([
    ['spring', 'open'],
    ['wait', 'paused'],
    ['now', 'open'],
  ]);
  const actions = await place.databases.regular.query({
    text: `SELECT action, details FROM catalog.actions($1) WHERE acted_by = 'bob@shop'`,
    values: [sale],
  });
  const path = paths.sku(sku.sku).state;
  expect(actions).toEqual([
    { action: 'open', details: { [path]: { from: 'paused', to: 'open' } } },
    { action: 'open', details: { opens_at: expect.anything() } },
    { action: 'pause', details: { [path]: { from: 'open', to: 'paused' } } },
  ]);
});

it('a sale that is about to open is not removed, so that it does not open without a quota', async () => {
  const sku = desiredSku();
  const sale = desiredSale({ skus: [sku], opens: { at: new Date(Date.now() + 30_000) } });
  await applySale(place, sale, { actor: ACTOR });
  await expect(removeSaleAtOnce(place, sale.sale, ACTOR)).rejects.toThrow(
    /opens in less than a minute|has opened/,
  );
  expect(await setOf(sku.sku)).toMatchObject({ quota: '10', state: 'open' });
});

it('an old sale leaves ZooKeeper with its SKUs; one that is not over keeps them', async () => {
  const skus = [desiredSku(), desiredSku({ schema: 'regular' })];
  const { sale } = desiredSale({ skus });
  await applySale(place, desiredSale({ sale, skus }), { actor: ACTOR });
  const left = async () =>
    (await Promise.all(skus.map(({ sku }) => setOf(sku)))).map((one) => one?.quota);
  await expect(dropOldSale(place, sale)).rejects.toMatchObject({ sqlstate: 'FS001' });
  expect(await left()).toEqual(['10', '10']);
  await database.admin.query({
    text: `UPDATE catalog.sale SET opens_at = now() - interval '2 hours', closes_at = now() - interval '1 hour'
           WHERE sale = $1`,
    values: [sale],
  });
  await dropOldSale(place, sale);
  expect(await left()).toEqual([null, null]);
  await expect(dropOldSale(place, sale)).rejects.toMatchObject({ sqlstate: 'FS002' });
});
