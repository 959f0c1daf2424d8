import { expect, it, vi } from 'vitest';
import { DatabaseClock } from '../../../server/catalogue/clock.ts';

it('the database clock uses the sample with the shortest round trip until it is too old', () => {
  vi.useFakeTimers({ toFake: ['performance'] });
  const clock = new DatabaseClock(() => performance.now());
  const nowMs = performance.now();
  const ahead = (ms: number) => new Date(performance.timeOrigin + nowMs + ms);
  const error = () => clock.nowMs() - (performance.timeOrigin + performance.now());
  clock.sample(ahead(5_000), nowMs - 1, nowMs + 1);
  // The round trip took a second: half of it is the error.
  clock.sample(ahead(5_000), nowMs, nowMs + 1_000);
  expect(error()).toBeCloseTo(5_000, -1);
  for (let i = 0; i < 16; i += 1) clock.sample(ahead(-200), nowMs - 10, nowMs + 10);
  expect(error()).toBeCloseTo(-200, -1);
  vi.useRealTimers();
});
