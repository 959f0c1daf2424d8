import { describe, expect, it } from 'vitest';
import { Ledger } from '../../../server/quota/ledger.ts';

describe('the ledger of a web node', () => {
  it('says what it is short of, the smallest refused request, until its grant is raised', () => {
    const ledger = new Ledger();
    ledger.setGrant('TV', 2);
    expect(ledger.draw('TV', 3)).toBe(0);
    expect(ledger.report()['TV']?.need).toBe(3);
    expect(ledger.draw('TV', 2)).toBe(2);
    expect(ledger.draw('TV', 1)).toBe(0);
    expect(ledger.report()['TV']).toMatchObject({ need: 1, wanted: 4 });
    ledger.setGrant('TV', 3);
    expect(ledger.report()['TV']?.need).toBe(0);
  });

  it('is short of units too when its grant was cut below what it had admitted', () => {
    const ledger = new Ledger();
    ledger.setGrant('TV', 5);
    ledger.draw('TV', 4);
    ledger.setGrant('TV', 2);
    expect(ledger.spare('TV')).toBe(0);
    expect(ledger.draw('TV', 1)).toBe(0);
    expect(ledger.report()['TV']?.need).toBe(1);
  });

  it('gives what is there to a request that takes fewer, and is short of as little as that takes', () => {
    const ledger = new Ledger();
    ledger.setGrant('TV', 2);
    expect(ledger.draw('TV', 3, 1)).toBe(2);
    expect(ledger.report()['TV']).toMatchObject({ admitted: 2, wanted: 0, need: 0 });
    expect(ledger.draw('TV', 3, 1)).toBe(0);
    expect(ledger.report()['TV']).toMatchObject({ admitted: 2, wanted: 3, need: 1 });
    ledger.decide('TV', 2);
    ledger.setGrant('TV', 7);
    expect(ledger.draw('TV', 3, 1)).toBe(3);
    ledger.refund('TV', 3);
    expect(ledger.spare('TV')).toBe(5);
  });

  it('takes back what was not taken, and no more than is under way', () => {
    const ledger = new Ledger();
    ledger.setGrant('TV', 1);
    ledger.draw('TV', 1);
    ledger.refund('TV', 1);
    expect(ledger.draw('TV', 1)).toBe(1);
    ledger.decide('TV', 1);
    expect(() => ledger.refund('TV', 1)).toThrow(RangeError);
  });
});
