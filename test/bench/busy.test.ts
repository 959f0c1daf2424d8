import { expect, it } from 'vitest';
import { busyLine, coreTimes } from '../../bench/busy.ts';

const stat = (user: number, idle: number, stolen: number) =>
  coreTimes(`cpu  ${user} 0 0 ${idle} 0 0 0 ${stolen} 0 0\ncpu0 1 2 3 4 5 6 7 8 9 10\n`);

it('a quiet machine is not mentioned', () => {
  expect(busyLine(stat(1_000, 1_000, 50), stat(1_010, 1_190, 50), 0.4)).toBeUndefined();
  expect(busyLine(stat(1, 1, 0), stat(1, 1, 0), 0)).toBeUndefined();
});

it('other work and a host that takes time are told in one line, with their shares', () => {
  const busy = busyLine(stat(1_000, 1_000, 0), stat(1_090, 1_110, 0), 3.25);
  expect(busy).toMatch(/^THE MACHINE IS BUSY.*takes 45 % of its cores.* 3\.3 for each core$/);
  expect(busyLine(stat(0, 0, 0), stat(0, 180, 20), 0)).toMatch(/ 0 % of its cores.* host 10 %/);
});
