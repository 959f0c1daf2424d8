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

type Time = readonly [from: number, to: number];

/** The begin and the end of each of these faults. Some are over at once and have no end, such as a switchover. */
function facedBy(history: readonly Entry[], isMeant: (fault: FaultEntry) => boolean) {
  const meant = history.filter((entry) => entry.kind === 'fault');
  const faults = meant.filter((entry) => isMeant(entry));
  return faults.flatMap((begin) => {
    if (begin.phase !== 'begin') return [];
    const isSame = ({ fault, target }: FaultEntry) =>
      fault === begin.fault && target === begin.target;
    const next = faults.find((one) => isSame(one) && one !== begin && one.at >= begin.until);
    return [{ begin, end: next?.phase === 'end' ? next : undefined }];
  });
}

/** When one of these faults certainly lasted: what accuses a process. */
export function certainTimes(...faults: Parameters<typeof facedBy>): Time[] {
  return facedBy(...faults).flatMap(({ begin, end }) =>
    begin.error === undefined && end !== undefined ? [[begin.until, end.at]] : [],
  );
}

/** When one of these faults may have lasted: what excuses a process. A fault that failed may have been made. */
export function possibleTimes(...faults: Parameters<typeof facedBy>): Time[] {
  return facedBy(...faults).map(({ begin, end }) => [begin.at, (end ?? begin).until]);
}

/** Orders that hold their units. */
export const isLive = ({ status }: { readonly status: string }) =>
  status === 'ordered' || status === 'paid';

export function sum<T>(list: readonly T[], of: (one: T) => number): number {
  return list.reduce((all, one) => all + of(one), 0);
}

/** Units of the SKU that were ever ordered. Those of a wave never come back. */
export function orderedOf({ orders }: Dump, sku: string): number {
  const own = orders.filter((order) => order.sku === sku);
  return sum(own, ({ units }) => Number(units));
}

export function groups<T>(list: readonly T[], keyOf: (one: T) => string): [string, T[]][] {
  return [...Map.groupBy(list, keyOf)];
}

/** A call as a message shows it. */
export function shown({ at, until, who, name, node, status, verdict, state, error }: Call): string {
  const what = [status ?? 'no answer', verdict, state, error].filter((part) => part !== undefined);
  return `${at.toFixed(0)}–${until.toFixed(0)} ms, ${who}: ${name} at ${node}: ${what.join(' ')}`;
}
