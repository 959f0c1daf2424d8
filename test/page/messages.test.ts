import { describe, expect, it } from 'vitest';
import { OUTCOMES as DECISIONS } from '../../contracts/messages.ts';
import { RISK_CAUSES } from '../../server/gate/risk.ts';
import { PROBLEMS } from '../../server/http/problems.ts';
import { speak } from '../../server/public/js/language.js';
import {
  againText,
  outcomeMessage,
  puzzleMessage,
  verdictMessage,
} from '../../server/public/js/messages.js';
import texts from '../../server/public/languages/en.js';

await speak('en', []);

const { verdicts, outcomes, page, reasons } = texts;
const all = [verdicts, outcomes, page, reasons].flatMap((group) => Object.entries(group));
const REASONED = outcomeMessage('sold_out', 'units_may_return');

describe('what the page says', () => {
  it.each(Object.keys(PROBLEMS))('has a sentence for the verdict %s', (verdict) => {
    expect(verdict in verdicts || verdict in page).toBe(true);
    expect(verdictMessage(verdict).text).not.toBe('');
  });

  it.each(['queued', ...DECISIONS, 'paid', 'cancelled', 'expired', 'refund_due'])(
    'has a sentence for the outcome %s',
    (outcome) => expect(outcome in outcomes).toBe(true),
  );

  it.each(Object.entries(PROBLEMS))(
    '%s says when to try again if it may change',
    (verdict, kind) => {
      const { again } = verdictMessage(verdict);
      if ('retryAfterSeconds' in kind) expect(['later', 'opening']).toContain(again);
      if (verdict === 'sold_out' || verdict === 'closed') expect(again).toBe('never');
    },
  );

  it.each(all)('%s is one title and whole sentences, and never says "failed"', (_name, message) => {
    expect(message.title).toMatch(/^[A-Z].*[^.]$/);
    expect(message.text).toMatch(/^[A-Z].*\.$/);
    expect(`${message.title} ${message.text}`).not.toMatch(/fail|error|unfortunately|oops/i);
  });

  it('says sold out of nothing that is not', () => {
    for (const [name, { title }] of all) {
      if (name !== 'sold_out') expect(title).not.toMatch(/sold out/i);
    }
    expect(verdictMessage('quota_spent').text).toMatch(/not sold out/);
    expect(REASONED.title).not.toMatch(/sold out/i);
    expect(REASONED.again).toBe('later');
  });

  it('judges nothing that it does not know', () => {
    expect(outcomeMessage('a_status_of_tomorrow')).toEqual(outcomeMessage('queued'));
    expect(verdictMessage('a_verdict_of_tomorrow').again).toBe('later');
  });

  it('does not ask to press again where a draw decides', () => {
    const drawn = verdictMessage('shed', 'lottery');
    expect(drawn.text).toMatch(/stays the same/);
    expect(drawn).not.toEqual(verdictMessage('shed'));
    for (const seconds of [0, 9]) expect(againText(drawn, seconds)).not.toMatch(/try again/i);
  });

  it('says why a computation is asked for, of every cause that the shop has', () => {
    const plain = puzzleMessage(null).text;
    for (const cause of [...RISK_CAUSES, 'operator']) {
      expect(puzzleMessage(cause).text).toMatch(/The shop asks/);
    }
    expect(puzzleMessage('a cause of tomorrow').text).toBe(plain);
  });

  it('counts the wait down', () => {
    const shed = verdictMessage('shed');
    expect(againText(shed, 3)).toBe('Try again in 3 seconds.');
    expect(againText(shed, 0)).toBe('You can try again now.');
    expect(againText(verdictMessage('sold_out'), 3)).toBe('');
  });
});
