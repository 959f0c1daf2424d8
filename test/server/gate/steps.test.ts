import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Claim } from '../../../server/gate/press.ts';
import { ORDER, type SlowStep } from '../../../server/gate/steps.ts';
import { rowOnSale } from '../web-node.ts';
import { claimOf, type OpenGate, openGate, requestOf } from './open-gate.ts';

/** For each step, the causes of its refusals of ada's press, and how to remove them. */
interface Cause {
  readonly verdict: string;
  begin(opened: OpenGate, claim: Claim): unknown;
  end(opened: OpenGate, claim: Claim): unknown;
}

const exhaust = (take: () => number) => {
  while (take() === 0);
};

/** The body of a request is read once, so each check needs a new one. */
const setBody = (claim: Claim, quantity: number, seats?: object[]) =>
  Object.assign(claim, {
    request: requestOf(JSON.stringify({ quantity, seats }), claim.request.headers),
  });

/** The goods of the row have no seats at all. */
const NO_SUCH_SEAT = [{ row: '1', seat: '1' }];

const setRow = ({ world, refresh }: OpenGate, changes: Parameters<typeof rowOnSale>[0]) => {
  world.row = rowOnSale(changes);
  return refresh();
};

const CAUSES: Record<string, Cause> = {
  state: {
    verdict: 'paused',
    begin: ({ world }) => Object.assign(world, { state: 'paused' }),
    end: ({ world }) => Object.assign(world, { state: 'open' }),
  },
  soldOut: {
    verdict: 'sold_out',
    begin: (opened) => setRow(opened, { free: 0 }),
    end: (opened) => setRow(opened, {}),
  },
  shed: {
    verdict: 'shed',
    begin: ({ world }) => Object.assign(world, { keep: 0 }),
    end: ({ world }) => Object.assign(world, { keep: 1 }),
  },
  overload: {
    verdict: 'overloaded',
    begin: ({ world }) => Object.assign(world, { brokerAvailable: false }),
    end: ({ world }) => Object.assign(world, { brokerAvailable: true }),
  },
  addressRate: {
    verdict: 'rate_limited',
    begin: ({ limits }, { ip }) => exhaust(() => limits.takeIp(ip)),
    end: ({ world }) => Object.assign(world, { allowed: true }),
  },
  who: {
    verdict: 'unauthenticated',
    begin: (_opened, { request }) => delete request.headers.authorization,
    end: (_opened, { request }) => Object.assign(request.headers, { authorization: 'ada' }),
  },
  block: {
    verdict: 'blocked',
    begin: ({ world }) => Object.assign(world, { blocked: true }),
    end: ({ world }) => Object.assign(world, { blocked: false }),
  },
  userRate: {
    verdict: 'rate_limited',
    begin: ({ limits }) => exhaust(() => limits.takeUser('ada')),
    end: ({ world }) => Object.assign(world, { allowed: true }),
  },
  lottery: {
    verdict: 'shed',
    begin: ({ world }) => Object.assign(world, { shed: 'lottery', keep: 0 }),
    end: ({ world }) => Object.assign(world, { keep: 1 }),
  },
  ticketRate: {
    verdict: 'rate_limited',
    begin: ({ limits }, { ticket }) => exhaust(() => limits.takeTicket(ticket.id)),
    end: () => vi.advanceTimersByTime(1_000),
  },
  cooldown: {
    verdict: 'cooldown',
    begin: ({ cooldown }) => cooldown.start('ada'),
    end: ({ cooldown }) => cooldown.end('ada'),
  },
  ticket: {
    verdict: 'ticket_invalid',
    begin: ({ ticketOf }, claim) => Object.assign(claim, { ticket: ticketOf('bob') }),
    end: ({ ticketOf }, claim) => Object.assign(claim, { ticket: ticketOf('ada') }),
  },
  body: {
    verdict: 'bad_request',
    begin: (_opened, claim) => setBody(claim, 0),
    end: (_opened, claim) => setBody(claim, 1, NO_SUCH_SEAT),
  },
  chosen: {
    verdict: 'bad_request',
    begin: (_opened, claim) => setBody(claim, 1, NO_SUCH_SEAT),
    end: (_opened, claim) => setBody(claim, 1),
  },
  key: {
    verdict: 'bad_request',
    begin: (_opened, claim) => Object.assign(claim, { requestId: 'mine' }),
    end: (_opened, claim) =>
      setBody(setBody(Object.assign(claim, { requestId: claim.ticket.id }), 1), 1, NO_SUCH_SEAT),
  },
  units: {
    verdict: 'bad_request',
    begin: (_opened, claim) => Object.assign(claim, { purchase: { quantity: 2 } }),
    end: (_opened, claim) => Object.assign(claim, { purchase: { quantity: 1 } }),
  },
  unusedTicket: {
    verdict: 'ticket_invalid',
    begin: ({ usedTickets, catalogue }, { ticket }) => usedTickets.add(ticket, catalogue.nowMs()),
    end: ({ usedTickets }, { ticket }) => usedTickets.delete(ticket.id),
  },
  quota: {
    verdict: 'quota_spent',
    begin: ({ world }) => Object.assign(world, { drawn: 1 }),
    end: ({ world }) => Object.assign(world, { drawn: 0 }),
  },
};

/** The steps of each phase in the same form, whatever they check. */
const PHASES = Object.entries(ORDER) as [string, readonly SlowStep<Claim>[]][];

describe('the steps of the gate', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['performance', 'Date'] }));
  afterEach(() => void vi.useRealTimers());

  it('are all in this table', () => {
    const names = PHASES.flatMap(([, steps]) => steps.map(({ name }) => name));
    expect([...new Set(names)].sort()).toEqual(Object.keys(CAUSES).sort());
  });

  it.each(PHASES)('refuse in their order: %s', async (_phase, steps) => {
    const opened = await openGate();
    const claim = claimOf(opened, 'ada');
    // At first everything is wrong. The causes are removed one after the other.
    const causes = steps.map(({ name }) => CAUSES[name] as Cause);
    for (const cause of causes.toReversed()) await cause.begin(opened, claim);
    for (const { verdict, end } of causes) {
      expect((await opened.gate.refusal(steps, claim))?.verdict).toBe(verdict);
      await end(opened, claim);
    }
    expect(await opened.gate.refusal(steps, claim)).toBeUndefined();
  });
});
