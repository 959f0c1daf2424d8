import { describe, expect, it } from 'vitest';
import { Ledger } from '../../../server/quota/ledger.ts';

describe('the ledger of a web node', () => {
  it('reports the smallest refused request as its need until its grant is raised', () => {
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

  it('reports a need when its grant was cut below the units that it has admitted', () => {
    const ledger = new Ledger();
    ledger.setGrant('TV', 5);
    ledger.draw('TV', 4);
    ledger.setGrant('TV', 2);
    expect(ledger.spare('TV')).toBe(0);
    expect(ledger.draw('TV', 1)).toBe(0);
    expect(ledger.report()['TV']?.need).toBe(1);
  });

  it('gives the rest to a request that accepts fewer, and reports the least that it accepts as the need', () => {
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

  it('takes refunds of units that were not taken, up to the units under way', () => {
    const ledger = new Ledger();
    ledger.setGrant('TV', 1);
    ledger.draw('TV', 1);
    ledger.refund('TV', 1);
    expect(ledger.draw('TV', 1)).toBe(1);
    ledger.decide('TV', 1);
    expect(() => ledger.refund('TV', 1)).toThrow(RangeError);
  });
});
