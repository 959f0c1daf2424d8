import { expect, test } from 'vitest';
import { TrustWindow } from '../../../zk/client/trust.ts';

const TIMEOUT_MS = 1_000;

function opened(atMs: number): TrustWindow {
  const trust = new TrustWindow();
  trust.opened(atMs, TIMEOUT_MS);
  return trust;
}

test('a connection is trusted from the time of its request', () => {
  expect(opened(100).until).toBe(1_050);
});

test('one answer after a long silence proves nothing, because the leader may not know of it', () => {
  const trust = opened(0);
  trust.answered(900, 905, true);
  trust.answered(1_000, 1_005, true);
  expect(trust.until).toBe(950);
});

test('an answer is proven by a later answer of the leader, sent at least half a tick afterwards', () => {
  const trust = opened(0);
  trust.answered(500, 510, false);
  trust.answered(800, 805, true);
  expect(trust.until, 'too early').toBe(950);
  trust.answered(811, 820, true);
  expect(trust.until).toBe(1_450);
  trust.answered(1_150, 1_155, false);
  expect(trust.until, 'a read proves nothing').toBe(1_450);
});

test('probes at a sixth of the timeout keep the window open', () => {
  const trust = opened(0);
  let leastMs = Number.POSITIVE_INFINITY;
  for (let sentAt = 170; sentAt < 10_000; sentAt += 170) {
    leastMs = Math.min(leastMs, trust.until - sentAt);
    trust.answered(sentAt, sentAt + 3, true);
  }
  expect(leastMs).toBeGreaterThan(200);
});

test('the end of the session ends the window', () => {
  const trust = opened(0);
  trust.end();
  expect(trust.until).toBe(Number.NEGATIVE_INFINITY);
});
