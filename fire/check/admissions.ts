import { certainTimes, type Evidence, orderedOf, shown } from './evidence.ts';

/** Promises about who may admit how much. */

/** The units of a quota are admitted once, whatever happened to the nodes that were granted them. */
export function admissionsBounded({ history, dump }: Evidence): string[] {
  return history.flatMap((entry) => {
    if (entry.kind !== 'quota') return [];
    const sold = orderedOf(dump, entry.sku);
    return sold > entry.units ? [`${entry.sku}: ${sold} units, the quota is ${entry.units}`] : [];
  });
}

const CUTS = [
  ...['cut', 'cut-to-server', 'cut-from-server', 'isolate'],
  ...['silence', 'silence-out', 'silence-in'],
];

/** From the begin to the end of each fault that keeps this node from ZooKeeper. */
const withoutZookeeper = (history: Evidence['history'], node: string) =>
  certainTimes(
    history,
    ({ fault, target }) =>
      CUTS.includes(fault) && (target === `${node}>zookeeper` || target === node),
  );

/** A node that cannot reach ZooKeeper for a whole session has no session, and takes nothing. */
export function noneTakesWithoutSession({ history, calls }: Evidence): string[] {
  const session = history.find((entry) => entry.kind === 'session');
  if (session?.kind !== 'session') return [];
  const presses = calls.filter(({ name }) => name === 'press');
  const firstAt = new Map<string, number>();
  for (const { requestId = '', at } of presses) {
    firstAt.set(requestId, Math.min(at, firstAt.get(requestId) ?? at));
  }
  const nodes = [...new Set(presses.map(({ node }) => node))];
  return nodes.flatMap((node) =>
    withoutZookeeper(history, node).flatMap(([from, to]) =>
      presses
        .filter(
          ({ node: asked, status, requestId = '', until }) =>
            asked === node &&
            status === 202 &&
            // A request that was taken earlier gets the same answer.
            (firstAt.get(requestId) ?? 0) > from + session.timeoutMs &&
            until < to,
        )
        .map((call) => `${node} had no ZooKeeper from ${from} to ${to} ms: ${shown(call)}`),
    ),
  );
}
