import { type Evidence, groups, shown, timesOf } from './evidence.ts';
import type { Call } from './history.ts';

/** Promises about requests: each ends, once, and what its shopper is told is true. */

/** Calls that say where a request stands. */
const tells = (calls: readonly Call[]) =>
  calls.filter(
    ({ name, requestId, state, status }) =>
      name === 'status' && status === 200 && requestId !== undefined && state !== undefined,
  );

const takenOf = (calls: readonly Call[]) => calls.filter(({ status }) => status === 202);

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

/**
 * A node that cannot read the database knows of its own requests what it knew last. Meanwhile another node may
 * have told more.
 */
function isBlind({ history }: Evidence, { node, at, until, state }: Call): boolean {
  const times = timesOf(
    history,
    ({ target }) => target === 'postgres' || target === `${node}>postgres` || target === node,
  );
  return state === 'queued' && times.some(([from, to]) => until >= from && at <= to + AROUND_MS);
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
      const later = inOrder.slice(at + 1).find((call) => call.at >= earlier.until);
      if (later === undefined || later.state === earlier.state) continue;
      if (isReachable(earlier.state ?? '', later.state ?? '')) continue;
      if (later.node !== earlier.node && isBlind(evidence, later)) continue;
      found.push(`${id}: ${shown(earlier)}, and then: ${shown(later)}`);
    }
    return found.slice(0, 1);
  });
}

function isReachable(from: string, to: string): boolean {
  const next = MAY_BECOME[from] ?? [];
  return next.includes(to) || next.some((between) => isReachable(between, to));
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

/** An answer is a success, a refusal with a verdict, or none at all. */
export function answersAreLawful({ calls }: Evidence): string[] {
  const taken = new Set(takenOf(calls).map(({ requestId }) => requestId));
  return calls.flatMap((call) => {
    const { status, verdict, name, requestId } = call;
    if (status === null || status < 400) return [];
    if (verdict === undefined || status === 500) return [`no verdict: ${shown(call)}`];
    if (status === 503 && call.retryAfter === undefined) return [`no Retry-After: ${shown(call)}`];
    const isDenied = status === 404 && name === 'status' && taken.has(requestId);
    return isDenied ? [`${requestId} was taken, and is unknown: ${shown(call)}`] : [];
  });
}

/** A list has orders of its owner only, each as it once was. */
export function listsAreTrue({ calls, orders }: Evidence): string[] {
  return calls.flatMap((call) =>
    (call.orders ?? []).flatMap((seen) => {
      const order = orders.get(seen.orderNo);
      const isOwn = order?.user_id === call.who && order.request_id === seen.requestId;
      const wasSo = order?.status === seen.status || isReachable(seen.status, order?.status ?? '');
      return isOwn && wasSo
        ? []
        : [`${shown(call)} listed ${JSON.stringify(seen)}; the order is ${JSON.stringify(order)}`];
    }),
  );
}
