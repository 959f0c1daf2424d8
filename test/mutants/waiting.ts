import type { Mutant } from './mutant.ts';

/** Bugs in how an outcome reaches the shopper who waits for it. */

export const WAITING: readonly Mutant[] = [
  {
    promise: 'no lie',
    name: 'a redelivered verdict carries its old order as if it had just been placed',
    file: 'db/procedures/orders_placed.sql',
    edits: [['AND o.created_at = now() AND', 'AND']],
    tests: ['test/db/place-orders.test.ts', 'test/worker/consume.test.ts'],
  },
  {
    promise: 'no lie',
    name: 'a verdict is used after its order has expired',
    file: 'server/requests/status-waits.ts',
    edits: [
      ['order !== undefined && Date.parse(terms.payBefore) > Date.now()', 'order !== undefined'],
    ],
    tests: ['test/server/events.test.ts'],
  },
  {
    promise: 'no lie',
    name: "a pushed verdict reaches a shopper who waits for another user's request",
    file: 'server/requests/status-waits.ts',
    edits: [['!isFresh || request.userId !== wait.question.userId', '!isFresh']],
    tests: ['test/server/events.test.ts'],
  },
  {
    promise: 'overload is cheap',
    name: 'the shoppers of a dead node query the database without a limit',
    file: 'server/requests/status-waits.ts',
    edits: [['Math.max(pauseMs, (this.#foreign / FOREIGN_LOOKUPS_PER_SECOND) * 1_000)', 'pauseMs']],
    tests: ['test/server/requests/foreign.test.ts'],
  },
];
