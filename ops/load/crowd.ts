import { performance } from 'node:perf_hooks';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { openAddresses } from './client/addresses.ts';
import { untilMs, Visit } from './client/visit.ts';
import { dueMs } from './plan/arrivals.ts';
import { Draws } from './plan/draws.ts';
import type { Plan } from './plan/read.ts';
import { PLAN_MS_MAX } from './plan/schema.ts';
import type { ReplayOrder } from './replay/plan.ts';
import { replay } from './replay/replay.ts';
import type { Progress } from './report/progress.ts';
import { FORMAT, type LoadReport } from './report/report.ts';
import { Tally } from './report/tally.ts';
import { type Identities, openIdentities } from './shopper/identities.ts';
import { lookUp } from './shopper/look-up.ts';
import { Puzzles } from './shopper/puzzles.ts';
import { Undecided } from './shopper/requests.ts';
import { Shopper, type World } from './shopper/shopper.ts';
import { SaleWatch } from './shopper/watch.ts';

/**
 * Plays a plan. The loop is open: shoppers come when the plan says so, whether or not those before
 * them have got answers. When too many are in the shop, the next ones are not played, and counted.
 */

export interface Order {
  readonly plan: Plan;
  /** Paths in the plan are relative to its file; empty if a replay has none. */
  readonly planFile: string;
  /** A recording that is played instead of arrivals and behaviours. */
  readonly replay?: ReplayOrder | undefined;
  readonly target: string;
  /** From 1. */
  readonly part: number;
  readonly of: number;
  /** The same for all machines; undefined for the beginning that the plan says. */
  readonly startAt: Date | undefined;
  /** Sends the crowd home. */
  readonly stopping: AbortSignal;
  /** Once a second. */
  readonly onTick?: (progress: Progress) => void;
}

const TICK_MS = 1_000;
/** Arrivals that are late are let in so many at a time, so that answers are read in between. */
const AT_ONCE_MAX = 50;
const FIRST_LOOKS_MAX = 5;

export async function playPlan(order: Order): Promise<LoadReport> {
  const { plan, target, part, of, stopping } = order;
  const { origin, hostname } = new URL(target);
  const network = { origin, latencyMs: plan.latencyMs, loss: plan.loss };
  const { beginMs, there } = await beginningOf(order);
  const tally = new Tally(beginMs);
  const addresses = await openAddresses(plan.addresses, hostname);
  if (addresses.gap !== undefined) tally.gaps.add(addresses.gap);
  const puzzles = new Puzzles(plan.solvers, tally);
  const undecided = new Undecided();
  const world: World = {
    ...{ plan, network, tally, puzzles, undecided, stopping },
    addressOf: addresses.of,
  };
  const identities = openIdentities(plan.identities, order.planFile);
  const times = { beginMs, part, of };
  const due = Math.ceil((plan.shoppers - (part - 1)) / of);
  const ticking = tick(tally, beginMs, (secondsIn) => {
    order.onTick?.({ ...tally.progress, secondsIn, due });
  });
  try {
    if (order.replay === undefined) await letIn(world, identities, times);
    else await replay(world, order.replay, { ...times, identities, there });
    await lookUp(undecided, { origin, tally, stopping });
  } finally {
    ticking.end();
    await puzzles.close();
  }
  return tally.report({
    format: FORMAT,
    plan: { mark: plan.mark, sale: plan.sale, seed: plan.seed, shoppers: plan.shoppers },
    ...{ target: origin, parts: [part], of },
    // Of a replay it is known only afterwards who belongs to a part.
    due: order.replay === undefined ? due : tally.played,
    recorded: order.replay && recordedIn(order.replay),
    beganAt: new Date(performance.timeOrigin + beginMs).toISOString(),
    nowMs: performance.now(),
  });
}

function recordedIn({ header, speed }: ReplayOrder) {
  const { sale, calls, shoppers, answers, outcomes, fromMs, toMs } = header;
  return { sale, speed, seconds: (toMs - fromMs) / 1_000, shoppers, calls, answers, outcomes };
}

interface Beginning {
  /** By the monotonic clock. */
  readonly beginMs: number;
  /** The SKUs of the sale. */
  readonly there: readonly string[];
}

/** @throws {Error} the shop has no such sale, or not in time */
export async function beginningOf(order: Omit<Order, 'onTick'>): Promise<Beginning> {
  const { plan, startAt, target, replay: recorded } = order;
  const { origin } = new URL(target);
  const nowMs = performance.now();
  const scratch = new Tally(nowMs);
  const draws = new Draws(plan.seed, -1, 'beginning');
  const still = { origin, localAddress: undefined, latencyMs: { from: 0, to: 0 }, loss: 0 };
  const visit = new Visit(still, draws, scratch);
  const watch = new SaleWatch(plan.sale, visit, draws);
  for (let looks = 1; watch.facts === undefined; looks += 1) {
    const answer = await watch.look();
    if (answer.kind === 'refused' && answer.status === 404) {
      throw new Error(`${origin} has no sale ${plan.sale}`);
    }
    if (looks === FIRST_LOOKS_MAX) {
      const [why = ''] = Object.keys(scratch.progress.verdicts);
      const hint = why.startsWith('certificate') ? ' (NODE_EXTRA_CA_CERTS=FILE trusts it)' : '';
      throw new Error(`${origin} does not answer as a shop: ${why}${hint}`);
    }
  }
  visit.leave();
  // Its orders would be real ones, of units that people want.
  const isTheRecorded =
    Date.parse(recorded?.header.opensAt ?? '') === Date.parse(watch.facts.opensAt);
  if (isTheRecorded && recorded?.isSaleNamed === false) {
    throw new Error(
      `${plan.sale} is the recorded sale itself: --sale NAME says where it is played`,
    );
  }
  const opensInMs = watch.opensInMs;
  if (opensInMs > PLAN_MS_MAX) {
    throw new Error(`the sale ${plan.sale} opens in more than ${PLAN_MS_MAX / 3_600_000} hours`);
  }
  const there = watch.facts.skus.map(({ sku }) => sku);
  const leftMs =
    startAt !== undefined
      ? startAt.getTime() - Date.now()
      : Math.max(0, opensInMs - (plan.beforeOpeningMs ?? Number.POSITIVE_INFINITY));
  return { beginMs: performance.now() + leftMs, there };
}

/** Resolves when all who came have left. */
async function letIn(
  world: World,
  identities: Identities,
  { beginMs, part, of }: { readonly beginMs: number; readonly part: number; readonly of: number },
): Promise<void> {
  const { plan, tally, stopping } = world;
  const { promise: allLeft, resolve } = Promise.withResolvers<void>();
  // The gate itself counts as one, so that the shop is not empty before everybody has come.
  let inside = 1;
  const left = () => {
    inside -= 1;
    if (inside === 0) resolve();
  };
  let atOnce = 0;
  for (let index = part - 1; index < plan.shoppers; index += of) {
    const atMs = beginMs + dueMs(plan.stages, plan.seed, index);
    if (atMs > performance.now()) {
      await untilMs(atMs, stopping).catch(() => {});
      atOnce = 0;
    } else if (++atOnce % AT_ONCE_MAX === 0) await nextTurn();
    if (stopping.aborted) {
      tally.notPlayed.add('the run was stopped', Math.ceil((plan.shoppers - index) / of));
      break;
    }
    // Always asked for, because tokens are read in the order of shoppers.
    const token = identities.tokenOf(index);
    token.catch(() => {});
    if (tally.alive >= plan.aliveMax) {
      tally.notPlayed.add(`${plan.aliveMax} were in the shop already (limits.shoppers)`);
      continue;
    }
    inside += 1;
    tally.arrived(atMs);
    void new Shopper(world, index).play(atMs, token).finally(() => {
      tally.alive -= 1;
      left();
    });
  }
  left();
  await allLeft;
}

function tick(tally: Tally, beginMs: number, onTick: (secondsIn: number) => void) {
  let before = performance.eventLoopUtilization();
  const timer = setInterval(() => {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, before);
    before = now;
    const nowMs = performance.now();
    if (nowMs >= beginMs) tally.tick(nowMs, utilization);
    onTick((nowMs - beginMs) / 1_000);
  }, TICK_MS);
  return { end: () => clearInterval(timer) };
}
