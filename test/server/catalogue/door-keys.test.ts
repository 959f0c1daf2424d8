import { expect, it } from 'vitest';
import { doorKeyOf } from '../../../contracts/door-code.ts';
import { DoorKeys } from '../../../server/catalogue/door-keys.ts';

/** The keys of doors on a web node, through removals and outages. */

it('are read once, and again when the sale was put on again between two looks', async () => {
  let seed = Buffer.alloc(32, 1);
  let fails = false;
  let reads = 0;
  const noted: Buffer[] = [];
  const keys = new DoorKeys({
    async doorSeed() {
      reads += 1;
      if (fails) throw new Error('away');
      return { seed, publicKey: null };
    },
    async noteDoorKey(_sale, publicKey) {
      noted.push(publicKey);
    },
  });
  const sale = (createdAtMs: number, ...sections: (Date | null)[]) => {
    const skus = sections.map((sectionMadeAt) => ({ sectionMadeAt }));
    return [{ sale: 'spring', createdAt: new Date(createdAtMs), skus }];
  };
  const section = new Date(1_000);
  await keys.refresh(sale(1, null));
  expect(keys.of('spring')).toBeUndefined();
  await keys.refresh(sale(1, null, section));
  await keys.refresh(sale(1, null, section, section));
  expect([reads, noted]).toEqual([1, [doorKeyOf(seed).publicKey]]);

  seed = Buffer.alloc(32, 2);
  fails = true;
  await expect(keys.refresh(sale(2, null, section))).rejects.toThrow('away');
  expect(keys.of('spring')).toBeUndefined();
  fails = false;
  await keys.refresh(sale(2, null, section));
  expect(keys.of('spring')?.publicKey).toEqual(doorKeyOf(seed).publicKey);
  expect(noted).toHaveLength(2);
  await keys.refresh([]);
  expect(keys.of('spring')).toBeUndefined();
});
