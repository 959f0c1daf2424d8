import { expect, test } from 'vitest';
import { DeadNodes, type SettledHome } from '../../keeper/dead-nodes.ts';
import { until } from '../until.ts';

const quiet = { info: () => {}, warn: () => {}, error: () => {} };

test('a home that does not answer keeps back only its own units', async () => {
  let isAway = true;
  const forgotten: string[] = [];
  const calls: SettledHome[] = [];
  const deadNodes = new DeadNodes({
    homes: ['regular', 'hot'],
    async settle(_node, home) {
      calls.push(home);
      if (home === 'hot' && isAway) throw new Error('no answer');
    },
    isAlive: async () => ({ ok: true, value: false }),
    forget: async (node) => forgotten.push(node) > 0,
    onChange: () => {},
    log: quiet,
  });
  const before = deadNodes.settled;
  deadNodes.follow(new Map([['web-1', false]]));
  await until('the home that answers is settled', () => deadNodes.settled.has('web-1', 'regular'));
  await until(
    'the other one is tried again',
    () => calls.filter((one) => one === 'hot').length > 2,
  );
  const { settled } = deadNodes;
  expect([settled.has('web-1', 'hot'), settled.has('web-1', undefined)]).toEqual([false, false]);
  expect(before.has('web-1', 'regular'), 'what was looked at stays as it was').toBe(false);
  expect(forgotten).toEqual([]);
  isAway = false;
  await until('it is forgotten', () => forgotten.length > 0);
  expect(calls.filter((one) => one === 'regular')).toHaveLength(1);
  deadNodes.end();
});

test('a node is remembered as settled until nothing of it is known from ZooKeeper', async () => {
  const nodes = ['web-1', 'web-2', 'web-3'];
  const known = new Map(nodes.map((node) => [node, false]));
  const forgotten: string[] = [];
  let settled = 0;
  const deadNodes = new DeadNodes({
    homes: ['both'],
    async settle() {
      settled += 1;
    },
    isAlive: async () => ({ ok: true, value: false }),
    forget: async (node) => forgotten.push(node) > 0,
    onChange: () => {},
    log: quiet,
  });
  deadNodes.follow(known);
  await until('all are forgotten', () => forgotten.length === 3);
  // The keeper hears later that they are gone.
  deadNodes.follow(known);
  await until('they are forgotten again', () => forgotten.length === 6);
  expect(nodes.every((node) => deadNodes.settled.has(node, undefined))).toBe(true);
  expect(settled, 'each is settled once').toBe(3);
  await until('none is remembered', () => {
    deadNodes.follow(new Map());
    return deadNodes.settled.homes.size === 0;
  });
  deadNodes.end();
});
