import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createLog } from '../../../process/log.ts';
import { Catalogue, type SkuOnSale, type SwitchState } from '../../../server/catalogue.ts';
import { Cooldown } from '../../../server/gate/cooldown.ts';
import { Gate } from '../../../server/gate/gate.ts';
import { Limits } from '../../../server/gate/limits.ts';
import { RiskWatch } from '../../../server/gate/risk.ts';
import { issueTicket, parseTicket, type Ticket } from '../../../server/gate/ticket.ts';
import { UsedTickets } from '../../../server/gate/used-tickets.ts';
import { Problem } from '../../../server/problems.ts';
import { rowOnSale } from '../web-node.ts';

const log = createLog('test', 'silent');
const key = randomBytes(32);
const HOUR_MS = 3_600_000;
const secret = randomBytes(32);
const lottery = async () => ({ secretSha256: randomBytes(32), secret, isPublic: false });

describe('the gate', () => {
  let row: SkuOnSale;
  let state: SwitchState;
  let keep: number;
  let shed: 'random' | 'lottery';
  let random: number;
  let brokerAvailable: boolean;
  let drawn: number;
  let catalogue: Catalogue;
  let gate: Gate;

  /** Everything that can be refused is refused at once; tests mend one after the other. */
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['performance', 'Date'] });
    row = rowOnSale();
    state = 'open';
    keep = 1;
    shed = 'random';
    random = 0.5;
    brokerAvailable = true;
    drawn = 0;
  });

  afterEach(() => void vi.useRealTimers());

  async function open(): Promise<Gate> {
    const { sale, opensAt, closesAt } = row;
    const board = async () => ({
      serverTime: new Date(),
      sales: [
        {
          sale,
          title: 'Demo',
          opensAt,
          closesAt,
          payWindowSeconds: 900,
          ticketEpoch: 1,
          skus: [row],
        },
      ],
      missing: [],
    });
    const source = {
      board,
      ticketKeys: async () => [{ id: 1, key, retiredAt: undefined, isRevoked: false }],
      lottery,
    };
    catalogue = new Catalogue(
      source,
      { state: () => state, keep: () => keep, quota: () => undefined, shed: () => shed },
      log,
      10_000,
    );
    await catalogue.start();
    catalogue.stop();
    const limits = new Limits({
      ipPerSecond: 100,
      userPerSecond: 100,
      ticketPerSecond: 3,
      ownPerSecond: 20,
    });
    gate = new Gate({
      catalogue,
      cooldown: new Cooldown(10),
      limits,
      watch: new RiskWatch(limits, 10_000),
      usedTickets: new UsedTickets(),
      identity: { userOf: (authorization) => authorization },
      allotment: {
        pressed() {},
        keep: () => keep,
        shed: () => shed,
        lists: { isBlocked: () => false, isAllowed: () => false },
        draw(_sku, units) {
          if (drawn + units > 1) return { drawn: false, verdict: 'quota_spent' };
          drawn += units;
          return { drawn: true, node: 'web-1', units };
        },
      },
      overload: () => (brokerAvailable ? undefined : 'broker'),
      random: () => random,
    });
    return gate;
  }

  const looked = async () => {
    const look = (await open()).look('TV', { headers: {} });
    return look.passed ? 'passed' : look.verdict;
  };

  it('asks in its order: state, sold out, shed, broker', async () => {
    row = rowOnSale({ opensAt: new Date(Date.now() + HOUR_MS), free: 0 });
    [state, keep, brokerAvailable] = ['paused', 0, false];
    expect(await looked()).toBe('not_open');
    row = rowOnSale({ free: 0 });
    expect(await looked()).toBe('paused');
    state = 'closed';
    expect(await looked()).toBe('closed');
    state = 'open';
    expect(await looked()).toBe('sold_out');
    row = rowOnSale();
    expect(await looked()).toBe('shed');
    keep = 1;
    expect(await looked()).toBe('overloaded');
    brokerAvailable = true;
    expect(await looked()).toBe('passed');
    row = rowOnSale({ closesAt: new Date(Date.now() - 1) });
    expect(await looked()).toBe('closed');
  });

  it('does not say sold out while unpaid orders may give units back', async () => {
    row = rowOnSale({ free: 0, unpaidExists: true });
    expect(await looked()).toBe('passed');
    expect(catalogue.availability(row)).toBe('maybe');
  });

  it('keeps exactly what is below the kept share', async () => {
    keep = 0.1;
    random = 0.0999;
    expect(await looked()).toBe('passed');
    random = 0.1;
    expect(await looked()).toBe('shed');
  });

  it('refuses an unknown SKU as a ticket that cannot be', async () => {
    expect((await open()).look('Car', { headers: {} })).toEqual({
      passed: false,
      verdict: 'ticket_invalid',
    });
  });

  const visitor = (userId: string) => ({ userId, ip: '192.0.2.1', agent: undefined });

  const verdictOf = (act: () => unknown) => {
    try {
      act();
      return 'passed';
    } catch (error) {
      return error instanceof Problem ? error.verdict : error;
    }
  };

  it('draws once a cooldown, and a refused draw starts none', async () => {
    await open();
    const owner = { sale: 'demo', userId: 'ada' };
    const soon = Date.now() + 10_000;
    const ofWeb1 = { node: 'web-1', units: 1 };
    const text = issueTicket(key, owner, 'TV', soon);
    const ticket = parseTicket(text) as Ticket;
    expect(verdictOf(() => gate.check(row, ticket, 'bob'))).toBe('ticket_invalid');
    expect(verdictOf(() => gate.check(row, ticket, 'ada'))).toBe('passed');
    expect(gate.draw(row, ticket, { quantity: 1 }, visitor('ada'))).toMatchObject(ofWeb1);
    expect(verdictOf(() => gate.check(row, ticket, 'ada'))).toBe('cooldown');
    expect(verdictOf(() => gate.draw(row, ticket, { quantity: 1 }, visitor('ada')))).toBe(
      'cooldown',
    );
    expect(verdictOf(() => gate.draw(row, ticket, { quantity: 1 }, visitor('bob')))).toBe(
      'ticket_invalid',
    );
    const other = parseTicket(issueTicket(key, { sale: 'demo', userId: 'bob' }, 'TV', soon));
    expect(verdictOf(() => gate.draw(row, other as Ticket, { quantity: 1 }, visitor('bob')))).toBe(
      'quota_spent',
    );
    drawn = 0;
    expect(gate.draw(row, other as Ticket, { quantity: 1 }, visitor('bob'))).toMatchObject(ofWeb1);
    gate.undo((other as Ticket).id, 'bob');
    drawn = 0;
    expect(gate.draw(row, other as Ticket, { quantity: 1 }, visitor('bob'))).toMatchObject(ofWeb1);
  });
});
