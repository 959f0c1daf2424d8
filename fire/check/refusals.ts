import { type Evidence, shown, sum } from './evidence.ts';
import type { Call } from './history.ts';
import { takenOf } from './requests.ts';

/** Promises about refusals: each says why and when to come again, and none is a lie. */

/** Too early, too many, and not now: another call may be answered in another way. */
const MAY_CHANGE = [425, 429, 503];

/** An answer is a success, a refusal with a verdict, or none at all. */
export function answersAreLawful({ calls }: Evidence): string[] {
  const taken = new Set(takenOf(calls).map(({ requestId }) => requestId));
  return calls.flatMap((call) => {
    const { status, verdict, name, requestId, retryAfter } = call;
    if (status === null || status < 400) return [];
    if (verdict === undefined || status === 500) return [`no verdict: ${shown(call)}`];
    if (MAY_CHANGE.includes(status) && retryAfter === undefined) {
      return [`no Retry-After: ${shown(call)}`];
    }
    const isDenied = status === 404 && name === 'status' && taken.has(requestId);
    return isDenied ? [`${requestId} was taken, and is unknown: ${shown(call)}`] : [];
  });
}

/**
 * Verdicts that are true only after this edit of an operator. Nobody of a run closes a sale or blocks a user.
 */
const ONLY_AFTER: Readonly<Record<string, string | undefined>> = {
  ...{ shed: 'keep', paused: 'pause', closed: undefined, blocked: undefined },
};

interface Refusal {
  readonly verdict: string;
  readonly sku: string;
  readonly who: string;
  readonly text: string;
}

/** Those of calls, and those that were decided. */
function refusals({ calls, dump }: Evidence): Refusal[] {
  const said = ({ verdict = '', sku = '', who }: Call) => ({ verdict, sku, who });
  return [
    ...calls.map((call) => ({ ...said(call), text: shown(call) })),
    ...dump.outcomes.map(({ status, sku, user_id: who, request_id: id }) => {
      return { verdict: status, sku, who, text: `${id} of ${who} is ${status}` };
    }),
  ];
}

/** SKUs of which there was a free unit at every moment, whatever came back later. */
function neverSoldOut({ dump, history }: Evidence): string[] {
  const everSold = Map.groupBy(dump.orders, ({ sku }) => sku);
  const atFirst = new Map(
    history
      .flatMap((entry) => (entry.kind === 'fault' ? (entry.restocked ?? []) : []))
      .toReversed()
      .map(({ sku, units }) => [sku, units]),
  );
  return [...atFirst].flatMap(([sku, units]) =>
    sum(everSold.get(sku) ?? [], (order) => Number(order.units)) < units ? [sku] : [],
  );
}

/** Users who asked once for a SKU and have no order of it: they are below each limit. */
function isBelowLimit({ dump, calls }: Evidence, { who, sku }: Refusal): boolean {
  const asked = calls.filter((call) => call.who === who && call.sku === sku);
  const requests = new Set(asked.flatMap(({ requestId }) => requestId ?? []));
  return (
    requests.size <= 1 && !dump.orders.some((order) => order.user_id === who && order.sku === sku)
  );
}

/** A refusal for good, or for a reason, has that reason. */
export function refusalsAreTrue(evidence: Evidence): string[] {
  const free = neverSoldOut(evidence);
  const made = evidence.history.filter((entry) => entry.kind === 'fault');
  return refusals(evidence).flatMap((refusal) => {
    const { verdict, sku, text } = refusal;
    if (verdict === 'sold_out' && free.includes(sku)) return [`${sku} was never sold out: ${text}`];
    if (verdict === 'limit_reached' && isBelowLimit(evidence, refusal)) {
      return [`who has had nothing of ${sku} is below its limit: ${text}`];
    }
    const isEdit = Object.hasOwn(ONLY_AFTER, verdict);
    const isMade = made.some(
      ({ fault, target }) => fault === ONLY_AFTER[verdict] && sku.endsWith(`-${target}`),
    );
    return isEdit && !isMade ? [`nobody made ${sku} ${verdict}: ${text}`] : [];
  });
}
