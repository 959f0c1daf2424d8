import { describe, expect, it } from 'vitest';
import {
  advance,
  type Event,
  initialPurchase,
  isBusy,
  mayPress,
  PRESS_REST_MS,
  type Purchase,
} from '../../server/public/js/purchase.js';
import fc from '../properties.ts';

const press = (now: number, key = 'k1'): Event => ({ type: 'press', now, key, quantity: 1 });
const refused = (now: number, verdict = 'shed', retryAfterSeconds = 0): Event => ({
  type: 'refused',
  now,
  verdict,
  retryAfterSeconds,
});
const after = (...events: Event[]): Purchase => events.reduce(advance, initialPurchase());

describe('a purchase', () => {
  it('goes from the press to the order', () => {
    const steps: Event[] = [
      press(0),
      { type: 'ticket' },
      { type: 'accepted' },
      { type: 'status', status: 'queued' },
      { type: 'status', status: 'ordered', orderNo: '7' },
      { type: 'status', status: 'paid' },
    ];
    const phases = steps.map((_, i) => after(...steps.slice(0, i + 1)).phase);
    expect(phases).toEqual(['asking', 'sending', 'queued', 'queued', 'ended', 'ended']);
    expect(after(...steps)).toMatchObject({ status: 'paid', orderNo: '7', key: null });
  });

  it('keeps the seats of a press whose answer is not known, and forgets them otherwise', () => {
    const seats = [{ row: '1', seat: '2' }];
    const chosen: Event = { type: 'press', now: 0, key: 'k1', quantity: 1, seats };
    const again: Event = { type: 'press', now: 60_000, key: 'k2', quantity: 2 };
    const lost = after(
      chosen,
      { type: 'ticket' },
      { type: 'unanswered' },
      { type: 'gave_up', now: 1 },
    );
    expect(advance(lost, again)).toMatchObject({ key: 'k1', quantity: 1, seats });
    const taken = after(
      chosen,
      { type: 'ticket' },
      { type: 'accepted' },
      {
        type: 'status',
        status: 'rejected',
        reason: 'seats_taken',
      },
    );
    expect(advance(taken, again)).toMatchObject({ key: 'k2', quantity: 2, seats: null });
    const restored: Event = { type: 'restored', key: 'k1', quantity: 1, seats, accepted: false };
    expect(after(restored)).toMatchObject({ seats, unsure: true });
  });

  it('rests for 5 s after a press, or for as long as the shop asks', () => {
    const short = after(press(1000), refused(1200));
    expect(mayPress(short, 1000 + PRESS_REST_MS - 1)).toBe(false);
    expect(mayPress(short, 1000 + PRESS_REST_MS)).toBe(true);
    const long = after(press(1000), refused(1200, 'cooldown', 9));
    expect(mayPress(long, 10_199)).toBe(false);
    expect(mayPress(long, 10_200)).toBe(true);
  });

  it('ignores presses while a request is under way', () => {
    const busy = after(press(0), { type: 'ticket' }, { type: 'accepted' });
    expect(advance(busy, press(60_000, 'k2'))).toBe(busy);
  });

  it('takes a new number after a clear refusal', () => {
    expect(after(press(0), refused(10), press(9000, 'k2')).key).toBe('k2');
  });

  it('solves what the shop asks for on its way to the ticket', () => {
    const solving = after(press(0), { type: 'puzzle', cause: 'operator' });
    expect(solving).toMatchObject({ phase: 'asking', solving: true, reason: 'operator' });
    expect(advance(solving, { type: 'ticket' })).toMatchObject({
      phase: 'sending',
      solving: false,
    });
    const failed = advance(solving, refused(9, 'puzzle_failed'));
    expect(failed).toMatchObject({ phase: 'refused', solving: false, reason: null });
    expect(mayPress(failed, PRESS_REST_MS)).toBe(true);
  });

  it('keeps the number when the shop may have it already', () => {
    const unsure = after(press(0), { type: 'ticket' }, { type: 'unanswered' });
    expect(unsure.unsure).toBe(true);
    const lost = advance(unsure, { type: 'not_known', now: 20_000 });
    expect(lost).toMatchObject({ phase: 'refused', verdict: 'not_found_yet', key: 'k1' });
    expect(advance(lost, press(30_000, 'k2'))).toMatchObject({ key: 'k1', unsure: true });
  });

  it('knows that nothing was handed in when not even a ticket came', () => {
    const given = after(press(0), { type: 'unanswered' }, { type: 'gave_up', now: 60_000 });
    expect(given).toMatchObject({ verdict: 'unanswered', unsure: false, key: null });
  });

  it('goes on after a reload', () => {
    const restored: Event = { type: 'restored', key: 'k9', quantity: 2, accepted: true };
    expect(after(restored)).toMatchObject({ phase: 'queued', key: 'k9', quantity: 2 });
    expect(after({ ...restored, accepted: false })).toMatchObject({
      phase: 'sending',
      unsure: true,
    });
  });

  const now = fc.integer({ min: 0, max: 200_000 });
  const anyEvent: fc.Arbitrary<Event> = fc.oneof(
    fc.record({
      type: fc.constant('press' as const),
      now,
      key: fc.uuid(),
      quantity: fc.constant(1),
    }),
    fc.constantFrom<Event>(
      { type: 'puzzle', cause: null },
      { type: 'ticket' },
      { type: 'unanswered' },
      { type: 'accepted' },
    ),
    fc.record({
      type: fc.constant('refused' as const),
      now,
      verdict: fc.constantFrom('shed', 'sold_out', 'cooldown'),
      retryAfterSeconds: fc.integer({ min: 0, max: 30 }),
    }),
    fc.record({ type: fc.constantFrom('gave_up' as const, 'not_known' as const), now }),
    fc.record({
      type: fc.constant('status' as const),
      status: fc.constantFrom('queued', 'ordered', 'sold_out', 'paid'),
    }),
  );

  it('never forgets a number that may be taken, and never leaves the shopper stuck', () => {
    fc.assert(
      fc.property(fc.array(anyEvent, { maxLength: 40 }), (events) => {
        let purchase = initialPurchase();
        for (const event of events) {
          const next = advance(purchase, event);
          const resolved = event.type === 'status' || event.type === 'accepted';
          if (purchase.unsure && !resolved) expect(next.key).toBe(purchase.key);
          if (isBusy(next)) expect(next.key).not.toBeNull();
          else expect(mayPress(next, next.restUntil)).toBe(true);
          purchase = next;
        }
      }),
    );
  });
});
