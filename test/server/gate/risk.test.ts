import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { DISTINCT_USERS_MAX, DistinctUsers } from '../../../server/gate/distinct-users.ts';
import { Limits } from '../../../server/gate/limits.ts';
import {
  RISK_CAUSES,
  RiskWatch,
  type Signals,
  scoreOf,
  workOf,
} from '../../../server/gate/risk.ts';
import fc from '../../properties.ts';

const QUIET: Signals = {
  userRate: 0,
  networkRate: 0,
  networkUsers: 1,
  isLate: false,
  missingHeaders: 0,
};
const BROWSER = { 'user-agent': 'x', accept: '*/*', 'accept-language': 'en' };

describe('the risk score', () => {
  it.each([
    ['a shopper', {}, 0, []],
    ['a busy user', { userRate: 0.5 }, 35, ['user_rate']],
    ['less busy', { userRate: 0.4 }, 26, ['user_rate']],
    ['a busy address', { networkRate: 1 }, 20, ['network_rate']],
    ['a company', { networkUsers: 10 }, 0, []],
    ['a thousand accounts', { networkUsers: 300 }, 30, ['network_users']],
    ['a collector of tickets', { isLate: true }, 20, ['late_ticket']],
    ['a plain script', { missingHeaders: 3 }, 36, ['missing_headers']],
    [
      'all at once',
      { userRate: 1, networkRate: 1, networkUsers: 300, isLate: true, missingHeaders: 3 },
      100,
      null,
    ],
  ] as const)('of %s', (_, changes, score, causes) => {
    const risk = scoreOf({ ...QUIET, ...changes });
    expect(risk.score).toBe(score);
    if (causes !== null) expect(risk.causes).toEqual(causes);
    else expect([...risk.causes].sort()).toEqual([...RISK_CAUSES].sort());
  });

  it('is between 0 and 100, and never falls when a signal rises', () => {
    const share = fc.double({ min: 0, max: 1, noNaN: true });
    const signals = fc.record({
      userRate: share,
      networkRate: share,
      networkUsers: fc.nat(DISTINCT_USERS_MAX),
      isLate: fc.boolean(),
      missingHeaders: fc.nat(3),
    });
    fc.assert(
      fc.property(signals, share, (given, more) => {
        const { score } = scoreOf(given);
        expect(score).toBeGreaterThanOrEqual(0);
        expect(score).toBeLessThanOrEqual(100);
        const userRate = Math.min(1, given.userRate + more);
        expect(scoreOf({ ...given, userRate }).score).toBeGreaterThanOrEqual(score);
        expect(scoreOf({ ...given, isLate: true }).score).toBeGreaterThanOrEqual(score);
      }),
    );
  });

  it('requires more work the higher it is', () => {
    expect([0, 24, 25, 49, 50, 74, 75, 100].map(workOf)).toEqual([0, 0, 1, 1, 4, 4, 16, 16]);
  });
});

describe('the number of users of a network', () => {
  it('is roughly right, counts each user once, and starts anew in the next window', () => {
    const networks = Array.from({ length: 100 }, (_, n) => `198.51.100.${n}`);
    for (const users of [1, 5, 20, 60, 120]) {
      const distinctUsers = new DistinctUsers();
      const countOf = (network: string) => {
        let counted = 0;
        for (let round = 0; round < 3; round += 1) {
          for (let user = 0; user < users; user += 1) {
            counted = distinctUsers.note(network, `user-${user} of ${network}`, 1_000);
          }
        }
        return counted;
      };
      // An estimate of 120 users is off by 15 on average, the mean of a hundred estimates by 1.5.
      const mean = networks.map(countOf).reduce((sum, counted) => sum + counted, 0) / 100;
      expect(Math.abs(mean - users)).toBeLessThan(users * 0.2 + 0.5);
      expect(distinctUsers.note('203.0.113.9', 'user-0', 1_000)).toBe(1);
      expect(distinctUsers.note('198.51.100.7', 'user-0', 62_000)).toBe(1);
    }
  });

  it('has an upper limit', () => {
    const distinctUsers = new DistinctUsers();
    let counted = 0;
    for (let user = 0; user < 10_000; user += 1)
      counted = distinctUsers.note('x', `user-${user}`, 1_000);
    expect(counted).toBe(DISTINCT_USERS_MAX);
  });
});

describe('the risk memory', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] }));
  afterEach(() => void vi.useRealTimers());

  const watchOf = () => {
    const limits = new Limits(
      {
        ipPerSecond: 100,
        userPerSecond: 10,
        ticketPerSecond: 10,
        ownPerSecond: 20,
      },
      () => 1,
    );
    return { limits, watch: new RiskWatch(limits, 10_000) };
  };

  it('includes a press with an old ticket', () => {
    const { watch } = watchOf();
    watch.pressed('ada', 9_000);
    expect(watch.assess('ada', '198.51.100.1', BROWSER).causes).toEqual([]);
    watch.pressed('ada', 2_000);
    expect(watch.assess('ada', '198.51.100.1', BROWSER).causes).toEqual(['late_ticket']);
    expect(watch.assess('bob', '198.51.100.2', BROWSER).causes).toEqual([]);
  });

  it('includes the used share of the limits', () => {
    const { limits, watch } = watchOf();
    limits.takeUser('ada');
    expect(watch.assess('ada', '198.51.100.1', BROWSER).score).toBe(0);
    for (let i = 0; i < 8; i += 1) limits.takeUser('ada');
    expect(watch.assess('ada', '198.51.100.1', BROWSER).causes).toEqual(['user_rate']);
    for (let i = 0; i < 90; i += 1) limits.takeIssue('198.51.100.1');
    expect(watch.assess('bob', '198.51.100.1', BROWSER).causes).toEqual(['network_rate']);
  });
});
