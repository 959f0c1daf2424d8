import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { TicketKey } from '../../../db/ticket-keys.ts';
import { TicketKeys } from '../../../server/catalogue/ticket-keys.ts';
import { issueTicket } from '../../../server/gate/ticket.ts';
import { openWebNode, type WebNode } from '../web-node.ts';

/** Keys of tickets are replaced and revoked while the sale runs. */

const HOUR_MS = 3_600_000;
const keyOf = (id: number, changes: Partial<TicketKey> = {}): TicketKey => ({
  id,
  key: randomBytes(32),
  retiredAt: undefined,
  isRevoked: false,
  ...changes,
});

let node: WebNode;
beforeEach(async () => {
  node = await openWebNode();
});
afterEach(async () => {
  vi.useRealTimers();
  await node.close();
});

async function rotate(changes: Partial<TicketKey>, next = keyOf(node.world.ticketKeys.length + 1)) {
  const { world } = node;
  const all = world.ticketKeys.map((key) => ({ ...key, retiredAt: new Date(), ...changes }));
  world.ticketKeys = [...all, next];
  world.ticketEpoch += 1;
  await node.refresh();
  return next;
}

const headersOf = (user: string) => ({ authorization: `Bearer ${node.tokenOf(user)}` });

async function ticketFor(user: string): Promise<string> {
  const url = '/api/v1/sales/demo/tickets';
  const payload = { sku: 'TV' };
  const answer = await node.app.inject({ method: 'POST', url, headers: headersOf(user), payload });
  expect(answer.statusCode).toBe(201);
  return answer.json().ticket;
}

const press = (user: string, ticket: string) =>
  node.app.inject({
    method: 'POST',
    url: `/api/v1/buy/${ticket}`,
    headers: headersOf(user),
    payload: { quantity: 1 },
  });

describe('a rotation', () => {
  it('leaves tickets of the earlier key valid until they expire', async () => {
    const [before, other] = [await ticketFor('ada'), await ticketFor('bob')];
    const next = await rotate({});
    expect((await press('ada', before)).statusCode).toBe(202);
    const after = await ticketFor('eve');
    expect((await press('eve', after)).statusCode).toBe(202);
    const forged = issueTicket(
      next.key,
      { sale: 'demo', userId: 'mal' },
      'TV',
      Date.now() + HOUR_MS,
    );
    expect((await press('mal', forged)).statusCode).toBe(202);
    // The earlier key signs no more: a ticket that it signs much later is invalid.
    await rotate({ retiredAt: new Date(Date.now() - HOUR_MS) });
    expect((await press('bob', other)).json().verdict).toBe('ticket_invalid');
  });

  it('is used for new tickets only after the other nodes can know it', async () => {
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() });
    const { ticketKey, config } = node;
    const { identity } = config;
    const jwtSecret = identity.kind === 'secret' ? identity.secret : '';
    const behind = await openWebNode({ ticketKey, jwtSecret });
    const next = await rotate({});
    const ticket = await ticketFor('ada');
    const answer = await behind.app.inject({
      method: 'POST',
      url: `/api/v1/buy/${ticket}`,
      headers: headersOf('ada'),
      payload: { quantity: 1 },
    });
    expect(answer.statusCode).toBe(202);
    const { ticketKeys } = node.context.catalogue;
    const signing = (nowMs: number) => ticketKeys.signing('demo', nowMs)?.export();
    expect(signing(Date.now())).toEqual(ticketKey);
    expect(signing(Date.now() + 3_000)).toEqual(next.key);
    await behind.close();
  });

  it('with a revocation makes tickets of the leaked key invalid at once', async () => {
    const leaked = await ticketFor('ada');
    await rotate({ isRevoked: true });
    expect((await press('ada', leaked)).json().verdict).toBe('ticket_invalid');
    expect((await press('ada', await ticketFor('ada'))).statusCode).toBe(202);
  });

  it('makes no node that knows no key yet call a ticket invalid', async () => {
    const late = await openWebNode({ ticketKey: node.ticketKey, withoutTicketKeys: true });
    const buy = () =>
      late.app.inject({
        method: 'POST',
        url: `/api/v1/buy/${late.ticketOf('ada')}`,
        headers: { authorization: `Bearer ${late.tokenOf('ada')}` },
        payload: { quantity: 1 },
      });
    const early = await buy();
    expect([early.statusCode, early.json().verdict]).toEqual([503, 'overloaded']);
    expect(early.headers['retry-after']).toBe('1');
    expect(late.world.drawn).toBe(0);
    late.world.ticketKeys = node.world.ticketKeys;
    late.world.ticketEpoch += 1;
    await late.refresh();
    expect((await buy()).statusCode).toBe(202);
    await late.close();
  });

  it('keeps receipts valid, so that accepted requests stay known', async () => {
    const taken = await press('ada', await ticketFor('ada'));
    const { statusUrl } = taken.json();
    await rotate({ isRevoked: true });
    const receipt = statusUrl.split('~')[1];
    const known = await node.app.inject({ url: statusUrl, headers: headersOf('ada') });
    expect([known.statusCode, known.json().status]).toEqual([200, 'queued']);
    expect(receipt).toBeDefined();
  });
});

describe('the keys of a node', () => {
  const sale = (ticketEpoch: number) => ({
    sale: 'demo',
    createdAt: new Date(0),
    opensAt: new Date(0),
    closesAt: new Date(Date.now() + HOUR_MS),
    ticketEpoch,
  });

  it('are requested once by all callers at the opening, and again only after a change', async () => {
    let asked = 0;
    const keys = new TicketKeys(async () => {
      asked += 1;
      return [keyOf(1)];
    }, 1_000);
    const got = await Promise.all(
      Array.from({ length: 100 }, () => keys.signingNow('demo', Date.now())),
    );
    expect(new Set(got).size).toBe(1);
    expect(asked).toBe(1);
    for (let i = 0; i < 5; i += 1) await keys.refresh([sale(1)], Date.now());
    expect(asked).toBe(2);
    await keys.refresh([sale(2)], Date.now());
    expect(asked).toBe(3);
    for (let i = 0; i < 100; i += 1) await keys.signingNow('demo', Date.now());
    expect(asked).toBe(3);
  });

  it('are kept while the database does not answer', async () => {
    let works = true;
    const keys = new TicketKeys(async () => {
      if (!works) throw new Error('down');
      return [keyOf(1)];
    }, 1_000);
    await keys.refresh([sale(1)], Date.now());
    const before = keys.signing('demo', Date.now());
    works = false;
    await expect(keys.refresh([sale(2)], Date.now())).rejects.toThrow('down');
    expect(keys.signing('demo', Date.now())).toBe(before);
    works = true;
    await keys.refresh([sale(2)], Date.now());
    expect(keys.signing('demo', Date.now())).not.toBe(before);
  });
});
