import { expect, it, vi } from 'vitest';
import { DatabaseError } from '../../db/client/errors.ts';
import { createLog } from '../../process/log.ts';
import { createMetrics } from '../../process/metrics.ts';
import { createWorkerMetrics } from '../../worker/metrics.ts';
import { CALLS_BETWEEN, DEAD_ROWS_MIN, SlotRenewal } from '../../worker/renew.ts';

function setUp(renewSlots: (sku: string, deadMin: number) => Promise<number>) {
  const metrics = createMetrics('test');
  const renewal = new SlotRenewal({
    schema: 'hot',
    renewSlots,
    log: createLog('test', 'silent'),
    metrics: createWorkerMetrics(metrics),
  });
  return { renewal, metrics };
}

it('asks for new slots of a SKU after each so many of its own calls', async () => {
  const renewSlots = vi.fn(async () => 4);
  const { renewal } = setUp(renewSlots);
  for (let call = 1; call < CALLS_BETWEEN; call += 1) {
    renewal.called('TV');
    renewal.called('Radio');
  }
  expect(renewSlots).not.toHaveBeenCalled();
  renewal.called('TV');
  expect(renewSlots.mock.calls).toEqual([['TV', DEAD_ROWS_MIN]]);
  for (let call = 1; call <= CALLS_BETWEEN; call += 1) renewal.called('TV');
  expect(renewSlots.mock.calls).toEqual([
    ['TV', DEAD_ROWS_MIN],
    ['TV', DEAD_ROWS_MIN],
  ]);
});

it('counts a failure, and asks again after as many calls', async () => {
  const error = new DatabaseError('retry', 'lock timeout', '55P03');
  const renewSlots = vi.fn(() => Promise.reject(error));
  const { renewal, metrics } = setUp(renewSlots);
  for (let call = 1; call <= 2 * CALLS_BETWEEN; call += 1) renewal.called('TV');
  expect(renewSlots).toHaveBeenCalledTimes(2);
  await vi.waitFor(async () =>
    expect(await metrics.text()).toMatch(/retries_total\{[^}]*routine="renew_slots"[^}]*\} 2/),
  );
});
