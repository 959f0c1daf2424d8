import { describe, expect, it } from 'vitest';
import {
  NOTICE_KINDS,
  NOTICE_LANGUAGES,
  type NoticeKind,
  noticesOf,
  reminderOf,
} from '../../contracts/notices.ts';
import type { DueNotice } from '../../db/calls.ts';
import { messageOf } from '../../worker/notices/message.ts';
import { languageOf, PLACEHOLDERS, textsOf } from '../../worker/notices/texts.ts';

/** The texts of notices, without a server. */

const HOSTILE = '<script>alert("x")</script>\r\nBcc: all@mail.example {amount} $& \u2028';
const OPTIONS = {
  secret: 's'.repeat(32),
  shopUrl: 'https://shop.example',
  timeZone: 'Asia/Tokyo',
  isUnpaid: true,
};
const facts = {
  sku: 'TV',
  units: 2,
  amount: '19.90',
  currency: 'EUR',
  payBefore: '2026-11-28T11:05:00Z',
  refund: { amount: '500', currency: 'JPY' },
};

function notice(kind: NoticeKind, changes: Partial<DueNotice> = {}): DueNotice {
  return {
    noticeNo: '1',
    contact: '00000000-0000-4000-8000-000000000001',
    orderNo: '42',
    kind,
    eventNo: '0',
    copy: 0,
    attempt: 1,
    facts: kind === 'confirm' ? undefined : facts,
    untilAt: new Date(0),
    sale: 'spring',
    saleTitle: 'Spring sale',
    skuTitle: 'A television',
    address: 'ann@mail.example',
    keys: undefined,
    language: 'en',
    ...changes,
  };
}

function placeholdersOf(text: unknown): string[] {
  return [...JSON.stringify(text).matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name).sort();
}

describe.each(NOTICE_LANGUAGES)('the texts in %s', (language) => {
  const texts = textsOf(language);

  it('have every message, with the placeholders of the English one', () => {
    const english = textsOf('en');
    expect(Object.keys(texts).sort()).toEqual([...NOTICE_KINDS, 'footer', 'unsubscribe'].sort());
    for (const kind of NOTICE_KINDS) {
      const { subject, lines, unpaid, action } = texts[kind];
      for (const line of [subject, ...lines, action]) expect(line.trim().length).toBeGreaterThan(1);
      expect(Object.keys(texts[kind]).sort()).toEqual(Object.keys(english[kind]).sort());
      for (const [own, wanted] of [
        [subject, english[kind].subject],
        [lines, english[kind].lines],
        [unpaid ?? '', english[kind].unpaid ?? ''],
      ]) {
        expect([kind, placeholdersOf(own)]).toEqual([kind, placeholdersOf(wanted)]);
      }
      expect(PLACEHOLDERS).toEqual(expect.arrayContaining(placeholdersOf(texts[kind])));
    }
  });

  it('are no copy of another language', () => {
    for (const other of NOTICE_LANGUAGES.filter((one) => one !== language)) {
      for (const kind of NOTICE_KINDS) {
        expect(texts[kind].lines).not.toEqual(textsOf(other)[kind].lines);
      }
    }
  });

  it.each(NOTICE_KINDS)('leave no placeholder open in %s', (kind) => {
    const message = messageOf(notice(kind, { language }), OPTIONS);
    for (const part of [message.subject, message.text, message.html]) {
      expect(part).not.toMatch(/\{\w+\}|undefined|NaN|Invalid/);
    }
    expect(message).toMatchObject({ language, direction: language === 'ar' ? 'rtl' : 'ltr' });
  });
});

describe('a message', () => {
  it('escapes what titles hold, in HTML and in headers', () => {
    const hostile = notice('ordered', { skuTitle: HOSTILE, saleTitle: HOSTILE });
    const { subject, html, text } = messageOf(hostile, OPTIONS);
    expect(subject).not.toMatch(/[\r\n\u2028]/);
    expect(subject.length).toBeLessThanOrEqual(200);
    expect(html).not.toContain('<script>');
    expect(html).toContain('&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;');
    // A placeholder in a value is not filled.
    expect(text).toContain('{amount} $&');
  });

  it('tells money with the digits of its currency, and times with their zone', () => {
    const { text } = messageOf(notice('expiring'), OPTIONS);
    expect(text).toContain('€19.90');
    expect(text).toMatch(/November 28, 2026 at 8:05\sPM GMT\+9/);
    expect(messageOf(notice('refunded'), OPTIONS).text).toContain('¥500');
  });

  it('has one id for each contact, order, kind and event', () => {
    const ids = [
      notice('ordered'),
      notice('claimed'),
      notice('ordered', { orderNo: '44' }),
      notice('refunded', { eventNo: '7' }),
      notice('refunded', { eventNo: '8' }),
      notice('ordered', { copy: 1 }),
      notice('ordered', { contact: '00000000-0000-4000-8000-000000000002' }),
    ].map((one) => messageOf(one, OPTIONS).id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const id of ids) expect(id).toMatch(/^[\w-]{32}$/);
    expect(messageOf(notice('ordered', { attempt: 9, noticeNo: '2' }), OPTIONS).id).toBe(ids[0]);
  });

  it('in an unknown language is in English', () => expect(languageOf('tlh')).toBe('en'));
});

describe('the notices of an event', () => {
  const at = new Date('2026-11-28T11:00:00Z');
  const event = {
    eventNo: '3',
    kind: 'placed',
    happenedAt: at,
    orderNo: '8',
    requestId: 'r',
    sale: 's',
    sku: 'k',
    userId: 'ann',
    units: 1,
    amount: '9.90',
    currency: 'EUR',
    createdAt: at,
    payBefore: new Date(at.getTime() + 900_000),
    waited: false,
    reason: null,
  } as const;

  it('of a new order are the order and a reminder before its time to pay ends', () => {
    const [ordered, reminder, ...more] = noticesOf(event);
    expect(more).toEqual([]);
    expect(ordered).toMatchObject({ kind: 'ordered', order: '8', user: 'ann', event: '0' });
    expect(reminder).toMatchObject({
      kind: 'expiring',
      next: '2026-11-28T11:10:00.000Z',
      until: '2026-11-28T11:15:00.000Z',
    });
    expect(JSON.stringify([ordered?.facts, reminder?.facts])).not.toContain('ann');
  });

  it('of a unit from the waitlist say so', () => {
    expect(noticesOf({ ...event, waited: true })[0]?.kind).toBe('claimed');
  });

  it('of a refund have the number of the event, since an order may have several', () => {
    const refund = { reference: 'p', amount: '9.90', currency: 'EUR' };
    const notices = noticesOf({ ...event, kind: 'refunded', refund });
    expect(notices).toMatchObject([
      { kind: 'refunded', event: '3', facts: { refund: { amount: '9.90' } } },
    ]);
    expect(JSON.stringify(notices)).not.toContain('reference');
  });

  it('of an order that ended because its sale was called off say so', () => {
    const ended = { ...event, kind: 'cancelled', reason: 'called_off' } as const;
    expect(noticesOf(ended)).toMatchObject([{ kind: 'called_off', event: '0' }]);
  });

  it('of an order that the shop cancelled say so, whether it was paid or not', () => {
    const ended = { ...event, kind: 'cancelled', reason: 'by_shop' } as const;
    expect(noticesOf(ended)).toMatchObject([{ kind: 'cancelled', event: '0' }]);
    const refund = { reference: 'p', amount: '9.90', currency: 'EUR' };
    const money = noticesOf({ ...ended, kind: 'refund_due', refund });
    expect(money).toMatchObject([{ kind: 'refund_due' }]);
  });

  it('of what the shopper did are none', () => {
    for (const kind of ['paid', 'cancelled', 'expired'] as const) {
      expect(noticesOf({ ...event, kind })).toEqual([]);
    }
  });

  it.each([
    ['0.00', 900_000, undefined],
    ['9.90', 30_000, undefined],
    ['9.90', 60_000, 40_000],
    ['9.90', 86_400_000, 82_800_000],
  ])('of an order of %s with %d ms to pay remind after %s ms', (amount, windowMs, afterMs) => {
    const payBefore = new Date(at.getTime() + windowMs);
    const [reminder] = reminderOf({ ...event, amount, payBefore });
    const next = afterMs === undefined ? undefined : new Date(at.getTime() + afterMs).toISOString();
    expect(reminder?.next).toBe(next);
  });
});
