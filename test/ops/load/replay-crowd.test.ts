import { expect, it } from 'vitest';
import { readPlan } from '../../../ops/load/plan/read.ts';
import { Crowd } from '../../../ops/load/replay/crowd.ts';
import type { Stage } from '../../../ops/load/replay/stage.ts';
import { Tally } from '../../../ops/load/report/tally.ts';
import { openIdentities } from '../../../ops/load/shopper/identities.ts';

/** Who of a recording may have open connections. */

it('a shopper who comes back after a rest counts as one of those who are in the shop', () => {
  const plan = readPlan(
    `{sale: spring, seed: rest, arrivals: [{for: 1s, rate: 1}], behaviours: {buys: 1}, limits: {shoppers: 1}}`,
    '',
  );
  const tally = new Tally(performance.now());
  // Nobody makes a call, so nobody needs a network.
  const stage = { plan, tally, addressOf: () => undefined } as unknown as Stage;
  const crowd = new Crowd(stage, openIdentities(plan.identities, ''), { part: 1, of: 1 });
  const come = (who: string) =>
    crowd.of({ at: 0, who, from: 'here', call: 'page', ms: 5, verdict: 'ok' }, 0);
  const ann = come('ann');
  expect(ann).toBeDefined();
  expect(come('bob')).toBeUndefined();
  expect(come('ann')).toBe(ann);
  if (ann) ann.lastMs = performance.now() - 61_000;
  crowd.rest();
  const bob = come('bob');
  expect(bob).toBeDefined();
  expect(come('ann')).toBeUndefined();
  expect(tally.notMade.counts).toEqual({
    'calls of shoppers beyond 1 at once (limits.shoppers)': 2,
  });
  if (bob) bob.lastMs = performance.now() - 61_000;
  crowd.rest();
  expect(come('ann')).toBe(ann);
});
