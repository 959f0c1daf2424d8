import { expect, test } from 'vitest';
import { byPosition, decodeCursor, encodeCursor, toPage } from '../../contracts/cursor.ts';
import fc from '../properties.ts';

const positions = fc
  .tuple(
    fc.integer({ min: Date.UTC(2020, 0, 1), max: Date.UTC(2090, 0, 1) }),
    fc.integer({ min: 0, max: 999 }),
    fc.bigInt({ min: 1n, max: 10n ** 18n - 1n }),
  )
  .map(([ms, micros, no]) => ({
    at: new Date(ms).toISOString().replace('Z', `${String(micros).padStart(3, '0')}Z`),
    no: String(no),
  }));

test('a cursor decodes to its position, for its own listing only', () => {
  fc.assert(
    fc.property(positions, fc.string(), fc.string(), (position, listing, other) => {
      const cursor = encodeCursor(listing, position);
      expect(cursor).toMatch(/^[\w-]+$/);
      expect(decodeCursor(listing, cursor)).toEqual(position);
      if (other !== listing) expect(decodeCursor(other, cursor)).toBeUndefined();
    }),
  );
});

test('a cursor with a changed character is refused', () => {
  const character = fc.constantFrom(...'ABCxyz019-_=+/ .');
  fc.assert(
    fc.property(positions, fc.nat(), character, (position, place, char) => {
      const cursor = encodeCursor('orders', position);
      const at = place % (cursor.length + 1);
      const changed = cursor.slice(0, at) + char + cursor.slice(at + 1);
      if (changed !== cursor) expect(decodeCursor('orders', changed)).toBeUndefined();
      expect(decodeCursor('orders', cursor.slice(0, at))).toEqual(
        at < cursor.length ? undefined : position,
      );
    }),
  );
});

test('rows are sorted whatever their input order, and a page says whether more follow', () => {
  const rows = fc.uniqueArray(positions, {
    selector: ({ at, no }) => `${at} ${no}`,
    maxLength: 40,
  });
  fc.assert(
    fc.property(rows, fc.integer({ min: 1, max: 50 }), (all, limit) => {
      const found = all.map((position) => ({ position }));
      const page = toPage(found, limit);
      expect(toPage(found.toReversed(), limit)).toEqual(page);
      expect(page.rows).toHaveLength(Math.min(limit, all.length));
      expect(page.next).toEqual(all.length > limit ? page.rows.at(-1)?.position : undefined);
      for (const [index, { position }] of page.rows.entries()) {
        const before = page.rows[index - 1];
        if (before) expect(byPosition(before.position, position)).toBe(-1);
      }
    }),
  );
});
