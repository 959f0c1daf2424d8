import { afterAll, expect, it } from 'vitest';
import { saleFacts } from '../../../db/calls.ts';
import { applySale, planOf } from '../../../ops/sale/apply.ts';
import { removeSaleAtOnce } from '../../../ops/sale/life.ts';
import { readPresent } from '../../../ops/sale/present.ts';
import { openTwoServers } from '../../db/two-servers.ts';
import { desiredSale, desiredSku, endedAnywhere, openPlace } from './place.ts';

/** A sale whose hot SKUs live on a second database server. */

const HOUR_MS = 3_600_000;
const ACTOR = { by: 'ann@laptop' };
const { ops } = await openTwoServers();
const place = await openPlace(ops);
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
