import type { Mutant } from './mutant.ts';

/** Bugs in keepers, workers and the payment provider. */

export const PROCESSES: readonly Mutant[] = [
  {
    promise: 'admissions are bounded',
    name: 'the keeper grows one grant before it has shrunk the other',
    file: 'keeper/grants/plan.ts',
    edits: [['free - sum(facts.nodes.map(rightsNow))', 'free - sum(shares.map(rightsOf))']],
    tests: ['test/keeper/grants/plan.test.ts'],
  },
  {
    promise: 'admissions are bounded',
    name: 'the keeper forgets the units that dead nodes may still bring',
    file: 'keeper/grants/plan.ts',
    edits: [['facts.target - facts.held - facts.deadRights', 'facts.target - facts.held']],
    tests: ['test/keeper/grants/plan.test.ts'],
  },
  {
    promise: 'no undersell',
    name: 'a node reports a need for all units although the shopper accepts fewer',
    file: 'server/quota/ledger.ts',
    edits: [['Math.min(counters.need, least) : least', 'Math.min(counters.need, units) : units']],
    tests: ['test/server/quota/ledger.test.ts', 'test/keeper/grants/plan.test.ts'],
  },
  {
    promise: 'nothing taken is lost',
    name: 'the worker acknowledges before the commit',
    file: 'worker/consume.ts',
    edits: [
      ['this.#open.add(open);', 'this.#open.add(open);\n    delivery.ack();'],
      ['if (!open.abandoned) open.delivery.ack();', ''],
    ],
    tests: ['test/worker/consume.test.ts', 'test/worker/process.test.ts'],
  },
  {
    promise: 'a ticket is good for its time only',
    name: 'a ticket that expires while the body is read still buys',
    file: 'server/gate/steps.ts',
    edits: [['key === signedBy && nowMs < ticket.expiresAtMs', 'key === signedBy']],
    tests: ['test/server/gate/slow-body.test.ts'],
  },
  {
    promise: 'nothing taken is lost',
    name: 'the worker drops locked requests',
    file: 'worker/batch.ts',
    edits: [['(pauseMs > 0 ? lane.fresh : lane.locked).push(...locked);', '']],
    tests: ['test/worker/batch.test.ts'],
  },
  {
    promise: 'nothing taken is lost',
    name: 'a lost race counts as a refusal',
    file: 'db/client/errors.ts',
    edits: [["'23505': 'retry'", "'23505': 'refused'"]],
    tests: ['test/db/client/errors.test.ts', 'test/worker/decide.test.ts'],
  },
  {
    promise: 'nothing taken is lost',
    name: 'an event is marked published before the broker has it',
    file: 'worker/outbox.ts',
    edits: [['if (await sent) published.add(event);', 'published.add(event);\n      await sent;']],
    tests: ['test/worker/outbox.test.ts', 'test/worker/relay.test.ts'],
  },
  {
    promise: "operators' edits are safe",
    name: 'a quota of 1e9 is accepted as a number',
    file: 'zk/tree/values.ts',
    edits: [['if (!/^\\d+$/.test(value.value)) {', 'if (Number.isNaN(Number(value.value))) {']],
    tests: ['test/zk/tree/values.test.ts'],
  },
  {
    promise: "operators' edits are safe",
    name: 'a refused edit takes the last good value out of force',
    file: 'zk/tree/values.ts',
    edits: [
      [
        'this.problem = { refused, reason: parsed.reason };',
        'this.problem = { refused, reason: parsed.reason };\n      this.#value = undefined;',
      ],
    ],
    tests: ['test/server/quota/agent.test.ts'],
  },
  {
    promise: 'admissions are bounded',
    name: 'the keeper leaves the waitlist of a closed SKU open',
    file: 'keeper/waitlists.ts',
    edits: [["edits.state.value !== 'closed' && ", '']],
    tests: ['test/keeper/waitlists.test.ts'],
  },
  {
    promise: 'one outcome',
    name: 'a Stripe callback is accepted without its signature',
    file: 'payment/stripe-account.ts',
    edits: [
      [
        'return this.stripe.webhooks.constructEvent(body, signature, webhookSecret);',
        'return signature === undefined ? this.stripe.webhooks.constructEvent(body, signature, webhookSecret) : JSON.parse(body);',
      ],
    ],
    tests: ['test/payment/stripe.test.ts'],
  },
  {
    name: 'the kept share falls to nothing',
    promise: 'no undersell',
    file: 'keeper/auto-keep/kept-share.ts',
    edits: [['Math.max(SHARE_MIN, share)', 'Math.max(0, share)']],
    tests: ['test/keeper/auto-keep/kept-share.test.ts'],
  },
  {
    name: 'a lottery takes back places that were reached',
    promise: 'no undersell',
    file: 'keeper/auto-keep/kept-share.ts',
    edits: [["if (facts.shed === 'lottery') return", 'if (facts.share < 0) return']],
    tests: ['test/keeper/auto-keep/kept-share.test.ts'],
  },
  {
    name: 'the kept share ignores the queue',
    promise: 'overload is cheap',
    file: 'keeper/auto-keep/kept-share.ts',
    edits: [['if (wait <= WAIT_FREE * bound)', 'if (wait >= 0)']],
    tests: ['test/keeper/auto-keep/kept-share.test.ts'],
  },
  {
    name: 'publishing goes on over a full write buffer',
    promise: 'overload is cheap',
    file: 'broker/publisher.ts',
    edits: [['this.#draining = !channel.publish(', 'channel.publish(']],
    tests: ['test/broker/publisher.test.ts'],
  },
  {
    name: 'niceness has an effect within a session only',
    promise: 'overload is cheap',
    file: 'ops/stack/give-way.ts',
    edits: [['if (!isNice) writeFileSync(', 'if (isNice) writeFileSync(']],
    tests: ['test/stack/processes.test.ts'],
  },
];
