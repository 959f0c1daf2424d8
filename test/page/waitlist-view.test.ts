import { describe, expect, it } from 'vitest';
import { speak } from '../../server/public/js/language.js';
import { noPlace, waitlistView } from '../../server/public/js/waitlist-view.js';

await speak('en', []);

type Input = Parameters<typeof waitlistView>[0];

const NOW = new Date('2030-01-01T10:00:00').getTime();

const view = (place: Partial<Input['place']>, input: Partial<Input> = {}) =>
  waitlistView({
    place: { ...noPlace(), ...place },
    availability: 'maybe',
    phase: 'open',
    isOffered: true,
    room: true,
    unpaid: false,
    now: NOW,
    ...input,
  });

const WAIT = 'Join the waitlist';

describe('the waitlist on the page', () => {
  it.each<[string, Partial<Input>, string]>([
    ['maybe', {}, WAIT],
    ['sold out: nothing can come back', { availability: 'sold_out' }, ''],
    ['units to be had', { availability: 'few' }, ''],
    ['not open yet', { phase: 'scheduled' }, ''],
    ['paused', { phase: 'paused' }, ''],
    ['the end', { phase: 'closed' }, ''],
    ['as many as one may buy', { room: false }, ''],
    ['turned off', { isOffered: false }, ''],
  ])('is offered, or not: %s', (_name, input, button) => {
    expect(view({}, input)).toEqual({ title: '', text: '', button, enabled: true });
  });

  it.each<[Partial<Input['place']>, Partial<Input>, RegExp, string]>([
    [
      { step: 'waiting', ahead: 0 },
      {},
      /^You are next A unit .* held for you here/,
      'Leave the waitlist',
    ],
    [
      { step: 'waiting', ahead: 1 },
      {},
      /^1 shopper before you .* better rank/,
      'Leave the waitlist',
    ],
    [
      { step: 'waiting', ahead: 9 },
      { availability: 'few' },
      /Not every unit is taken/,
      'Leave the waitlist',
    ],
    [
      { step: 'waiting' },
      { availability: 'sold_out' },
      /Every unit is paid for/,
      'Leave the waitlist',
    ],
    [{ step: 'waiting' }, { phase: 'closed' }, /The sale has ended/, ''],
    [
      { step: 'served', payBefore: '2030-01-01T12:00:00' },
      { unpaid: true },
      /held for you Until 12:00:00.PM\. Pay now/,
      '',
    ],
    [
      { step: 'served', payBefore: '2030-01-03T12:00:00' },
      { unpaid: true },
      /held for you Until Jan 3, 2030, 12:00.PM\. Pay now/,
      '',
    ],
    [{ step: 'served' }, {}, /^ $/, WAIT],
    [{ step: 'closed' }, {}, /The sale has ended/, ''],
    [{ step: 'refused', verdict: 'line_full' }, {}, /The waitlist is full/, WAIT],
    [{ step: 'refused', verdict: 'waitlist_unsure' }, {}, /may already have a place/, WAIT],
    [{ step: 'refused', verdict: 'unanswered' }, {}, /has not been sent/, WAIT],
    [{ step: 'refused', verdict: 'limit_reached' }, {}, /as many as one person may buy/, WAIT],
  ])('says how it stands: %o', (place, input, words, button) => {
    const { title, text, button: shown } = view(place, input);
    expect(`${title} ${text}`).toMatch(words);
    expect(shown).toBe(button);
  });

  it.each(['asking', 'leaving'] as const)('takes no second press while %s', (step) => {
    expect(view({ step }).enabled).toBe(false);
  });
});
