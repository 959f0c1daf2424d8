import { SHARE_MIN, type ShedWay } from '../../zk/tree/values.ts';

/**
 * The kept share of one SKU under `keep = auto`: a pure function from the demand and the units left
 * to the share that web nodes keep next. The kept demand of each second stays at `factor` times the
 * units left, and web nodes take no more than the workers decide within `waitMs`.
 *
 * `random` moves to the share that the figures require, in bounded steps, and ignores changes that
 * chance alone could explain. `lottery` only rises: a rank that was reached stays reached, because
 * shoppers who were told to come back must not be refused then. It rises while the demand of the
 * reached ranks is too low.
 */

export interface KeepLimits {
  /** Kept demand in units per second, as a multiple of the units left. */
  readonly factor: number;
  /** Longest time from the draw to the outcome. */
  readonly waitMs: number;
}

/** Demand for one SKU on all web nodes over the last two seconds. */
export interface Demand {
  /** Purchase requests that came in. */
  readonly askedPerSecond: number;
  /** Purchase requests that shedding let through. */
  readonly keptPerSecond: number;
  /**
   * Units that kept requests asked the quota for, with or without success. Some kept requests fail
   * before that, at a ticket or a limit.
   */
  readonly reachedPerSecond: number;
  /** Units whose requests got an outcome. */
  readonly decidedPerSecond: number;
  /** Length of the period measured. */
  readonly seconds: number;
  /** How long nothing has been decided while units were under way; otherwise 0. */
  readonly stalledSeconds: number;
}

export interface KeepFacts {
  /** The share in force. */
  readonly share: number;
  readonly shed: ShedWay;
  /** Units that can still be admitted. */
  readonly left: number;
  /** Units admitted whose outcome is not known yet. */
  readonly underWay: number;
  readonly demand: Demand;
}

/** The share changes by at most this factor in one step. */
export const STEP_MAX = 4;
/** `lottery` reaches further ranks in small steps, because their owners come back seconds later. */
export const LOTTERY_RISE = 1.1;
/** Changes below a quarter are not worth an edit. */
const DEAD_BAND = 1.25;
/** Deviations of a request count up to this many standard deviations are taken for chance. */
const CHANCE = 3;
/** The wait is kept at this share of its bound, so that overshooting does not exceed the bound. */
const WAIT_AIM = 0.8;
/** Below this share of the bound the wait does not limit what is taken. */
const WAIT_FREE = 0.25;
/** Requests per second assumed to reach the quota before any has been seen to. */
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
  // At least 1, so that a returned unit always finds requests that are let through.
  const wanted = limits.factor * Math.max(1, facts.left);
  const units = Math.min(wanted, queueTakesPerSecond(facts, limits));
  const aim = units / (demand.askedPerSecond * unitsPerKept(demand));
  const change = aim / share;
  const band = DEAD_BAND + CHANCE / Math.sqrt(Math.max(1, demand.askedPerSecond * demand.seconds));
  // There are no requests, and nothing may be taken: 0 ÷ 0.
  if (Number.isNaN(change) || (change < band && change > 1 / band)) return share;
  return bounded(share * Math.min(STEP_MAX, Math.max(1 / STEP_MAX, change)));
}

function nextLotteryShare(facts: KeepFacts, { factor, waitMs }: KeepLimits): number {
  const isFed = facts.demand.reachedPerSecond >= factor * facts.left;
  const isLate = waitSeconds(facts) * 1_000 > WAIT_FREE * waitMs;
  return isFed || isLate ? facts.share : bounded(facts.share * LOTTERY_RISE);
}

/**
 * Units per second that may be taken now, so that the last of them waits no longer than the bound.
 */
function queueTakesPerSecond(facts: KeepFacts, { waitMs }: KeepLimits): number {
  const wait = waitSeconds(facts);
  const bound = waitMs / 1_000;
  if (wait <= WAIT_FREE * bound) return Number.POSITIVE_INFINITY;
  // The rate of decisions, corrected so that the wait reaches its aim in about `bound` seconds.
  const correction = (WAIT_AIM * bound - wait) / Math.max(1, bound);
  return Math.max(0, facts.demand.decidedPerSecond * (1 + correction));
}

/**
 * Units that one kept request asks the quota for, on average. Most requests of bots fail before
 * that.
 */
function unitsPerKept({ reachedPerSecond, keptPerSecond }: Demand): number {
  const reach = (reachedPerSecond + REACH_PRIOR) / (keptPerSecond + REACH_PRIOR);
  return Math.max(REACH_MIN, reach);
}

/** Limits the share and rounds it to three digits, which are readable and precise enough. */
function bounded(share: number): number {
  return Number(Math.min(1, Math.max(SHARE_MIN, share)).toPrecision(3));
}
