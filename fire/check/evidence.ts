import type { Dump } from './dump.ts';
import type { Call, Entry, FaultEntry } from './history.ts';

/** The history and the dump of a run, arranged for the promises. */

export interface Evidence {
  readonly history: readonly Entry[];
  readonly calls: readonly Call[];
  readonly dump: Dump;
  /** Where each request stands at the end: what its shopper must have been told. */
  readonly truth: ReadonlyMap<string, string>;
  readonly orders: ReadonlyMap<string, Dump['orders'][number]>;
}

export function evidenceOf(history: readonly Entry[], dump: Dump): Evidence {
  const orders = new Map(dump.orders.map((order) => [order.order_no, order]));
  const truth = new Map(
    dump.outcomes.map((outcome) => [
      outcome.request_id,
      orders.get(outcome.order_no)?.status ?? outcome.status,
    ]),
  );
  return {
    history,
    calls: history.filter((entry) => entry.kind === 'call'),
    dump,
    truth,
    orders,
  };
}

/** From the begin to the end of each of these faults. */
export function timesOf(
  history: readonly Entry[],
  isMeant: (fault: FaultEntry) => boolean,
): (readonly [from: number, to: number])[] {
  const meant = history.filter((entry) => entry.kind === 'fault');
  const faults = meant.filter((entry) => isMeant(entry));
  return faults.flatMap(({ phase, fault, target, until, error }) => {
    if (phase !== 'begin' || error !== undefined) return [];
    const isSame = (one: FaultEntry) => one.fault === fault && one.target === target;
    const end = faults.find((one) => one.phase === 'end' && isSame(one) && one.at >= until);
    return end === undefined ? [] : [[until, end.at] as const];
  });
}

/** Orders that hold their units. */
export const isLive = ({ status }: { readonly status: string }) =>
  status === 'ordered' || status === 'paid';

export function sum<T>(list: readonly T[], of: (one: T) => number): number {
  return list.reduce((all, one) => all + of(one), 0);
}

export function groups<T>(list: readonly T[], keyOf: (one: T) => string): [string, T[]][] {
  return [...Map.groupBy(list, keyOf)];
}

/** A call as a message shows it. */
export function shown({ at, until, who, name, node, status, verdict, state, error }: Call): string {
  const what = [status ?? 'no answer', verdict, state, error].filter((part) => part !== undefined);
  return `${at.toFixed(0)}–${until.toFixed(0)} ms, ${who}: ${name} at ${node}: ${what.join(' ')}`;
}
