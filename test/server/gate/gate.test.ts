import type { IncomingMessage } from 'node:http';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ORDER } from '../../../server/gate/steps.ts';
import type { Ticket } from '../../../server/gate/ticket.ts';
import { rowOnSale } from '../web-node.ts';
import { claimOf, type GateWorld, type OpenGate, openGate } from './open-gate.ts';

const HOUR_MS = 3_600_000;

describe('the gate', () => {
  let opened: OpenGate;

  beforeEach(async () => {
    vi.useFakeTimers({ toFake: ['performance', 'Date'] });
    opened = await openGate();
  });

  afterEach(() => void vi.useRealTimers());

  async function looked(changes: Partial<GateWorld>): Promise<string> {
    Object.assign(opened.world, changes);
    await opened.refresh();
    return opened.gate.look({ sku: 'TV', request: {} as IncomingMessage })?.verdict ?? 'passed';
  }

  it('answers "closed" after the sale and "not open" before it, whatever else is wrong', async () => {
    const row = rowOnSale({ closesAt: new Date(Date.now() - 1) });
    expect(await looked({ row })).toBe('closed');
    const early = rowOnSale({ opensAt: new Date(Date.now() + HOUR_MS), free: 0 });
    const rest = { state: 'paused', keep: 0, brokerAvailable: false } as const;
    expect(await looked({ row: early, ...rest })).toBe('not_open');
    expect(await looked({ row: rowOnSale(), ...rest, state: 'closed' })).toBe('closed');
  });

  it('does not answer "sold out" while unpaid orders may give units back', async () => {
    const row = rowOnSale({ free: 0, unpaidExists: true });
    expect(await looked({ row })).toBe('passed');
    expect(opened.catalogue.availability(row)).toBe('maybe');
  });

  it('keeps exactly the presses below the kept share', async () => {
    expect(await looked({ keep: 0.1, random: 0.0999 })).toBe('passed');
    expect(await looked({ random: 0.1 })).toBe('shed');
  });

  it('refuses a ticket for an unknown SKU as invalid', () => {
    const press = { sku: 'Car', request: {} as IncomingMessage };
    expect(opened.gate.look(press)).toEqual({ verdict: 'ticket_invalid' });
  });

  it('draws once in a cooldown, and a refused draw starts no cooldown', () => {
    const { gate, world, ticketOf } = opened;
    const ofWeb1 = { node: 'web-1', units: 1 };
    const ticket = ticketOf('ada');
    const press = (userId: string, mine: Ticket) =>
      gate.refusal(ORDER.press, claimOf(opened, userId, mine))?.verdict ?? 'passed';
    const draw = (userId: string, mine: Ticket) => {
      const claim = claimOf(opened, userId, mine);
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
    world.drawn = 0;
    expect(draw('bob', other)).toMatchObject(ofWeb1);
    gate.undo(other.id, 'bob');
    world.drawn = 0;
    expect(draw('bob', other)).toMatchObject(ofWeb1);
  });

  it('ends a cooldown in time, whatever becomes of the clock of the database', () => {
    const { gate, catalogue, cooldown } = opened;
    const nowMs = catalogue.nowMs();
    Object.assign(catalogue, { nowMs: () => nowMs + 5_000 });
    expect(gate.refusal(ORDER.draw, claimOf(opened, 'eve'))).toBeUndefined();
    Object.assign(catalogue, { nowMs: () => nowMs });
    expect(cooldown.remainingSeconds('eve')).toBeGreaterThan(0);
    expect(cooldown.remainingSeconds('eve')).toBeLessThanOrEqual(10);
  });
});
