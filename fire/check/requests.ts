import { type Evidence, groups, possibleTimes, shown } from './evidence.ts';
import type { Call } from './history.ts';

/** Promises about requests: each ends, once, and what its shopper is told is true. */

/** Calls that say where a request stands. */
const tells = (calls: readonly Call[]) =>
  calls.filter(
    ({ name, requestId, state, status }) =>
      name === 'status' && status === 200 && requestId !== undefined && state !== undefined,
  );

export const takenOf = (calls: readonly Call[]) => calls.filter(({ status }) => status === 202);

export function everyRequestEnds({ calls, truth }: Evidence): string[] {
  const last = new Map(tells(calls).map((call) => [call.requestId, call]));
  return takenOf(calls).flatMap((taken) => {
    const id = taken.requestId ?? '';
    if (!truth.has(id)) return [`${id} was taken and has no outcome: ${shown(taken)}`];
    const told = last.get(id);
    if (told === undefined) return [`${id} was taken, and nobody was told how it ended`];
    return told.state === 'queued' ? [`${id} is still queued: ${shown(told)}`] : [];
  });
}

export function everyEndIsTrue({ calls, truth }: Evidence): string[] {
  const last = new Map(tells(calls).map((call) => [call.requestId, call]));
  const taken = new Set(takenOf(calls).map(({ requestId }) => requestId));
  return [...last].flatMap(([id = '', told]) => {
    const is = truth.get(id);
    if (told.state === 'queued' || told.state === is) return [];
    // Nobody said that it was taken, it is lost, and its shopper hears that it was not taken.
    if (is === undefined && told.state === 'rejected' && !taken.has(id)) return [];
    return [`${id} is ${is ?? 'unknown to the database'}, and was told: ${shown(told)}`];
  });
}

/** The crowd sends nothing that cannot be decided, and no fault of a run is the fault of a request. */
export function noneAside({ history }: Evidence): string[] {
  return history.flatMap((entry) =>
    entry.kind === 'aside' && entry.requests > 0 ? [`${entry.requests} are dead letters`] : [],
  );
}

/** What may follow a status that was told. Payments may come late, but for cancelled orders. */
const MAY_BECOME: Readonly<Record<string, readonly string[]>> = {
  ordered: ['paid', 'cancelled', 'expired'],
  expired: ['paid'],
};

/** What a call says of a request: also the answers to a payment and to a cancellation. */
function told(call: Call, orders: Evidence['orders']): Call[] {
  const { name, status, payment, state, order } = call;
  if (name === 'status') return tells([call]);
  if (status === null || status >= 300) return [];
  const isPaid = name === 'pay' && state === 'paid';
  const requestId = isPaid ? orders.get(payment?.orderNo ?? '')?.request_id : order?.requestId;
  const is = isPaid ? state : order?.status;
  if (requestId === undefined || is === undefined) return [];
  return name === 'pay' || name === 'cancel' ? [{ ...call, requestId, state: is }] : [];
}

/** A process has lost its connections a moment before the fault is over, and has them again a while later. */
const AROUND_MS = 3_000;
/** TCP doubles its wait after each try: what was lost may be sent again only as long after a silence as that lasted. */
const SILENCES = ['silence', 'silence-out', 'silence-in', 'lost-packets'];

/**
 * A node that cannot read the database knows of its own requests what it knew last. Meanwhile another node may
 * have told more.
 */
function isBlind({ history }: Evidence, { node, at, until, state }: Call): boolean {
  const times = possibleTimes(
    history,
    ({ target }) => target === 'postgres' || target === `${node}>postgres` || target === node,
  ).map(([from, to]) => [from, to + AROUND_MS] as const);
  const silences = possibleTimes(
    history,
    ({ fault, target }) => SILENCES.includes(fault) && target === node,
  ).map(([from, to]) => [from, to + (to - from)] as const);
  return (
    state === 'queued' && [...times, ...silences].some(([from, to]) => until >= from && at <= to)
  );
}

export function noVerdictTakenBack(evidence: Evidence): string[] {
  const { calls, orders } = evidence;
  const all = calls.flatMap((call) => told(call, orders));
  return groups(all, ({ requestId = '' }) => requestId).flatMap(([id, own]) => {
    const found: string[] = [];
    const inOrder = [...own].sort((one, other) => one.until - other.until);
    for (const [at, earlier] of inOrder.entries()) {
      if (earlier.state === 'queued') continue;
      // Only what was asked after the first answer came has to follow it.
      const later = inOrder
        .slice(at + 1)
        .filter((call) => call.at >= earlier.until && !mayFollow(earlier.state, call.state))
        .find((call) => call.node === earlier.node || !isBlind(evidence, call));
      if (later !== undefined) found.push(`${id}: ${shown(earlier)}, and then: ${shown(later)}`);
    }
    return found.slice(0, 1);
  });
}

/** Whether one status may be told after the other: it is the same, or follows from it. */
function mayFollow(from = '', to = ''): boolean {
  return from === to || (MAY_BECOME[from] ?? []).some((between) => mayFollow(between, to));
}

export function oneOutcome({ dump }: Evidence): string[] {
  const outcomes = groups(dump.outcomes, ({ request_id: id }) => id)
    .filter(([, rows]) => rows.length > 1)
    .map(([id, rows]) => `${id} has ${rows.length} outcomes: ${JSON.stringify(rows)}`);
  const orders = groups(dump.orders, ({ request_id: id }) => id)
    .filter(([, rows]) => rows.length > 1)
    .map(([id, rows]) => `${id} became ${rows.length} orders: ${JSON.stringify(rows)}`);
  const lone = dump.orders
    .filter(({ request_id: id }) => !dump.outcomes.some((outcome) => outcome.request_id === id))
    .map(({ order_no: orderNo }) => `order ${orderNo} has no outcome`);
  return [...outcomes, ...orders, ...lone];
}

/** A node remembers a list for so long, and hears of no change by another one. */
const LIST_AGE_MS = 1_000;

/** A list has orders of its owner only, each as it once was, and all that the owner knew a while before. */
export function listsAreTrue({ calls, orders }: Evidence): string[] {
  const known = Map.groupBy(
    calls.filter(({ order }) => order !== undefined),
    ({ who }) => who,
  );
  return calls.flatMap((call) => {
    const listed = call.orders ?? [];
    const wrong = listed.flatMap((seen) => {
      const order = orders.get(seen.orderNo);
      const isOwn = order?.user_id === call.who && order.request_id === seen.requestId;
      return isOwn && mayFollow(seen.status, order.status)
        ? []
        : [`${shown(call)} listed ${JSON.stringify(seen)}; the order is ${JSON.stringify(order)}`];
    });
    if (call.orders === undefined || call.isPartial) return wrong;
    const before = known.get(call.who)?.filter(({ until }) => until + LIST_AGE_MS <= call.at) ?? [];
    const old = before.flatMap((earlier) => {
      const seen = listed.find(({ orderNo }) => orderNo === earlier.order?.orderNo);
      if (seen !== undefined && mayFollow(earlier.order?.status, seen.status)) return [];
      const told = `${shown(earlier)}, with ${JSON.stringify(earlier.order)}`;
      return [`${told}, and then: ${shown(call)} listed ${JSON.stringify(seen)}`];
    });
    return [...wrong, ...old];
  });
}
