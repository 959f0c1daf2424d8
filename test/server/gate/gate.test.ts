import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createLog } from '../../../process/log.ts';
import { Catalogue, type SkuOnSale, type SwitchState } from '../../../server/catalogue.ts';
import { Cooldown } from '../../../server/gate/cooldown.ts';
import { Gate } from '../../../server/gate/gate.ts';
import { Limits } from '../../../server/gate/limits.ts';
import type { Claim } from '../../../server/gate/press.ts';
import { RiskWatch } from '../../../server/gate/risk.ts';
import { ORDER, type SlowStep } from '../../../server/gate/steps.ts';
import { issueTicket, parseTicket, type Ticket } from '../../../server/gate/ticket.ts';
import { UsedTickets } from '../../../server/gate/used-tickets.ts';
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
  let blocked: boolean;
  let allowed: boolean;
  let cooldown: Cooldown;
  let usedTickets: UsedTickets;
  let limits: Limits;
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
    [blocked, allowed] = [false, false];
    [cooldown, usedTickets] = [new Cooldown(10), new UsedTickets()];
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
    limits = new Limits({
      ipPerSecond: 100,
      userPerSecond: 100,
      ticketPerSecond: 3,
      ownPerSecond: 20,
    });
    gate = new Gate({
      catalogue,
      cooldown,
      limits,
      watch: new RiskWatch(limits, 10_000),
      usedTickets,
      identity: { userOf: (authorization) => authorization },
      allotment: {
        pressed() {},
        keep: () => keep,
        shed: () => shed,
        lists: { isBlocked: () => blocked, isAllowed: () => allowed },
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
    const refusal = (await open()).look({ sku: 'TV', request: {} as IncomingMessage });
    return refusal?.verdict ?? 'passed';
  };

  /** A press that nothing is wrong with, as far as it has come. */
  function claimOf(userId: string, ticket = ticketOf(userId)): Claim {
    const request = Object.assign(Readable.from(['{"quantity":1}']), {
      headers: { authorization: userId, 'content-type': 'application/json' },
    });
    return {
      request: request as unknown as IncomingMessage,
      sku: 'TV',
      ticket,
      row,
      requestId: ticket.id,
      isTaken: false,
      isRepeated: false,
      ip: '192.0.2.1',
      agent: undefined,
      userId,
      purchase: { quantity: 1 },
      drawn: { node: '', units: 0 },
    };
  }

  const ticketOf = (userId: string) =>
    parseTicket(issueTicket(key, { sale: 'demo', userId }, 'TV', Date.now() + 10_000)) as Ticket;

  const exhaust = (take: () => number) => {
    while (take() === 0);
  };

  /** What makes each step refuse a press of ada's, with its verdict; and what ends it. */
  interface Cause {
    readonly verdict: string;
    begin(claim: Claim): void;
    /** Another claim, if it is the press that was wrong. */
    end(claim: Claim): Claim | undefined | Promise<undefined>;
  }
  const setRow = (changes: Partial<SkuOnSale>) => {
    row = rowOnSale(changes);
  };
  const restarted = async () => {
    setRow({});
    await catalogue.start();
    catalogue.stop();
    return undefined;
  };
  const CAUSES: Record<string, Cause> = {
    state: {
      verdict: 'paused',
      begin: () => {
        state = 'paused';
      },
      end: () => {
        state = 'open';
      },
    },
    soldOut: { verdict: 'sold_out', begin: () => setRow({ free: 0 }), end: restarted },
    shed: {
      verdict: 'shed',
      begin: () => {
        keep = 0;
      },
      end: () => {
        keep = 1;
      },
    },
    overload: {
      verdict: 'overloaded',
      begin: () => {
        brokerAvailable = false;
      },
      end: () => {
        brokerAvailable = true;
      },
    },
    addressLimit: {
      verdict: 'rate_limited',
      begin: ({ ip }) => exhaust(() => limits.takeIp(ip)),
      end: () => {
        allowed = true;
      },
    },
    who: {
      verdict: 'unauthenticated',
      begin: ({ request }) => void delete request.headers.authorization,
      end: ({ request }) => {
        request.headers.authorization = 'ada';
      },
    },
    block: {
      verdict: 'blocked',
      begin: () => {
        blocked = true;
      },
      end: () => {
        blocked = false;
      },
    },
    userLimit: {
      verdict: 'rate_limited',
      begin: () => exhaust(() => limits.takeUser('ada')),
      end: () => {
        allowed = true;
      },
    },
    lottery: {
      verdict: 'shed',
      begin: () => {
        [shed, keep] = ['lottery', 0];
      },
      end: () => {
        keep = 1;
      },
    },
    ticketLimit: {
      verdict: 'rate_limited',
      begin: ({ ticket }) => exhaust(() => limits.takeTicket(ticket.id)),
      end: () => void vi.advanceTimersByTime(1_000),
    },
    cooldown: {
      verdict: 'cooldown',
      begin: () => cooldown.start('ada', catalogue.nowMs()),
      end: () => void cooldown.end('ada'),
    },
    ticket: {
      verdict: 'ticket_invalid',
      begin: (claim) => Object.assign(claim, { ticket: ticketOf('bob') }),
      end: (claim) => ({ ...claim, ticket: ticketOf('ada') }),
    },
    body: {
      verdict: 'bad_request',
      begin: (claim) => Object.assign(claim, { request: withBody(claim, '{"quantity":0}') }),
      end: (claim) => ({ ...claim, request: withBody(claim, '{"quantity":1}') }),
    },
    key: {
      verdict: 'bad_request',
      begin: (claim) => Object.assign(claim, { requestId: 'mine' }),
      end: (claim) => ({
        ...claim,
        request: withBody(claim, '{"quantity":1}'),
        requestId: claim.ticket.id,
      }),
    },
    units: {
      verdict: 'bad_request',
      begin: (claim) => {
        claim.purchase = { quantity: 2 };
      },
      end: (claim) => {
        claim.purchase = { quantity: 1 };
      },
    },
    unusedTicket: {
      verdict: 'ticket_invalid',
      begin: ({ ticket }) => usedTickets.add(ticket, catalogue.nowMs()),
      end: ({ ticket }) => void usedTickets.delete(ticket.id),
    },
    quota: {
      verdict: 'quota_spent',
      begin: () => {
        drawn = 1;
      },
      end: () => {
        drawn = 0;
      },
    },
  };

  const withBody = ({ request }: Claim, text: string) =>
    Object.assign(Readable.from([text]), {
      headers: request.headers,
    }) as unknown as IncomingMessage;

  /** The steps as a list of the same kind, whatever each of them looks at. */
  const PHASES = Object.entries(ORDER) as [string, readonly SlowStep<Claim>[]][];

  it('has a cause for every step', () => {
    const steps = PHASES.flatMap(([, steps]) => steps.map(({ name }) => name));
    expect([...new Set(steps)].sort()).toEqual(Object.keys(CAUSES).sort());
  });

  it.each(PHASES)('asks in its order: %s', async (_phase, steps) => {
    await open();
    let claim = claimOf('ada');
    // Everything is wrong at once; one after the other is mended.
    const causes = steps.map(({ name }) => CAUSES[name] as Cause);
    for (const cause of causes.toReversed()) cause.begin(claim);
    await catalogue.start();
    catalogue.stop();
    for (const { verdict, end } of causes) {
      expect((await gate.refusal(steps, claim))?.verdict).toBe(verdict);
      claim = (await end(claim)) ?? claim;
    }
    expect(await gate.refusal(steps, claim)).toBeUndefined();
  });

  it('says closed after the sale', async () => {
    row = rowOnSale({ closesAt: new Date(Date.now() - 1) });
    expect(await looked()).toBe('closed');
    row = rowOnSale({ opensAt: new Date(Date.now() + HOUR_MS), free: 0 });
    [state, keep, brokerAvailable] = ['paused', 0, false];
    expect(await looked()).toBe('not_open');
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
    const press = { sku: 'Car', request: {} as IncomingMessage };
    expect((await open()).look(press)).toEqual({ verdict: 'ticket_invalid' });
  });

  it('draws once a cooldown, and a refused draw starts none', async () => {
    await open();
    const ofWeb1 = { node: 'web-1', units: 1 };
    const ticket = ticketOf('ada');
    const press = (userId: string, mine: Ticket) =>
      gate.refusal(ORDER.press, claimOf(userId, mine))?.verdict ?? 'passed';
    const draw = (userId: string, mine: Ticket) => {
      const claim = claimOf(userId, mine);
      return gate.refusal(ORDER.draw, claim)?.verdict ?? claim.drawn;
    };
    expect(press('bob', ticket)).toBe('ticket_invalid');
    expect(press('ada', ticket)).toBe('passed');
    expect(draw('ada', ticket)).toMatchObject(ofWeb1);
    expect(press('ada', ticket)).toBe('cooldown');
    expect(draw('ada', ticket)).toBe('cooldown');
    expect(draw('bob', ticket)).toBe('ticket_invalid');
    const other = ticketOf('bob');
    expect(draw('bob', other)).toBe('quota_spent');
    drawn = 0;
    expect(draw('bob', other)).toMatchObject(ofWeb1);
    gate.undo(other.id, 'bob');
    drawn = 0;
    expect(draw('bob', other)).toMatchObject(ofWeb1);
  });
});
