import { hash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { FAULT_NAMES, faultNames, kindOf } from '../../fire/kinds.ts';
import { parseSchedule, SOAK_PAUSE_MS, scheduleOf } from '../../fire/schedule.ts';
import { shrink } from '../../fire/shrink.ts';

const seeds = Array.from({ length: 60 }, (_, at) => at + 1);

describe('a schedule', () => {
  it('comes from the seed alone', () => {
    for (const seed of seeds) expect(scheduleOf(seed, 1)).toEqual(scheduleOf(seed, 1));
    expect(new Set(seeds.map((seed) => JSON.stringify(scheduleOf(seed, 1)))).size).toBe(60);
  });

  it('is over when the time is over, and never has two faults of a group at one target', () => {
    for (const seed of seeds) {
      const schedule = scheduleOf(seed, 0.5);
      expect(schedule.length).toBeGreaterThan(3);
      for (const [at, one] of schedule.entries()) {
        expect(one.atMs + one.lastsMs).toBeLessThanOrEqual(30_000);
        const others = schedule.slice(at + 1).filter((other) => other.target === one.target);
        for (const other of others) {
          if (kindOf(other.fault).group !== kindOf(one.fault).group) continue;
          expect(other.atMs).toBeGreaterThan(one.atMs + one.lastsMs);
        }
      }
    }
  });

  it('has about a fault or scene a minute in a soak', () => {
    const starts = seeds.flatMap((seed) => scheduleOf(seed, 60, {}, SOAK_PAUSE_MS));
    expect(starts.length / seeds.length).toBeGreaterThan(45);
    expect(starts.length / seeds.length).toBeLessThan(180);
  });

  it.each([
    {},
    { hasStandbys: true },
    { hasNamespaces: true },
    { hasStandbys: true, hasNamespaces: true },
  ])('has every fault and every target in some seed of %j', (has) => {
    const drawn = new Set(
      Array.from({ length: 600 }, (_, seed) => scheduleOf(seed, 1, has))
        .flat()
        .map(({ fault, target }) => `${fault} ${target}`),
    );
    const wanted = faultNames(has).flatMap((name) =>
      kindOf(name).targets.map((target) => `${name} ${target}`),
    );
    expect([...drawn].sort()).toEqual(wanted.sort());
  });

  it('breaks a primary only if there are standbys', () => {
    expect(faultNames({ hasStandbys: true })).toContain('failover');
    expect(faultNames({})).not.toContain('failover');
  });

  it('breaks a wire only if there are namespaces', () => {
    const wired = faultNames({ hasNamespaces: true });
    expect(wired).toContain('silence');
    expect(faultNames({})).not.toContain('silence');
    const all = new Set([...wired, ...faultNames({ hasStandbys: true })]);
    expect(all).toEqual(new Set(FAULT_NAMES));
  });

  // Who has the seed of a failure that is older than a new fault finds the failure again.
  it.each([
    [{}, '3e89c044ca8188de683792a53c88de3289a9c56455708c159afffaaa7abfa045'],
    [{ hasStandbys: true }, 'ab9381e93222149127aeb5902e7d15c322fc3fdadde9a09808ae2585a893bfd2'],
  ])('of %j is as it was before there were wires', (setting, expected) => {
    const schedules = seeds.map((seed) => scheduleOf(seed, 1, setting));
    expect(hash('sha256', JSON.stringify(schedules))).toBe(expected);
  });

  it('is read from a file as it was written', () => {
    const schedule = scheduleOf(7, 1);
    expect(parseSchedule(JSON.stringify(schedule))).toEqual(schedule);
    expect(() => parseSchedule('{}')).toThrow('list');
    const wrong = [{ atMs: 1, fault: 'kill', target: 'the moon', lastsMs: 1 }];
    expect(() => parseSchedule(JSON.stringify(wrong))).toThrow('the moon');
  });
});

describe('the shortest schedule that still fails', () => {
  const numbers = Array.from({ length: 30 }, (_, at) => at);

  it.each([[[4]], [[0, 29]], [[3, 4, 17]], [[]]])('is %j', async (guilty) => {
    let runs = 0;
    const found = await shrink(numbers, async (list) => {
      runs += 1;
      return guilty.every((one) => list.includes(one));
    });
    expect(found).toEqual(guilty);
    expect(runs).toBeLessThan(130);
  });

  it('is the whole one if no part fails', async () => {
    expect(await shrink(numbers, async () => false)).toEqual(numbers);
  });
});
