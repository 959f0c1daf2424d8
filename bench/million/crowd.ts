import { join } from 'node:path';
import { Child } from '../child.ts';
import { cpuSeconds, busySeconds as machineBusySeconds } from '../machine.ts';
import type { Crowd, Order, Place, Pressed } from './generator.ts';
import type { MillionOptions } from './options.ts';
import { ProgressBar } from './progress.ts';

/** Sends the crowd's requests, slice by slice, and adds up the results. */

/** Users whose requests are signed at once, about 40 MB. */
const SLICE_USERS = 50_000;

/** The sum of the results of the slices. */
class Sum {
  readonly verdicts: Record<string, Record<string, number>> = {};
  presses = 0;
  unanswered = 0;
  seconds = 0;
  cpuSeconds = 0;
  /** Of the worst slice, because percentiles cannot be combined. */
  readonly latencyMs = { p50: 0, p95: 0, p99: 0 };

  add(slice: Pressed): void {
    this.presses += slice.presses;
    this.unanswered += slice.unanswered;
    this.seconds += slice.seconds;
    this.cpuSeconds += slice.cpuSeconds;
    for (const name of ['p50', 'p95', 'p99'] as const) {
      this.latencyMs[name] = Math.max(this.latencyMs[name], slice.latencyMs[name]);
    }
    for (const [sku, verdicts] of Object.entries(slice.verdicts)) {
      this.verdicts[sku] ??= {};
      const sum = this.verdicts[sku];
      for (const [verdict, count] of Object.entries(verdicts)) {
        sum[verdict] = (sum[verdict] ?? 0) + count;
      }
    }
  }

  get byVerdict(): Record<string, number> {
    const all: Record<string, number> = {};
    for (const verdicts of Object.values(this.verdicts)) {
      for (const [verdict, count] of Object.entries(verdicts)) {
        all[verdict] = (all[verdict] ?? 0) + count;
      }
    }
    return all;
  }
}

export interface Played {
  readonly users: number;
  readonly shop: Sum;
  readonly bare: Sum;
  /** Busy seconds of all cores during the slices to the shop. */
  readonly busySeconds: number;
  /** CPU seconds of each process of `Beside`, during the slices that were sent to it. */
  readonly cpu: ReadonlyMap<string, number>;
}

/** Measurements of a benchmark beside those of the shop. */
export interface Beside {
  /** A server to which each slice is sent as well. */
  readonly bare: Place;
  /** Pids of the shop's processes and of the bare ones, by name. */
  readonly pids: ReadonlyMap<string, number>;
}

/** Sends all slices. If there is a bare server, it and the shop take turns in being the first. */
export async function pressAll(
  options: MillionOptions,
  crowd: Crowd,
  shop: Place,
  beside: Beside | undefined,
): Promise<Played> {
  const generator = new Child(join(import.meta.dirname, 'generator.ts'));
  const ask = <T>(order: Order) => generator.ask<T>(order);
  const bar = new ProgressBar(options.requests * (1 + options.twice));
  const sums = { shop: new Sum(), bare: new Sum() };
  const untilMs = performance.now() + options.secondsMax * 1_000;
  let [users, busySeconds] = [0, 0];
  const cpu = new Map<string, number>();
  const measured = async (place: Place, isBare: boolean) => {
    const before = beside && cpuSeconds(beside.pids);
    const pressed = await ask<Pressed>({ press: place });
    for (const [name, seconds] of beside ? cpuSeconds(beside.pids) : []) {
      if (name.startsWith('bare') !== isBare) continue;
      cpu.set(name, (cpu.get(name) ?? 0) + seconds - (before?.get(name) ?? 0));
    }
    return pressed;
  };
  const pressShop = async () => {
    const before = machineBusySeconds();
    sums.shop.add(await measured(shop, false));
    busySeconds += machineBusySeconds() - before;
  };
  const pressBare = async () => {
    if (beside) sums.bare.add(await measured(beside.bare, true));
  };
  try {
    await ask({ crowd });
    for (let slice = 0; users < options.requests && performance.now() < untilMs; slice += 1) {
      const many = Math.min(SLICE_USERS, options.requests - users);
      await ask({ prepare: many });
      users += many;
      const order = slice % 2 === 0 ? [pressShop, pressBare] : [pressBare, pressShop];
      for (const go of order) await go();
      bar.show(sums.shop.presses, sums.shop.seconds);
    }
  } finally {
    bar.end();
    generator.end();
  }
  return { users, ...sums, busySeconds, cpu };
}
