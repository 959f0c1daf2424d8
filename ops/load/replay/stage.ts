import type { Answer } from '../client/answers.ts';
import type { Call } from '../client/visit.ts';
import type { RecordedCall } from '../recording/format.ts';
import type { World } from '../shopper/shopper.ts';

/** What the parts of a replayed shopper have in common. */

export interface Stage extends World {
  readonly speed: number;
  /** The SKU of this sale at a place of the recording's list; undefined if it has none. */
  readonly skuAt: (place: number | undefined) => string | undefined;
}

/** A recorded call that needs an identity. */
export interface Due {
  readonly recorded: RecordedCall;
  readonly dueMs: number;
  readonly token: string;
}

/** Makes a call over the connections of the shopper. */
export type MakeCall = (call: Call, recorded: RecordedCall) => Promise<Answer>;

/** Why a call was not made; undefined if it was. */
export type WhyNot = string | undefined;

/** At twice the speed, a shopper waits half as long for an answer. */
export function waitSeconds({ wait = 0 }: RecordedCall, { speed }: Pick<Stage, 'speed'>): number {
  return Math.max(1, Math.ceil(wait / speed));
}

export const NO_SKU = 'calls of SKUs that the sale does not have';
