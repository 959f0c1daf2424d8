import { afterAll, expect, it } from 'vitest';
import { actionsOnce, createSku, saleFacts } from '../../../db/calls.ts';
import { Databases } from '../../../db/client/pool.ts';
import { applySale, planOf } from '../../../ops/sale/apply.ts';
import { closeSale, extendSale, removeSaleAtOnce } from '../../../ops/sale/life.ts';
import { readPresent } from '../../../ops/sale/present.ts';
import { openTwoServers } from '../../db/two-servers.ts';
import { desiredSale, desiredSku, endedAnywhere, openPlace } from './place.ts';

/** A sale whose hot SKUs live on a second database server. */

const HOUR_MS = 3_600_000;
const ACTOR = { by: 'ann@laptop' };
const { ops, servers } = await openTwoServers();
// The console has fewer rights than the commands, and they must suffice.
const place = await openPlace(servers.as('console'));
afterAll(() => place.close());

it('ended anywhere and called again, a sale is created and changed on both servers', async () => {
  const [hot, regular] = [desiredSku(), desiredSku({ schema: 'regular' })];
  const sale = desiredSale({ skus: [hot, regular] });
  await endedAnywhere(
    place,
    (ending) => applySale(ending, sale, { actor: ACTOR }),
    async () => {},
  );
  expect(await planOf(place, sale)).toMatchObject({ changes: [], steps: [] });

  const now = Date.now();
  const wanted = {
    ...sale,
    title: 'A better sale',
    opens: { at: new Date(now + HOUR_MS / 2) },
    closes: { at: new Date(now + 9 * HOUR_MS) },
    skus: [
      { ...hot, units: 12, price: '1.00' },
      { ...regular, userLimit: 5 },
    ],
  };
  await endedAnywhere(
    place,
    (ending) => applySale(ending, wanted, { actor: ACTOR }),
    async () => {
      // The server of hot SKUs decides orders whenever the other one admits requests for them.
      const [first, second] = await saleFacts(ops, sale.sale, []);
      expect(second?.sale?.opensAt.getTime()).toBeLessThanOrEqual(
        first?.sale?.opensAt.getTime() ?? 0,
      );
      expect(second?.sale?.closesAt.getTime()).toBeGreaterThanOrEqual(
        first?.sale?.closesAt.getTime() ?? 0,
      );
    },
  );
  expect(await planOf(place, wanted)).toMatchObject({ changes: [], steps: [] });
  const [first, second] = await saleFacts(ops, sale.sale, []);
  expect(second?.sale).toEqual(first?.sale);
  expect(second?.skus.map(({ sku, abroad }) => [sku, abroad]).sort()).toEqual(
    [
      [hot.sku, false],
      [regular.sku, true],
    ].sort(),
  );
  const present = await readPresent(place, sale.sale, []);
  expect(present.skus.get(hot.sku)).toMatchObject({ unitsTotal: 12, price: '1.00', isAlike: true });

  await endedAnywhere(
    place,
    async (ending) => {
      const [one, other] = await saleFacts(ops, sale.sale, []);
      if (one?.sale ?? other?.sale) await removeSaleAtOnce(ending, sale.sale, ACTOR);
    },
    async () => {},
  );
  const gone = await readPresent(place, sale.sale, [hot.sku, regular.sku]);
  expect(gone.sale).toBeUndefined();
  expect([...gone.skus]).toEqual([]);
  expect(gone.switches.get(hot.sku)).toEqual({ quota: null, state: null, keep: null, shed: null });
});

it('ended anywhere and called again, a sale closes on both servers', async () => {
  const sale = desiredSale({ opens: { at: new Date(Date.now() - HOUR_MS) } });
  await applySale(place, sale, { actor: ACTOR });
  await endedAnywhere(
    place,
    (ending) => closeSale(ending, sale.sale, ACTOR),
    async () => {},
  );
  const [first, second] = await saleFacts(ops, sale.sale, []);
  expect(first?.sale?.closesAt.getTime()).toBeLessThanOrEqual(Date.now());
  expect(second?.sale).toEqual(first?.sale);
  await expect(closeSale(place, sale.sale, ACTOR)).rejects.toThrow('has closed at');
});

it('units that were loaded before an interruption count, whatever the file says by now', async () => {
  const sku = desiredSku({ schema: 'regular' });
  const sale = desiredSale({ skus: [] });
  await applySale(place, sale, { actor: ACTOR });
  // The entry of the other server is missing.
  const regular = ops.regular;
  await createSku(Databases.ofOne(regular), { ...sku, sale: sale.sale });
  const wanted = { ...sale, skus: [{ ...sku, units: 25 }] };
  expect((await planOf(place, wanted)).changes).toContainEqual({
    ...{ target: sku.sku, field: 'units', from: '10', to: '25' },
  });
  await applySale(place, wanted, { actor: ACTOR });
  const present = await readPresent(place, sale.sale, []);
  expect(present.skus.get(sku.sku)).toMatchObject({ unitsTotal: 25, isComplete: true });
  expect(present.switches.get(sku.sku)).toMatchObject({ quota: '25' });
  const fewer = await planOf(place, { ...sale, skus: [{ ...sku, units: 5 }] });
  expect(fewer.refused).toMatchObject([{ field: 'units', from: '25', to: '5' }]);
});

it('what was done on both servers is told once, and what was done twice, twice', async () => {
  const { sale } = desiredSale();
  await applySale(place, desiredSale({ sale, skus: [] }), { actor: ACTOR });
  const later = (present: Date) => new Date(present.getTime() + HOUR_MS);
  await extendSale(place, sale, later, ACTOR);
  await extendSale(place, sale, later, ACTOR);
  const { rows } = await actionsOnce(ops, sale);
  expect(rows.map(({ action }) => action)).toEqual(['extend', 'extend', 'create']);
});
