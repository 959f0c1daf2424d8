import type { Mutant } from './mutant.ts';

/** Bugs in who may report an order as paid, and in the payment sessions. */

const promise = 'money equals orders';

export const MONEY: readonly Mutant[] = [
  {
    promise,
    name: "the standard callback is served beside Stripe's",
    file: 'server/routes/payment.ts',
    edits: [["if (payments.kind === 'stripe') {", 'if (!payments) {']],
    tests: ['test/server/payment-routes.test.ts'],
  },
  {
    promise,
    name: 'a published secret is accepted outside the demo',
    file: 'contracts/config.ts',
    edits: [
      ["if ('DEMO' in parsed && parsed.DEMO === false)", "if ('DEMO' in parsed && parsed.DEMO)"],
    ],
    tests: ['test/house/config.test.ts'],
  },
  {
    promise,
    name: 'a payment for another installation is recorded',
    file: 'server/routes/payment.ts',
    edits: [
      [
        "if (installation !== (await installationOf(databases, orderNo))) return 'other_installation';",
        "if (!installation) return 'other_installation';",
      ],
    ],
    tests: ['test/system/stripe-sessions.test.ts'],
  },
  {
    promise,
    name: 'the second session of an order replaces the first',
    file: 'db/procedures/keep_checkout.sql',
    edits: [["WHERE c.state = 'ended'", 'WHERE true']],
    tests: ['test/db/checkouts.test.ts'],
  },
  {
    promise,
    name: 'the session of an order stays open after the order has ended',
    file: 'db/procedures/end_checkouts.sql',
    edits: [
      ["c.state = 'open' AND o.status <> 'ordered'", "c.state = 'open' AND o.status = 'ordered'"],
    ],
    tests: ['test/db/checkouts.test.ts'],
  },
  {
    promise,
    name: 'a session that was paid meanwhile is tried for ever',
    file: 'payment/stripe-account.ts',
    edits: [["    if (status === 'complete') return 'complete';\n", '']],
    tests: ['test/payment/stripe.test.ts'],
  },
];
