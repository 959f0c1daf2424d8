import { describe, expect, it } from 'vitest';
import { money } from '../../server/public/js/format.js';
import { speak } from '../../server/public/js/language.js';
import { orderMessage, refundText, unitsText } from '../../server/public/js/messages.js';
import {
  mergeOrders,
  type Order,
  packetOf,
  payLeftMs,
  unitsHeld,
} from '../../server/public/js/orders.js';
import { advance, initialPurchase, type Purchase } from '../../server/public/js/purchase.js';
import {
  heroPhase,
  limitText,
  type Sku,
  type TileInput,
  tileView,
  whenText,
} from '../../server/public/js/view.js';

await speak('en', []);

const tv: Sku = {
  sku: 'TV',
  title: 'TV',
  price: '9.00',
  currency: 'EUR',
  limit: 1,
  availability: 'plenty',
};

function view(input: Partial<TileInput> = {}) {
  return tileView({
    sku: tv,
    phase: 'open',
    opensInMs: -1,
    purchase: initialPurchase(),
    held: 0,
    unpaid: false,
    now: 100_000,
    ...input,
  });
}

const ended = (status: string, reason?: string): Purchase => ({
  ...initialPurchase(),
  phase: 'ended',
  status,
  reason: reason ?? null,
});

const signIn: Sku = { ...tv, sku: 'SignIn', price: '0', goods: 'daily', zone: 'Europe/Berlin' };

it('numbered goods have a plan while they can be bought', () => {
  const seats: Sku = { ...tv, goods: 'numbered', limit: 2 };
  const planOf = (input: Partial<TileInput>) => view({ sku: seats, ...input }).plan;
  expect(planOf({})).toBe('Choose on the plan');
  expect(planOf({ held: 1 })).toBe('Choose on the plan');
  expect(view({}).plan).toBe('');
  const press = { type: 'press', now: 0, key: 'k', quantity: 1 } as const;
  const not: Partial<TileInput>[] = [
    { held: 2 },
    { phase: 'closed' },
    { phase: 'scheduled' },
    { sku: { ...seats, availability: 'sold_out' } },
    { purchase: advance(initialPurchase(), press) },
  ];
  for (const input of not) expect(planOf(input)).toBe('');
});

describe('the tile of daily goods', () => {
  it('offers the unit of today, and says when the shopper has it', () => {
    const open = view({ sku: signIn });
    expect([open.badge.text, open.button.label]).toEqual(['Once a day', 'Get today’s']);
    const done = view({ sku: signIn, held: 1 });
    expect(done.button).toMatchObject({ label: 'It is yours', enabled: false });
  });

  it('says how many days in a row', () => {
    expect([0, 1, 12].map((streak) => limitText(signIn, streak))).toEqual([
      'One a day',
      '1 day in a row',
      '12 days in a row',
    ]);
    expect(limitText({ ...tv, limit: 2 }, 0)).toBe('Up to 2 units per person');
  });
});

describe('the tile of a pot of money', () => {
  const pot = { amount: '100.00', packets: 50, sha256: 'ab'.repeat(32) };
  const packets: Sku = { ...tv, sku: 'Packet', price: '0', goods: 'amounts', pot };

  it('says what is given away, and offers a packet', () => {
    expect(limitText(packets, 0)).toBe('€100.00 in 50 packets, one per person');
    expect(view({ sku: packets }).button).toMatchObject({ label: 'Open a packet', enabled: true });
  });

  it('says that an empty pot is empty, and not that packets were paid for', () => {
    const empty: Sku = { ...packets, availability: 'sold_out' };
    const refused = { ...initialPurchase(), phase: 'refused', verdict: 'sold_out' } as const;
    for (const input of [
      { sku: empty },
      { sku: packets, purchase: { ...refused, restUntil: 200_000 } },
      { sku: empty, purchase: ended('sold_out') },
    ]) {
      const { status } = view(input);
      expect(status).toMatchObject({ tone: 'stop', title: 'All packets are drawn' });
    }
  });

  it('says what the shopper has drawn, after the press and on the next visit', () => {
    const packet = { amount: '3.42', currency: 'EUR' };
    const order: Order = {
      ...{
        orderNo: '2',
        requestId: '2',
        sale: 'gifts',
        sku: 'Packet',
        quantity: 1,
        amount: '0.00',
      },
      ...{ currency: 'EUR', status: 'paid', createdAt: '2030-01-01T00:00:00Z', packet },
    };
    for (const purchase of [ended('paid'), initialPurchase()]) {
      const { status, again, button } = view({ sku: packets, held: 1, packet, purchase });
      expect(status).toMatchObject({ tone: 'good', title: 'You got €3.42' });
      expect([again, button.label]).toEqual(['', 'It is yours']);
    }
    expect(packetOf([order], 'Packet')).toEqual(packet);
    expect(packetOf([{ ...order, status: 'cancelled' }], 'Packet')).toBeUndefined();
    expect(orderMessage(order)).toMatchObject({ title: 'You got €3.42' });
  });
});

it('an order tells its seats or serial numbers until it ends', () => {
  expect(view({ sku: { ...tv, goods: 'numbered' } }).button).toMatchObject({ label: 'Buy now' });
  const units = [{ row: '7', seat: '12' }, { row: '7', seat: '13' }, { seat: 'A-1' }];
  const order: Order = {
    ...{ orderNo: '2', requestId: '2', sale: 'hall', sku: 'Stalls', quantity: 3, units },
    ...{ amount: '9.00', currency: 'EUR', status: 'ordered', createdAt: '2030-01-01T00:00:00Z' },
  };
  expect(unitsText(order)).toBe('Row 7, seat 12; Row 7, seat 13; A-1');
  expect(unitsText({ ...order, status: 'expired' })).toBe('');
});

describe('a tile', () => {
  it.each<[string, Partial<TileInput>, string, boolean]>([
    ['before the opening', { phase: 'scheduled', opensInMs: 9000 }, 'Opens in 00:09', false],
    ['open', {}, 'Buy now', true],
    ['paused', { phase: 'paused' }, 'Paused', false],
    ['closed', { phase: 'closed' }, 'Sale ended', false],
    ['sold out', { sku: { ...tv, availability: 'sold_out' } }, 'Sold out', false],
    ['maybe', { sku: { ...tv, availability: 'maybe' } }, 'Try for one', true],
    ['with an unpaid order', { held: 1, unpaid: true }, 'Reserved for you', false],
    ['with a paid order', { held: 1 }, 'It is yours', false],
    ['resting', { purchase: { ...ended('expired'), restUntil: 103_000 } }, 'Again in 3 sec', false],
    ['waiting', { purchase: { ...initialPurchase(), phase: 'queued' } }, 'In the queue', false],
  ])('%s', (_name, input, label, enabled) => {
    const { button } = view(input);
    expect(`${button.label} ${button.tick}`.trim()).toBe(label);
    expect(button.enabled).toBe(enabled);
  });

  it('has a button of which the part that is read out does not tick', () => {
    const [early, late] = [9000, 5000].map((opensInMs) => view({ phase: 'scheduled', opensInMs }));
    expect(early?.button.label).toBe(late?.button.label);
    expect(early?.button.tick).not.toBe(late?.button.tick);
  });

  it('tells that units may come back', () => {
    const maybe = view({ sku: { ...tv, availability: 'maybe' } });
    expect(maybe.badge.text).toMatch(/may come back/);
    expect(maybe.status?.text).toMatch(/not paid for in time come back/);
    expect(maybe.again).toBe('You can try again now.');
  });

  it('does not invite to try again where that is in vain', () => {
    const shed = advance(
      advance(initialPurchase(), { type: 'press', now: 0, key: 'k', quantity: 1 }),
      { type: 'refused', now: 1, verdict: 'shed', retryAfterSeconds: 2 },
    );
    expect(view({ purchase: shed }).again).toBe('You can try again now.');
    const gone = view({ purchase: shed, sku: { ...tv, availability: 'sold_out' } });
    expect(gone).toMatchObject({ again: '', status: { title: 'Sold out' } });
  });

  const refusedWith = (verdict: string) =>
    advance(advance(initialPurchase(), { type: 'press', now: 0, key: 'k', quantity: 1 }), {
      type: 'refused',
      now: 1,
      verdict,
      retryAfterSeconds: 0,
    });

  it('forgets a refusal when the shopper got what there is to get', () => {
    const purchase = refusedWith('quota_spent');
    expect(view({ purchase, held: 1, unpaid: true }).status?.title).toBe('It is yours');
    const paid = view({ purchase, held: 1, sku: { ...tv, availability: 'sold_out' } });
    expect(paid.status?.title).toBe('Paid');
    const more = view({ purchase, held: 1, sku: { ...tv, limit: 2 } });
    expect(more.status?.title).toBe('None available here right now');
  });

  it('counts no seconds down to where nothing is to be had', () => {
    const purchase = refusedWith('blocked');
    expect(view({ purchase, now: 100 }).button).toMatchObject({
      label: 'Not possible',
      tick: '',
      enabled: false,
    });
  });

  it('says of a pause what it means', () => {
    expect(view({ phase: 'paused' })).toMatchObject({
      status: { title: 'The sale is paused' },
      again: '',
    });
  });

  it('forgets "sold out" when units came back', () => {
    expect(view({ purchase: ended('sold_out') }).status).toBeNull();
    expect(view({ purchase: { ...ended('sold_out'), restUntil: 101_000 } }).status).not.toBeNull();
  });

  it('lets a shopper buy up to the limit', () => {
    const two = { ...tv, limit: 2 };
    expect(view({ sku: two, held: 1, unpaid: true })).toMatchObject({
      button: { enabled: true },
      quantity: true,
      toOrders: 'Pay or cancel',
    });
    expect(view({ sku: two, held: 2 })).toMatchObject({
      button: { enabled: false },
      quantity: false,
    });
  });

  it('speaks of a lost connection without calling anything lost', () => {
    const sending: Purchase = { ...initialPurchase(), phase: 'sending', key: 'k' };
    const unsure = view({ purchase: advance(sending, { type: 'unanswered' }) });
    expect(unsure.status?.text).toMatch(/counts once/);
  });
});

it('a tile of a sale that was called off says so, whatever the shopper had', () => {
  for (const input of [{}, { held: 1 }, { purchase: ended('ordered') }]) {
    const { status, button } = view({ phase: 'closed', calledOff: true, ...input });
    expect(status?.title).toBe('The shop has called this sale off');
    expect(button).toMatchObject({ label: 'Sale ended', enabled: false });
  }
});

describe('the top of the page', () => {
  it('says sold out only when everything is', () => {
    const gone: Sku = { ...tv, availability: 'sold_out' };
    expect(heroPhase('open', [gone, gone])).toBe('sold_out');
    expect(heroPhase('open', [gone, { ...tv, availability: 'maybe' }])).toBe('open');
    expect(heroPhase('closed', [gone])).toBe('closed');
  });

  it('calls a sale without products neither open nor sold out', () => {
    expect(heroPhase('open', [])).toBe('scheduled');
    expect(heroPhase('closed', [])).toBe('closed');
  });
});

describe('when a sale is', () => {
  const sale = { opensAt: '2030-01-01T12:00:00Z', closesAt: '2030-01-01T13:00:00Z' };
  const [before, after] = [Date.parse(sale.closesAt) - 1, Date.parse(sale.closesAt)];

  it('is told of the moment that is next, and of an end that the shop made', () => {
    expect(whenText(sale, 'scheduled', 0)).toMatch(/^Opens .*2030/);
    const opened = Date.parse(sale.opensAt);
    expect(whenText(sale, 'scheduled', opened)).toBe('The products are not here yet');
    expect(whenText(sale, 'open', before)).toMatch(/^Until .*2030/);
    expect(whenText(sale, 'closed', after)).toMatch(/^Closed .*2030/);
    expect(whenText(sale, 'closed', before)).toBe('Ended early by the shop');
  });
});

describe('orders', () => {
  const order = (orderNo: string, status: string, createdAt = '2030-01-01T00:00:00Z'): Order => ({
    orderNo,
    requestId: `r${orderNo}`,
    sale: 's',
    sku: 'TV',
    quantity: 1,
    amount: '9.00',
    currency: 'EUR',
    status,
    createdAt,
    payBefore: '2030-01-01T00:15:00Z',
  });

  it('do not go back to unpaid because a cache is old', () => {
    const merged = mergeOrders([order('1', 'paid')], [order('1', 'ordered')]);
    expect(merged.map((each) => each.status)).toEqual(['paid']);
  });

  it('stand newest first', () => {
    const late = order('3', 'ordered', '2030-01-02T00:00:00Z');
    expect(mergeOrders([order('1', 'paid')], [late]).map((each) => each.orderNo)).toEqual([
      '3',
      '1',
    ]);
  });

  it('count against the limit unless their units went back', () => {
    const mine = ['ordered', 'paid', 'cancelled', 'expired'].map((status, i) =>
      order(`${i}`, status),
    );
    expect(unitsHeld(mine, 'TV')).toBe(2);
    expect(unitsHeld(mine, 'Phone')).toBe(0);
  });

  it('say how much money goes back, and whether it has', () => {
    const late: Order = { ...order('1', 'expired'), refund: { status: 'due', amount: '9.00' } };
    expect(orderMessage(late)).toMatchObject({ title: 'Your payment will be returned' });
    expect(orderMessage(late).text).toContain(`will be returned to you: ${money('9.00', 'EUR')}.`);
    const at = '2030-01-02T00:00:00Z';
    const back: Order = {
      ...late,
      refund: { status: 'done', amount: '1500', currency: 'JPY', at },
    };
    expect(orderMessage(back)).toMatchObject({ title: 'Your payment was returned' });
    expect(orderMessage(back).text).toContain(`was returned to you: ${money('1500', 'JPY')}, `);
    // Paid twice: the order is as good as before.
    expect(orderMessage({ ...back, status: 'paid' })).toMatchObject({
      title: 'Paid',
      tone: 'good',
    });
    expect(refundText(order('1', 'ordered'))).toBe('');
  });

  it('say that the shop has ended them, and blame no payment for it', () => {
    const byShop: Order = { ...order('1', 'cancelled'), reason: 'by_shop' };
    expect(orderMessage(byShop)).toMatchObject({
      title: 'The shop cancelled this order',
      text: 'Its support can tell you why.',
    });
    const refund = { status: 'due' as const, amount: '9.00' };
    const due = { ...byShop, refund };
    expect(orderMessage(due).text).toBe(
      `Its support can tell you why. Your payment will be returned to you: ${money('9.00', 'EUR')}.`,
    );
    const off: Order = { ...due, reason: 'called_off', refund: { ...refund, status: 'done' } };
    expect(orderMessage(off).text).toBe(
      `The shop has called this sale off. Your payment was returned to you: ${money('9.00', 'EUR')}.`,
    );
    expect(orderMessage(order('1', 'cancelled')).text).toBe('Its units were given back.');
  });

  it('cost nothing where they are free', () => {
    expect(orderMessage({ ...order('1', 'paid'), amount: '0.00' }).title).toBe('It is yours');
    const free = { ...tv, price: '0.000', currency: 'KWD' };
    expect(view({ sku: free, held: 1 }).status?.text).toMatch(/nothing to pay/);
    expect(view({ sku: free, purchase: ended('paid') }).status?.title).toBe('It is yours');
    expect(money(free.price, free.currency)).toBe('Free');
  });

  it('show money with the digits that the shop sends, exactly', () => {
    const digits = (text: string) => text.replaceAll(/[^0-9]/g, '');
    expect(digits(money('1.230', 'KWD'))).toBe('1230');
    expect(digits(money('980', 'JPY'))).toBe('980');
    // The browser would show this one without decimals, and that one rounded.
    expect(digits(money('9.50', 'MGA'))).toBe('950');
    expect(digits(money('9007199254740993.55', 'EUR'))).toBe('900719925474099355');
    expect(money('1.00', 'no currency')).toBe('1.00 no currency');
  });

  it('have a time to pay', () => {
    expect(payLeftMs(order('1', 'ordered'), Date.parse('2030-01-01T00:14:00Z'))).toBe(60_000);
    expect(payLeftMs({ ...order('1', 'ordered'), payBefore: null }, 0)).toBe(
      Number.POSITIVE_INFINITY,
    );
  });
});
