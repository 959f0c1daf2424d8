import { DemandMeter } from '../../../keeper/auto-keep/demand.ts';
import { type KeepLimits, nextShare } from '../../../keeper/auto-keep/kept-share.ts';
import type { SkuCounters } from '../../../zk/tree/report.ts';
import type { ShedWay } from '../../../zk/tree/values.ts';
import { Random } from './random.ts';

/**
 * A crowd of shoppers at web nodes whose kept share follows demand: the real rules and the real
 * meter with delayed reports, in virtual time, one request of one shopper at a time.
 */

const TICK_MS = 50;
const REPORT_MS = 100;
const CONTROL_MS = 250;

export interface CrowdPlan {
  readonly seed: number;
  readonly units: number;
  readonly nodes: number;
  readonly shed: ShedWay;
  readonly start: number;
  readonly limits: KeepLimits;
  /** New shoppers per second, by the seconds since the opening. */
  readonly arrivals: (second: number) => number;
  /** Share of shoppers who try again until they have a unit. */
  readonly persistent: number;
  /** Share of shoppers whose requests never reach the quota. */
  readonly bots: number;
  /** Units that the workers decide per second, by the seconds since the opening. */
  readonly workers: (second: number) => number;
  readonly seconds: number;
}

export interface Played {
  readonly sold: number;
  /** Seconds after the opening when the last unit was drawn; Infinity when it never was. */
  readonly soldOutAt: number;
  /** The share in force at each control step. */
  readonly shares: readonly number[];
  readonly pressed: number;
  readonly kept: number;
  /** Longest time from a draw to its outcome, by the second of the draw. */
  readonly waitsSeconds: ReadonlyMap<number, number>;
}

interface Shopper {
  readonly rank: number;
  readonly isBot: boolean;
  readonly isPersistent: boolean;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

export class Crowd {
  readonly #plan: CrowdPlan;
  readonly #random: Random;
  readonly #nodes: Mutable<SkuCounters>[];
  readonly #meter = new DemandMeter();
  readonly #comingBack = new Map<number, Shopper[]>();
  readonly #queue: { atMs: number; node: Mutable<SkuCounters> }[] = [];
  readonly #waits = new Map<number, number>();
  readonly #shares: number[] = [];
  #reported = new Map<string, SkuCounters>();
  #share: number;
  #left: number;
  #soldOutAt = Number.POSITIVE_INFINITY;
  #capacity = 0;

  constructor(plan: CrowdPlan) {
    this.#plan = plan;
    this.#random = new Random(plan.seed);
    this.#share = plan.start;
    this.#left = plan.units;
    const none = { grant: 0, admitted: 0, decided: 0, wanted: 0, need: 0, asked: 0, kept: 0 };
    this.#nodes = Array.from({ length: plan.nodes }, () => ({ ...none }));
  }

  play(): Played {
    for (let nowMs = 0; nowMs < this.#plan.seconds * 1_000; nowMs += TICK_MS) this.#tick(nowMs);
    const sum = (of: (node: SkuCounters) => number) =>
      this.#nodes.reduce((all, node) => all + of(node), 0);
    return {
      sold: this.#plan.units - this.#left,
      soldOutAt: this.#soldOutAt,
      shares: this.#shares,
      pressed: sum(({ asked }) => asked),
      kept: sum(({ kept }) => kept),
      waitsSeconds: this.#waits,
    };
  }

  #tick(nowMs: number): void {
    const { arrivals, bots, persistent } = this.#plan;
    for (
      let left = this.#poisson((arrivals(nowMs / 1_000) * TICK_MS) / 1_000);
      left > 0;
      left -= 1
    ) {
      const rank = this.#random.next();
      const isBot = this.#random.chance(bots);
      this.#press({ rank, isBot, isPersistent: this.#random.chance(persistent) }, nowMs);
    }
    for (const shopper of this.#comingBack.get(nowMs) ?? []) this.#press(shopper, nowMs);
    this.#comingBack.delete(nowMs);
    this.#work(nowMs);
    if (nowMs % CONTROL_MS === 0) this.#control(nowMs);
    if (nowMs % REPORT_MS === 0) {
      this.#reported = new Map(this.#nodes.map((node, index) => [`web-${index}`, { ...node }]));
    }
  }

  /** Independent arrivals; above 30 the normal distribution is close enough. */
  #poisson(mean: number): number {
    const random = this.#random;
    if (mean > 30) {
      const angle = Math.cos(2 * Math.PI * random.next());
      const normal = Math.sqrt(-2 * Math.log(1 - random.next())) * angle;
      return Math.max(0, Math.round(mean + Math.sqrt(mean) * normal));
    }
    let count = 0;
    for (let left = random.next(); left > Math.exp(-mean); left *= random.next()) count += 1;
    return count;
  }

  #press(shopper: Shopper, nowMs: number): void {
    const { shed } = this.#plan;
    // Traffic is uneven: the first nodes get more of it.
    const at = Math.floor(this.#random.next() * this.#random.next() * this.#nodes.length);
    const node = this.#nodes[at] as Mutable<SkuCounters>;
    const place = shed === 'lottery' ? shopper.rank : this.#random.next();
    const isKept = place < this.#share;
    node.asked += 1;
    if (!isKept) {
      this.#comeBack(shopper, nowMs, shed === 'lottery' ? [10, 20] : [1, 3]);
      return;
    }
    node.kept += 1;
    if (shopper.isBot || this.#left === 0) {
      if (!shopper.isBot) node.wanted += 1;
      this.#comeBack(shopper, nowMs, [1, 3]);
      return;
    }
    node.admitted += 1;
    this.#left -= 1;
    if (this.#left === 0) this.#soldOutAt = nowMs / 1_000;
    this.#queue.push({ atMs: nowMs, node });
  }

  #comeBack(shopper: Shopper, nowMs: number, [min, max]: [number, number]): void {
    if (!shopper.isPersistent) return;
    const waitMs = this.#random.between(min, max) * 1_000;
    const atMs = nowMs + Math.ceil(waitMs / TICK_MS) * TICK_MS;
    const others = this.#comingBack.get(atMs);
    if (others) others.push(shopper);
    else this.#comingBack.set(atMs, [shopper]);
  }

  #work(nowMs: number): void {
    this.#capacity += (this.#plan.workers(nowMs / 1_000) * TICK_MS) / 1_000;
    for (; this.#capacity >= 1; this.#capacity -= 1) {
      const next = this.#queue.shift();
      if (!next) {
        this.#capacity = 0;
        return;
      }
      next.node.decided += 1;
      const second = Math.floor(next.atMs / 1_000);
      const waited = (nowMs - next.atMs) / 1_000;
      this.#waits.set(second, Math.max(waited, this.#waits.get(second) ?? 0));
    }
  }

  #control(nowMs: number): void {
    const { limits, shed, units } = this.#plan;
    this.#meter.add(nowMs, this.#reported);
    this.#shares.push(this.#share);
    const { demand } = this.#meter;
    if (!demand) return;
    const reported = [...this.#reported.values()];
    const admitted = reported.reduce((sum, node) => sum + node.admitted, 0);
    const underWay = reported.reduce((sum, node) => sum + node.admitted - node.decided, 0);
    const facts = { share: this.#share, shed, left: units - admitted, underWay, demand };
    this.#share = nextShare(facts, limits);
  }
}
