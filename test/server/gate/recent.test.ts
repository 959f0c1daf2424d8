import { describe, expect, it } from 'vitest';
import { Recent } from '../../../server/gate/recent.ts';

describe('the table of recent keys', () => {
  it('is bounded, and keeps at least the newest half and the keys that are asked for again', () => {
    const recent = new Recent<number>(10);
    for (let n = 0; n < 100; n += 1) {
      recent.set(`${n}`, n);
      expect(recent.get('0')).toBe(0);
    }
    const known = Array.from({ length: 100 }, (_, n) => n).filter((n) => recent.get(`${n}`) === n);
    expect(known.length).toBeLessThanOrEqual(11);
    expect(known).toEqual(expect.arrayContaining([0, 97, 98, 99]));
  });
});
