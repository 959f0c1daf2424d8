import { Draws } from './draws.ts';

/**
 * When shoppers arrive. The curve has stages with a rate that stays or changes evenly. Shopper n
 * arrives in the time in which the curve counts from n to n + 1, at a moment drawn from the seed. So
 * the curve is kept exactly, any shopper's moment can be computed alone, and they come in order.
 */

export interface Stage {
  readonly durationMs: number;
  /** Shoppers a second at the beginning and at the end. */
  readonly from: number;
  readonly to: number;
}

function shoppersOf({ durationMs, from, to }: Stage): number {
  return ((from + to) / 2) * (durationMs / 1_000);
}

/** Adding rates leaves tiny errors: a curve of 100 shoppers may add up to 99.99999999. */
const ROUNDING = 1e-6;

export function shoppersIn(stages: readonly Stage[]): number {
  return Math.floor(stages.reduce((all, stage) => all + shoppersOf(stage), 0) + ROUNDING);
}

export function arrivalsEndMs(stages: readonly Stage[]): number {
  return stages.reduce((all, { durationMs }) => all + durationMs, 0);
}

/** The moment at which the curve has counted so many shoppers, in milliseconds from its beginning. */
export function momentOf(stages: readonly Stage[], shoppers: number): number {
  let [left, beforeMs] = [shoppers, 0];
  for (const stage of stages) {
    const many = shoppersOf(stage);
    if (left < many) return beforeMs + momentWithin(stage, left);
    left -= many;
    beforeMs += stage.durationMs;
  }
  return beforeMs;
}

/** Solves from · t + growth · t² / 2 = shoppers, in the form that also holds for a growth of 0. */
function momentWithin({ durationMs, from, to }: Stage, shoppers: number): number {
  if (shoppers <= 0) return 0;
  const growth = (to - from) / (durationMs / 1_000);
  const root = Math.sqrt(Math.max(0, from * from + 2 * growth * shoppers));
  return Math.min(durationMs, ((2 * shoppers) / (from + root)) * 1_000);
}

/** When a shopper is due, in milliseconds from the beginning of the curve. */
export function dueMs(stages: readonly Stage[], seed: string, shopper: number): number {
  return momentOf(stages, shopper + new Draws(seed, shopper, 'arrival').next());
}
