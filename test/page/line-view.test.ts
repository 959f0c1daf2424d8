import { describe, expect, it } from 'vitest';
import { lineView, noLine } from '../../server/public/js/line-view.js';

type Input = Parameters<typeof lineView>[0];

const view = (line: Partial<Input['line']>, input: Partial<Input> = {}) =>
  lineView({
    line: { ...noLine(), ...line },
    availability: 'maybe',
    phase: 'open',
    room: true,
    unpaid: false,
    ...input,
  });

const WAIT = 'Wait for a unit that comes back';

describe('the line on the page', () => {
  it.each<[string, Partial<Input>, string]>([
    ['maybe', {}, WAIT],
    ['sold out: nothing can come back', { availability: 'sold_out' }, ''],
    ['units to be had', { availability: 'few' }, ''],
    ['not open yet', { phase: 'scheduled' }, ''],
    ['paused', { phase: 'paused' }, ''],
    ['the end', { phase: 'closed' }, ''],
    ['as many as one may buy', { room: false }, ''],
  ])('is offered, or not: %s', (_name, input, button) => {
    expect(view({}, input)).toEqual({ title: '', text: '', button, enabled: true });
  });

  it.each<[Partial<Input['line']>, Partial<Input>, RegExp, string]>([
    [
      { step: 'waiting', ahead: 0 },
      {},
      /^You are next A unit .* held for you here/,
      'Leave the line',
    ],
    [{ step: 'waiting', ahead: 1 }, {}, /^1 shopper before you .* better rank/, 'Leave the line'],
    [
      { step: 'waiting', ahead: 9 },
      { availability: 'few' },
      /Not every unit is taken/,
      'Leave the line',
    ],
    [{ step: 'waiting' }, { availability: 'sold_out' }, /Every unit is paid for/, 'Leave the line'],
    [{ step: 'waiting' }, { phase: 'closed' }, /The sale ended/, ''],
    [{ step: 'served', until: '12:00:00' }, { unpaid: true }, /held for you Until 12:00:00/, ''],
    [{ step: 'served' }, {}, /^ $/, WAIT],
    [{ step: 'closed' }, {}, /The sale ended/, ''],
    [{ step: 'refused', verdict: 'line_full' }, {}, /The line is full/, WAIT],
    [{ step: 'refused', verdict: 'line_unsure' }, {}, /may have a place/, WAIT],
    [{ step: 'refused', verdict: 'unanswered' }, {}, /Nothing has been handed in/, WAIT],
    [{ step: 'refused', verdict: 'limit_reached' }, {}, /as many as one person may buy/, WAIT],
  ])('says how it stands: %o', (line, input, words, button) => {
    const { title, text, button: shown } = view(line, input);
    expect(`${title} ${text}`).toMatch(words);
    expect(shown).toBe(button);
  });

  it.each(['asking', 'leaving'] as const)('takes no second press while %s', (step) => {
    expect(view({ step }).enabled).toBe(false);
  });
});
