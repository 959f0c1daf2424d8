import { describe, expect, it } from 'vitest';
import { check, PROMISES } from '../../fire/check/check.ts';
import type { Dump } from '../../fire/check/dump.ts';
import type { Call, Entry, SeenOrder } from '../../fire/check/history.ts';

/** Each promise is broken once, in a history that is clean otherwise. */

let clock = 0;
function call(name: Call['name'], fields: Partial<Call> = {}): Call {
  clock += 10;
  const times = { at: clock, until: clock + 5 };
  return { kind: 'call', who: 'ada', name, node: 'web-1', status: 200, ...times, ...fields };
}
/** When no node remembers an older list. */
const aWhileLater = () => ({ at: clock + 2_000, until: clock + 2_010 });
/** The goods of a press. */
const of = (sku: string) => ({ sku, quantity: 1 });
const told = (requestId: string, state: string, fields: Partial<Call> = {}) =>
  call('status', { requestId, state, ...fields });
const seen = (orderNo: string, requestId: string, fields: Partial<SeenOrder> = {}): SeenOrder => ({
  ...{ orderNo, requestId, sku: 'seats', status: 'paid', quantity: 1 },
  ...fields,
});
const brought = (sku: string, units: number): Entry => ({
  ...{ kind: 'fault', fault: 'restock', target: sku, phase: 'begin', at: 0, until: 0 },
  restocked: { sku, units },
});

/** The node is cut off for 9 s, and takes a request in the seventh. */
function cutOff(fault: string, target: string, press: Partial<Call> = {}): Entry[] {
  const cut = { kind: 'fault', fault, target } as const;
  return [
    { ...cut, phase: 'begin', at: 10_000, until: 10_001 },
    call('press', {
      status: 202,
      requestId: 'r5',
      ...of('seats'),
      at: 17_000,
      until: 17_010,
      ...press,
    }),
    { ...cut, phase: 'end', at: 19_000, until: 19_001 },
  ];
}

const history = (): Entry[] => [
  ...[brought('tv', 3), brought('seats', 2), brought('pot', 1)],
  { kind: 'quota', sku: 'pot', units: 1 },
  { kind: 'session', timeoutMs: 4_000 },
  { kind: 'aside', requests: 0 },
  call('press', { status: 202, requestId: 'r1', ...of('tv'), state: 'queued' }),
  call('press', { status: 202, requestId: 'r2', ...of('seats'), state: 'queued' }),
  call('press', { status: 410, verdict: 'sold_out', requestId: 'r9', ...of('pot') }),
  call('press', { status: null, requestId: 'r8', ...of('tv'), error: 'reset' }),
  call('press', { status: null, requestId: 'r3', ...of('pot') }),
  call('press', { status: null, requestId: 'r4', ...of('tv') }),
  told('r1', 'queued'),
  told('r1', 'ordered', { order: seen('1', 'r1', { sku: 'tv', status: 'ordered' }) }),
  call('pay', { payment: { orderNo: '1', reference: 'p1' } }),
  told('r1', 'paid', { order: seen('1', 'r1', { sku: 'tv' }) }),
  told('r2', 'paid', { order: seen('2', 'r2', { units: ['1-1'] }) }),
  call('orders', { orders: [seen('1', 'r1', { sku: 'tv', status: 'ordered' })] }),
  { kind: 'recovery', tookMs: 800, limitMs: 10_000, parts: [] },
];

const sku = (name: string, goods: string, price: string, supply: string, free: string) => ({
  ...{ sku: name, goods, user_limit: '2', price, supply, free, lowest: '0' },
});
const order = (no: string, name: string, request: string, fields: object = {}) => ({
  ...{ order_no: no, sku: name, request_id: request, user_id: 'ada', units: '1', amount: '10' },
  ...{ status: 'paid', day: '', ...fields },
});
const outcome = (request: string, name: string, no: string) => ({
  ...{ request_id: request, sku: name, user_id: 'ada', status: 'ordered', order_no: no },
});
const payment = (ref: string, no: string, result = 'paid', refund = '') => ({
  ...{ payment_ref: ref, order_no: no, result, refund },
});
const dump = (): { -readonly [part in keyof Dump]: Dump[part][number][] } => ({
  skus: [
    sku('tv', 'counted', '10', '3', '2'),
    sku('seats', 'numbered', '40', '2', '1'),
    sku('pot', 'amounts', '0', '1', '0'),
    sku('daily', 'daily', '0', '0', '0'),
  ],
  orders: [
    order('1', 'tv', 'r1'),
    order('2', 'seats', 'r2', { amount: '40' }),
    order('3', 'pot', 'r3'),
    order('4', 'tv', 'r4', { status: 'expired' }),
  ],
  outcomes: [
    outcome('r1', 'tv', '1'),
    outcome('r2', 'seats', '2'),
    outcome('r3', 'pot', '3'),
    outcome('r4', 'tv', '4'),
  ],
  payments: [payment('p1', '1'), payment('p2', '2'), payment('p4', '4', 'refund_due', 'due')],
  refunds: [{ payment_ref: 'p4', told: '1' }],
  units: [
    { sku: 'seats', position: '1', order_no: '2', name: '1-1' },
    { sku: 'seats', position: '2', order_no: '', name: '1-2' },
    { sku: 'pot', position: '1', order_no: '3', name: '0.50' },
  ],
  waiting: [{ entry: 'e1', sku: 'tv', user_id: 'ada', state: 'served', order_no: '1' }],
  audit: [],
});

const pressOf = (entries: readonly Entry[], id: string) =>
  entries.findIndex((one) => one.kind === 'call' && one.name === 'press' && one.requestId === id);
const refused = { status: 503, verdict: 'overloaded', retryAfter: '2' };

/** While the fault lasts, the node says less than the other one has said. */
function blind(fault: string, target: string, end = 2_000): Entry[] {
  const about = { kind: 'fault', fault, target } as const;
  return [
    { ...about, phase: 'begin', at: 900, until: 1_015 },
    told('r4', 'expired', { at: 1_000, until: 1_010 }),
    told('r4', 'queued', { at: 1_020, until: 1_030, node: 'web-2' }),
    told('r4', 'expired', { at: 9_000, until: 9_010, node: 'web-2' }),
    ...(end > 0 ? [{ ...about, phase: 'end', at: end, until: end } as const] : []),
  ];
}

type Books = ReturnType<typeof dump>;
type Break = (entries: Entry[], books: Books) => void;
const change = <T>(list: T[], at: number, fields: Partial<T>) => {
  list[at] = { ...(list[at] as T), ...fields };
};

/** Promise → ways to break it. */
const BROKEN: Readonly<Record<string, readonly Break[]>> = {
  'nothing is oversold': [
    (_, { skus }) => change(skus, 0, { free: '3' }),
    (_, { orders }) => change(orders, 3, { status: 'paid' }),
    (_, { skus }) => change(skus, 0, { lowest: '-1' }),
    (_, { skus, orders }) => {
      change(skus, 0, { supply: '4' });
      change(orders, 0, { units: '2' });
    },
  ],
  'nothing is stranded while wanted': [
    (entries) => entries.push({ kind: 'wanted', sku: 'tv', answers: ['sold_out'] }),
    (_, { orders }) => change(orders, 0, { status: 'ordered' }),
    (entries) => {
      entries.push({ kind: 'quota', sku: 'pot', units: 2 });
      entries.push({ kind: 'wanted', sku: 'pot', answers: ['quota_spent'] });
    },
  ],
  'every 202 ends': [
    (entries) => entries.push(call('press', { status: 202, requestId: 'lost' })),
    (entries) => entries.push(told('r1', 'queued')),
    (entries) => entries.push(call('press', { status: 202, requestId: 'r4' })),
  ],
  'every end is told truly': [
    (entries) => entries.push(told('r4', 'ordered')),
    (entries) => entries.push(told('r7', 'sold_out')),
    (entries) =>
      entries.push(call('press', { status: 202, requestId: 'r7' }), told('r7', 'rejected')),
  ],
  'no lawful request is put aside': [(entries) => entries.push({ kind: 'aside', requests: 1 })],
  'a request has one outcome': [
    (_, { outcomes }) => outcomes.push(outcome('r1', 'tv', '1')),
    (_, { orders, skus }) => {
      orders.push(order('5', 'tv', 'r1', { status: 'cancelled' }));
      change(skus, 0, {});
    },
    (_, { orders }) => orders.push(order('5', 'tv', 'r5', { status: 'cancelled' })),
  ],
  'an order is what was asked for': [
    (entries) => entries.splice(pressOf(entries, 'r2'), 1),
    (entries) => change(entries, pressOf(entries, 'r2'), { who: 'bob' }),
    (entries) => change(entries, pressOf(entries, 'r2'), { sku: 'tv' }),
    (entries) => change(entries, pressOf(entries, 'r2'), { quantity: 2 }),
    (entries) => change(entries, pressOf(entries, 'r4'), refused),
    (_, { orders }) => change(orders, 0, { amount: '20' }),
  ],
  'limits are kept': [
    (_, { orders }) => change(orders, 0, { units: '3' }),
    (_, { skus }) => change(skus, 1, { user_limit: '0' }),
  ],
  'admissions are bounded': [(_, { orders }) => orders.push(order('5', 'pot', 'r5'))],
  'a node without a session takes nothing': [
    (entries) => entries.push(...cutOff('cut', 'web-1>zookeeper')),
    (entries) => entries.push(...cutOff('isolate', 'web-1')),
    (entries) => entries.push(...cutOff('silence-in', 'web-1')),
  ],
  'money equals orders': [
    (_, { payments }) => payments.shift(),
    (_, { payments }) => payments.push(payment('p5', '1')),
    (_, { payments }) => payments.push(payment('p5', '4')),
    (_, { payments }) => change(payments, 2, { refund: '' }),
    (_, { refunds }) => change(refunds, 0, { told: '2' }),
    (_, { refunds }) => refunds.pop(),
    (_, { payments }) => change(payments, 0, { refund: 'done' }),
    (_, { payments }) => payments.push(payment('p4', '4', 'refund_due', 'due')),
    (_, { payments }) => payments.push(payment('p6', '99', 'refund_due', 'due')),
    (entries) => entries.push(call('pay', { payment: { orderNo: '1', reference: 'gone' } })),
  ],
  'no unit is given to two': [
    (_, { units }) => change(units, 1, { order_no: '4' }),
    (_, { units }) => change(units, 0, { order_no: '' }),
    (_, { units }) => change(units, 1, { order_no: '2' }),
    (entries) => entries.push(told('r2', 'paid', { order: seen('2', 'r2', { units: ['1-2'] }) })),
    (_, { waiting }) => waiting.push({ ...waiting[0], user_id: 'bob' } as (typeof waiting)[0]),
    (_, { waiting }) => change(waiting, 0, { order_no: '77' }),
  ],
  'no verdict is taken back': [
    (entries) => entries.push(told('r1', 'sold_out'), told('r1', 'paid')),
    (entries) => entries.push(told('r1', 'ordered')),
    (entries) => entries.push(told('r1', 'queued'), told('r1', 'paid')),
    (entries) => entries.push(call('cancel', { order: seen('1', 'r1', { status: 'cancelled' }) })),
    (entries) =>
      entries.push(
        call('pay', { state: 'paid', payment: { orderNo: '4', reference: 'p4' } }),
        told('r4', 'expired'),
      ),
    // A node that was excused before, or is not any more.
    (entries) =>
      entries.push(
        ...blind('cut', 'web-2>postgres'),
        told('r4', 'ordered', { at: 5_000, until: 5_010 }),
      ),
  ],
  'every refusal has its verdict': [
    (entries) => entries.push(call('press', { status: 500, verdict: 'internal' })),
    (entries) => entries.push(call('press', { status: 502 })),
    ...(
      [
        [503, 'overloaded'],
        [429, 'quota_spent'],
        [425, 'not_open'],
      ] as const
    ).map(
      ([status, verdict]): Break =>
        (entries) =>
          entries.push(call('press', { status, verdict })),
    ),
    (entries) =>
      entries.push(call('status', { status: 404, verdict: 'not_found', requestId: 'r1' })),
  ],
  'no refusal is a lie': [
    (entries) => entries.push(call('press', { status: 410, verdict: 'sold_out', ...of('tv') })),
    (_, { outcomes }) =>
      outcomes.push({ ...outcome('r9', 'tv', ''), status: 'sold_out', user_id: 'bob' }),
    (_, { outcomes }) =>
      outcomes.push({ ...outcome('r9', 'tv', ''), status: 'limit_reached', user_id: 'bob' }),
    (entries) => entries.push(call('ticket', { status: 410, verdict: 'closed', ...of('tv') })),
    (entries) => entries.push(call('ticket', { status: 403, verdict: 'blocked', ...of('tv') })),
    (entries) => {
      const refusal = { status: 503, verdict: 'paused', retryAfter: '5' };
      entries.push(call('press', { ...refusal, ...of('tv') }));
    },
    (entries) =>
      entries.push(
        call('press', { status: 429, verdict: 'shed', retryAfter: '1', ...of('fire-tv') }),
        { kind: 'fault', fault: 'keep', target: 'seats', phase: 'begin', at: 0, until: 1 },
      ),
  ],
  'lists of orders are true': [
    (entries) => entries.push(call('orders', { orders: [], ...aWhileLater() })),
    (entries) => {
      const orders = [seen('1', 'r1', { sku: 'tv', status: 'ordered' }), seen('2', 'r2')];
      entries.push(call('orders', { orders, ...aWhileLater() }));
    },
    (entries) => entries.push(call('orders', { who: 'bob', orders: [seen('1', 'r1')] })),
    (entries) => entries.push(call('orders', { orders: [seen('9', 'r1')] })),
    (entries) =>
      entries.push(call('orders', { orders: [seen('1', 'r1', { status: 'cancelled' })] })),
  ],
  'the audit is empty': [(_, { audit }) => audit.push({ found: 'regular: (books,1,2)' })],
  'the system recovers in time': [
    (entries) =>
      entries.push({
        kind: 'recovery',
        tookMs: 10_001,
        limitMs: 10_000,
        parts: [{ name: 'web-1', wellAfterMs: 10_001 }],
      }),
  ],
};

describe('the checker', () => {
  it('finds nothing in a clean history', () => {
    expect(check(history(), dump())).toEqual([]);
  });

  it('lets answers that cross each other come in any order', () => {
    const crossing = [
      told('r4', 'expired', { at: 1_000, until: 1_100 }),
      told('r4', 'ordered', { at: 1_050, until: 1_150 }),
      told('r4', 'expired', { at: 1_200, until: 1_210 }),
    ];
    expect(check([...history(), ...crossing], dump())).toEqual([]);
  });

  it('lets a node say that it has not taken what it never said to have taken', () => {
    const lost = [
      call('press', { status: 503, verdict: 'overloaded', retryAfter: '1', requestId: 'r7' }),
    ];
    expect(check([...history(), ...lost, told('r7', 'rejected')], dump())).toEqual([]);
  });

  it('lets a node that cannot read the database know less than another one', () => {
    const cut = blind('cut', 'web-2>postgres');
    expect(check([...history(), ...cut], dump())).toEqual([]);
    // A hand-over to a standby is over at once and has no end.
    expect(check([...history(), ...blind('switchover', 'postgres', 0)], dump())).toEqual([]);
    const seeing = cut.filter(({ kind }) => kind === 'call');
    expect(check([...history(), ...seeing], dump())).toHaveLength(1);
  });

  it.each([
    ['silence', 6_000, 0],
    ['silence', 2_000, 1],
    ['isolate', 6_000, 1],
  ])('lets a node be blind for as long again after a %s of %i ms: %i found', (fault, ms, found) => {
    const about = { kind: 'fault', fault, target: 'web-2' } as const;
    const [end, later] = [1_000 + ms, 5_000 + ms];
    const entries: Entry[] = [
      { ...about, phase: 'begin', at: 1_000, until: 1_000 },
      { ...about, phase: 'end', at: end, until: end },
      told('r4', 'expired', { at: later, until: later + 10 }),
      told('r4', 'queued', { at: later + 20, until: later + 30, node: 'web-2' }),
      told('r4', 'expired', { at: later + 9_000, until: later + 9_010 }),
    ];
    expect(check([...history(), ...entries], dump())).toHaveLength(found);
  });

  it('lets a list lack what it says to lack, and an order come of a refusal that left it open', () => {
    const open = history();
    change(open, pressOf(open, 'r4'), { ...refused, isOpen: true });
    const partial = call('orders', { orders: [], isPartial: true, ...aWhileLater() });
    expect(check([...open, partial], dump())).toEqual([]);
  });

  it.each<[string, Partial<Call>]>([
    ['while its session lasts', { at: 13_000, until: 13_010 }],
    ['at the other node', { node: 'web-2' }],
    ['when the link is well again', { until: 19_100 }],
  ])('lets a node take a request %s', (_, press) => {
    const cut = cutOff('cut', 'web-1>zookeeper', { requestId: 'r2', ...press });
    const entries = history().filter((one) => one.kind !== 'call' || one.requestId !== 'r2');
    expect(check([...entries, ...cut, told('r2', 'paid')], dump())).toEqual([]);
  });

  it('has a broken history for each promise', () => {
    expect(Object.keys(BROKEN)).toEqual(Object.keys(PROMISES));
  });

  const cases = Object.entries(BROKEN).flatMap(([promise, ways]) =>
    ways.map((breaks, at) => ({ promise, at: at + 1, breaks })),
  );
  it.each(cases)('finds where this is broken: $promise ($at)', ({ promise, breaks }) => {
    const [entries, books] = [history(), dump()];
    breaks(entries, books);
    const found = check(entries, books);
    expect(found.map((one) => one.promise)).toContain(promise);
    for (const { evidence } of found) expect(evidence.length).toBeGreaterThan(5);
  });
});
