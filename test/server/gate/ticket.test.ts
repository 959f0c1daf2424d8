import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { isRequestId } from '../../../contracts/ids.ts';
import { issueTicket, parseTicket, verifyTicket } from '../../../server/gate/ticket.ts';
import fc from '../../properties.ts';

const key = randomBytes(32);
const owner = { sale: 'demo', userId: 'ada' };
const NOW = Date.parse('2026-11-27T10:00:00Z');
const EXPIRY = NOW + 10_000;

function parsed(text: string) {
  const ticket = parseTicket(text);
  if (ticket === undefined) throw new Error(`not a ticket: ${text}`);
  return ticket;
}

describe('a ticket', () => {
  it('is valid for its user, sale and SKU until it expires', () => {
    const ticket = parsed(issueTicket(key, owner, 'TV', EXPIRY));
    expect(ticket.sku).toBe('TV');
    expect(isRequestId(ticket.id)).toBe(true);
    // Version 7: it begins with the time.
    expect(ticket.id[14]).toBe('7');
    expect(verifyTicket(key, owner, ticket, NOW)).toBe(true);
    expect(verifyTicket(key, owner, ticket, EXPIRY)).toBe(false);
    expect(verifyTicket(key, { ...owner, userId: 'bob' }, ticket, NOW)).toBe(false);
    expect(verifyTicket(key, { ...owner, sale: 'other' }, ticket, NOW)).toBe(false);
    expect(verifyTicket(randomBytes(32), owner, ticket, NOW)).toBe(false);
    expect(verifyTicket(key, owner, { ...ticket, sku: 'Phone' }, NOW)).toBe(false);
    expect(verifyTicket(key, owner, { ...ticket, expiresAtMs: EXPIRY + 1 }, NOW)).toBe(false);
  });

  it('is invalid with any one character changed', () => {
    const text = issueTicket(key, owner, 'TV', EXPIRY);
    fc.assert(
      fc.property(fc.nat(text.length - 1), fc.constantFrom(...'0aZ-_.'), (at, character) => {
        const changed = text.slice(0, at) + character + text.slice(at + 1);
        fc.pre(changed !== text);
        const ticket = parseTicket(changed);
        expect(ticket !== undefined && verifyTicket(key, owner, ticket, NOW)).toBe(false);
      }),
    );
  });

  it('is not read from any other text', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 300 }), (text) => parseTicket(text) === undefined),
    );
    expect(parseTicket('../.12345678.00.x')).toBeUndefined();
  });
});
