import { SHARE_MIN, type ShedWay } from '../../zk/tree/values.ts';

/**
 * The kept share of one SKU under `keep = auto`, pure: from what is asked and what is left to the
 * share that web nodes keep next. Kept demand stays `factor` times what is left, in each second, and
 * no more is taken than the workers decide within `waitMs`.
 *
 * `random` goes to the share that the figures ask for, in bounded steps; a change smaller than chance
 * is none. `lottery` only rises: a rank that was reached stays reached, or those who were told to come
 * back would find the door shut. It rises while the reached ranks ask for too little.
 */

export interface KeepLimits {
  /** Units asked for in a second, of those kept, as a multiple of the units left. */
  readonly factor: number;
  /** From the draw to the outcome. */
  readonly waitMs: number;
}

/** The last two seconds of one SKU, on all web nodes. */
export interface Demand {
  /** Purchase requests that came in. */
  readonly askedPerSecond: number;
  /** Of these, let through by the shedding. */
  readonly keptPerSecond: number;
  /** Units that those asked the quota for, in vain or not: some fail at a ticket or a limit. */
  readonly reachedPerSecond: number;
  /** Units whose requests got an outcome. */
  readonly decidedPerSecond: number;
  /** Length of the look back. */
  readonly seconds: number;
  /** How long nothing was decided although something was under way; 0 while something is. */
  readonly stalledSeconds: number;
}

export interface KeepFacts {
  /** The share in force. */
  readonly share: number;
  readonly shed: ShedWay;
  /** Units that can still be admitted. */
  readonly left: number;
  /** Units admitted whose outcome is not known. */
  readonly underWay: number;
  readonly demand: Demand;
}

/** The share changes by at most this factor in one step. */
export const STEP_MAX = 4;
/** `lottery`: places are reached in small portions, since their owners come back seconds later. */
export const LOTTERY_RISE = 1.1;
/** Changes of less than a quarter are not worth an edit. */
const DEAD_BAND = 1.25;
/** Standard deviations of a count of requests that are called chance. */
const CHANCE = 3;
/** The queue is held at this share of the bound, so that it is not met by overshooting. */
const WAIT_AIM = 0.8;
/** Below this share of the bound the queue does not limit what is taken. */
const WAIT_FREE = 0.25;
/** Requests a second that are believed to reach the quota before any was seen to. */
const REACH_PRIOR = 1;
const REACH_MIN = 0.01;

/** Seconds from the draw to the outcome, by Little's law. */
export function waitSeconds({ underWay, demand }: Pick<KeepFacts, 'underWay' | 'demand'>): number {
  if (underWay <= 0) return 0;
  if (demand.decidedPerSecond <= 0) return demand.stalledSeconds;
  return underWay / demand.decidedPerSecond;
}

/** The share for the next step: from `SHARE_MIN` to 1. */
export function nextShare(facts: KeepFacts, limits: KeepLimits): number {
  const { share, demand } = facts;
  if (facts.shed === 'lottery') return nextLotteryShare(facts, limits);
  // One unit that comes back must not find the door shut, so there is always one to be had.
  const wanted = limits.factor * Math.max(1, facts.left);
  const units = Math.min(wanted, queueTakesPerSecond(facts, limits));
  const aim = units / (demand.askedPerSecond * unitsPerKept(demand));
  const change = aim / share;
  const band = DEAD_BAND + CHANCE / Math.sqrt(Math.max(1, demand.askedPerSecond * demand.seconds));
  // Nobody asks: 0 ÷ 0 while nothing may be taken either.
  if (Number.isNaN(change) || (change < band && change > 1 / band)) return share;
  return bounded(share * Math.min(STEP_MAX, Math.max(1 / STEP_MAX, change)));
}

function nextLotteryShare(facts: KeepFacts, { factor, waitMs }: KeepLimits): number {
  const isFed = facts.demand.reachedPerSecond >= factor * facts.left;
  const isLate = waitSeconds(facts) * 1_000 > WAIT_FREE * waitMs;
  return isFed || isLate ? facts.share : bounded(facts.share * LOTTERY_RISE);
}

/** Units a second that may be taken now, so that the last one of them waits no longer than the bound. */
function queueTakesPerSecond(facts: KeepFacts, { waitMs }: KeepLimits): number {
  const wait = waitSeconds(facts);
  const bound = waitMs / 1_000;
  if (wait <= WAIT_FREE * bound) return Number.POSITIVE_INFINITY;
  // As many as leave the queue, more or fewer by what moves it to its aim in about `bound`.
  const correction = (WAIT_AIM * bound - wait) / Math.max(1, bound);
  return Math.max(0, facts.demand.decidedPerSecond * (1 + correction));
}

/** Units that one kept request asks the quota for: bots' requests mostly fail on the way to it. */
function unitsPerKept({ reachedPerSecond, keptPerSecond }: Demand): number {
  const reach = (reachedPerSecond + REACH_PRIOR) / (keptPerSecond + REACH_PRIOR);
  return Math.max(REACH_MIN, reach);
}

/** As it is written: three digits are enough, and readable. */
function bounded(share: number): number {
  return Number(Math.min(1, Math.max(SHARE_MIN, share)).toPrecision(3));
}
