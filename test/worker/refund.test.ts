import { expect, test } from 'vitest';
import { giveRefunds } from '../../worker/refund.ts';
import { log } from '../broker/harness.ts';

test('a worker that stops begins no further refund', async () => {
  const stopping = new AbortController();
  const asked: string[] = [];
  const ended: string[] = [];
  await giveRefunds({
    schema: 'hot',
    take: async () =>
      ['a', 'b'].map((paymentRef) => ({ paymentRef, orderNo: '2', tries: 1, failedRef: null })),
    async refund(paymentRef) {
      asked.push(paymentRef);
      stopping.abort();
      return 're_1';
    },
    end: async (paymentRef) => ended.push(paymentRef),
    log,
    stopping: stopping.signal,
  });
  // The result of the first refund is recorded. The other one is due again at its next try.
  expect([asked, ended]).toEqual([['a'], ['a']]);
});
