import { setTimeout as delay } from 'node:timers/promises';
import type { Visit } from '../client/visit.ts';
import type { Draws } from '../plan/draws.ts';
import type { Plan } from '../plan/read.ts';
import type { Wait } from '../plan/schema.ts';
import type { Tally } from '../report/tally.ts';
import type { Puzzles } from './puzzles.ts';

/** A shopper who is about to buy. */
export interface Buyer {
  readonly plan: Plan;
  readonly visit: Visit;
  readonly tally: Tally;
  readonly puzzles: Puzzles;
  readonly draws: Draws;
  /** Aborted when the patience is over. Every pause ends with it, by an AbortError. */
  readonly over: AbortSignal;
  readonly token: string;
  readonly sku: string;
  readonly wait: Wait;
}

export async function pause(ms: number, over: AbortSignal): Promise<void> {
  over.throwIfAborted();
  await delay(ms, undefined, { signal: over });
}

/** The path of a URL that the shop has sent. Calls go to the shop of the plan, wherever that leads. */
export function pathIn(url: string, add: { events?: true; wait?: number } = {}): string {
  const { pathname, searchParams } = new URL(url, 'http://shop.invalid');
  if (add.wait !== undefined) searchParams.set('wait', String(add.wait));
  const query = searchParams.size > 0 ? `?${searchParams}` : '';
  return `${pathname}${add.events ? '/events' : ''}${query}`;
}
