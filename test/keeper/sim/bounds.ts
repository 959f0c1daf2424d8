import type { Cast } from './cast.ts';
import { unpin } from './faults.ts';
import type { Truth } from './truth.ts';

/** What must hold after the faults: everything recovers, edits come into force, all is sold. */

/** Time until an edit is in force on every node. */
const EDIT_BOUND_MS = 250;
/** Time until everything that may be sold is sold, while there is demand. */
const SELL_BOUND_MS = 6_000;
const ASK_EVERY_MS = 15;

/** Whether a keeper leads, every node is ready and no dead node is left. */
export function isMended(cast: Cast): boolean {
  const alive = cast.alive;
  const { reports, nodes, sessions } = cast.paths;
  const isCounted = [reports, nodes, sessions].every(
    (path) => cast.ensemble.node(path)?.children.size === alive.length,
  );
  return (
    cast.ensemble.isWhole &&
    isCounted &&
    [...alive, ...cast.keepers].every(
      ({ process, network }) => process.state === 'dead' || network.link?.isFlowing,
    ) &&
    alive.every(({ agent }) => agent.ready()) &&
    cast.keepers.some(({ process, keeper }) => process.state === 'running' && keeper.leads)
  );
}

/** The state for the message when it does not hold. */
export function stateOfAll(cast: Cast): string {
  const { reports, nodes, sessions } = cast.paths;
  const children = [reports, nodes, sessions].map(
    (path) => `${path}: ${[...(cast.ensemble.node(path)?.children ?? [])].length}`,
  );
  const webs = cast.alive.map(({ agent }) => `${agent.node} ${agent.notReady().join(' ')}`);
  return [...children, ...webs].join('; ');
}

/**
 * Edits quota and keep and checks that all nodes see it within the bound.
 *
 * @returns how long it took, in milliseconds
 */
export async function editAll(cast: Cast, truth: Truth): Promise<number | undefined> {
  unpin(cast);
  const editedAt = cast.clock.now;
  const quotas = new Map<string, number>();
  for (const { sku } of cast.setting.skus) {
    const paths = cast.paths.sku(sku);
    const quota = cast.random.integer(0, 100);
    quotas.set(sku, quota);
    cast.note(`--- the last edit: ${sku} ${quota}`);
    cast.ensemble.type(paths.quota, String(quota));
    cast.ensemble.type(paths.state, 'open');
    cast.ensemble.type(paths.keep, '0.5');
  }
  const isInForce = () =>
    [...quotas].every(([sku, quota]) => {
      const target = Math.min(quota, cast.shop.stockOf(sku).total);
      const taken = cast.shop.stockOf(sku).held + cast.shop.unitsUnderWay(sku);
      const isCut = truth.committed(sku) <= Math.max(target, taken);
      return (
        isCut &&
        cast.alive.every(
          ({ agent }) => agent.switches.keep(sku) === 0.5 && agent.switches.state(sku) === 'open',
        )
      );
    });
  await cast.clock.run(editedAt + EDIT_BOUND_MS, (by) => truth.check(by) || isInForce());
  if (cast.violation) return undefined;
  if (isInForce()) return cast.clock.now - editedAt;
  cast.fail('an edit is in force everywhere within its bound', `not in ${EDIT_BOUND_MS} ms`);
  return undefined;
}

/**
 * Sends requests for one or several units to every node until everything is sold.
 *
 * @returns how long it took, in milliseconds
 */
export async function sellOut(cast: Cast, truth: Truth): Promise<number> {
  const startedAt = cast.clock.now;
  let isOver = false;
  const ask = () => {
    for (const web of cast.alive) {
      for (const { sku } of cast.setting.skus) web.ask(sku, cast.random.integer(1, 3), true);
    }
    if (!isOver) cast.clock.after(ASK_EVERY_MS, ask);
  };
  ask();
  const isSold = () =>
    cast.setting.skus.every(({ sku }) => {
      const { held, total } = cast.shop.stockOf(sku);
      const quota = truth.quota(sku) ?? 0;
      return held >= Math.min(total, quota);
    });
  await cast.clock.run(startedAt + SELL_BOUND_MS, (by) => truth.check(by) || isSold());
  isOver = true;
  const tookMs = cast.clock.now - startedAt;
  if (cast.violation || isSold()) return tookMs;
  const facts = cast.setting.skus.map(({ sku }) => {
    const { held, total } = cast.shop.stockOf(sku);
    const nodes = cast.alive.map(({ agent }) => {
      const counters = agent.grants().find((grant) => grant.sku === sku);
      return `${agent.node} ${counters?.admitted}/${counters?.grant}`;
    });
    const quota = truth.quota(sku);
    const figures = cast.keepers.map(({ process, keeper }) => {
      const { target, dead, underWay } = keeper.figures().get(sku) ?? {};
      return `${process.name} ${process.state} ${keeper.leads ? 'leads' : 'waits'}, target ${target}, dead ${dead}, under way ${underWay}`;
    });
    const facts = [...nodes, ...figures].join(', ');
    return `${sku}: held ${held} of ${total}, quota ${quota}; ${facts}`;
  });
  cast.fail('everything is sold where there is demand', facts.join('; '));
  return tookMs;
}
