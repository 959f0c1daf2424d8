import { admissionsBounded, noneTakesWithoutSession } from './admissions.ts';
import { ordersAreAsked } from './asked.ts';
import type { Dump } from './dump.ts';
import { type Evidence, evidenceOf } from './evidence.ts';
import type { Entry } from './history.ts';
import { moneyEqualsOrders } from './money.ts';
import { answersAreLawful, refusalsAreTrue } from './refusals.ts';
import {
  everyEndIsTrue,
  everyRequestEnds,
  listsAreTrue,
  noneAside,
  noVerdictTakenBack,
  oneOutcome,
} from './requests.ts';
import { limitsKept, nothingOversold, nothingStranded, noUnitTwice } from './stock.ts';

/**
 * The judge of a run. It has no code of the product and none of the rest of this folder: its input is
 * what the clients have seen, and what plain queries found in the database at the end.
 */

export interface Violation {
  readonly promise: string;
  readonly evidence: string;
}

function recovered({ history }: Evidence): string[] {
  return history.flatMap((entry) => {
    if (entry.kind !== 'recovery' || entry.tookMs <= entry.limitMs) return [];
    const late = entry.parts
      .filter(({ wellAfterMs }) => (wellAfterMs ?? Infinity) > entry.limitMs)
      .map(({ name, wellAfterMs, lack }) => `${name} ${wellAfterMs ?? 'never'} ms ${lack ?? ''}`);
    return [`${entry.tookMs} ms, ${entry.limitMs} ms are promised; late: ${late.join(', ')}`];
  });
}

/** Each promise: its name, and a function that returns what breaks it. */
export const PROMISES: Readonly<Record<string, (evidence: Evidence) => string[]>> = {
  'nothing is oversold': nothingOversold,
  'nothing is stranded while wanted': nothingStranded,
  'every 202 ends': everyRequestEnds,
  'every end is told truly': everyEndIsTrue,
  'no lawful request is put aside': noneAside,
  'a request has one outcome': oneOutcome,
  'an order is what was asked for': ordersAreAsked,
  'limits are kept': limitsKept,
  'admissions are bounded': admissionsBounded,
  'a node without a session takes nothing': noneTakesWithoutSession,
  'money equals orders': moneyEqualsOrders,
  'no unit is given to two': noUnitTwice,
  'no verdict is taken back': noVerdictTakenBack,
  'every refusal has its verdict': answersAreLawful,
  'no refusal is a lie': refusalsAreTrue,
  'lists of orders are true': listsAreTrue,
  'the audit is empty': ({ dump }) => dump.audit.map(({ found }) => found),
  'the system recovers in time': recovered,
};

export function check(history: readonly Entry[], dump: Dump): Violation[] {
  const evidence = evidenceOf(history, dump);
  return Object.entries(PROMISES).flatMap(([promise, broken]) =>
    broken(evidence).map((text) => ({ promise, evidence: text })),
  );
}
