import { MUTANTS } from '../mutants/list.ts';
import type { Mutant } from '../mutants/mutant.ts';

/** Bugs in all layers, each of which a run under fire has to find. */

type Bug = Pick<Mutant, 'name' | 'file' | 'edits'>;

/** Bugs that the tests of their files find, too. */
const KNOWN = [
  'a slot gives more units than it has',
  'every repeated cancellation returns the units again',
  'another reference pays a paid order again',
  'units of an expired order are not returned',
  'a plain batch does not look for known requests',
  'the units of an order that ended are not free again',
  'a unit that another order has is given again',
  'a user gets two units a day',
  'a unit that goes to the waitlist goes back to the stock as well',
  'the waitlist ignores the limit of a user',
  'the worker acknowledges before the commit',
  'the worker drops locked requests',
];

const OWN: readonly Bug[] = [
  {
    name: 'a publish whose confirm is late counts as confirmed',
    file: 'broker/publisher.ts',
    edits: [["entry.resolve('unknown');", "entry.resolve('confirmed');"]],
  },
  {
    name: 'a publish whose confirm is late counts as refused',
    file: 'broker/publisher.ts',
    edits: [["entry.resolve('unknown');", "entry.resolve('refused');"]],
  },
  {
    name: 'a publish whose channel was closed counts as confirmed',
    file: 'broker/publisher.ts',
    edits: [["entry.channel ? 'refused' : 'unknown'", "entry.channel ? 'refused' : result"]],
  },
  {
    name: 'a publish counts as confirmed when it is written',
    file: 'broker/publisher.ts',
    edits: [['    return promise;', "    return Promise.resolve('confirmed');"]],
  },
  {
    name: 'a second press of a request draws its units again',
    file: 'server/purchase/handler.ts',
    edits: [
      [
        'if (known.request.userId !== userId) return NO_TICKET;',
        `if (known.request.userId !== userId) return NO_TICKET;
      claim.row = gate.find(sku) ?? claim.row;
      gate.refusal(ORDER.draw.slice(-1), claim);`,
      ],
    ],
  },
  {
    name: 'a node says queued of its requests although another node knows more',
    file: 'server/requests/purchases.ts',
    edits: [
      [
        'this.isPushed(entry) && entry.undecidedAtMs >= performance.now() - UNDECIDED_TTL_MS',
        'this.isPushed(entry)',
      ],
    ],
  },
  {
    name: 'a node reads from memory what became of an order',
    file: 'server/requests/status-waits.ts',
    edits: [
      ["entry.verdict === undefined || entry.verdict.status === 'ordered'", '!entry.verdict'],
    ],
  },
  {
    name: 'a node spends its grants after its session has ended',
    file: 'server/quota/agent.ts',
    edits: [
      [' || !this.#session.isTrusted', ''],
      [' && this.#session.isTrusted', ''],
    ],
  },
  {
    name: 'a dead node is not fenced',
    file: 'keeper/compose.ts',
    edits: [['await fenceNode(databases, node, homes);', '']],
  },
  {
    name: 'a payment that is reported twice goes back twice',
    file: 'db/procedures/pay_order.sql',
    edits: [
      [
        '  IF FOUND THEN\n    RETURN CASE',
        `  IF FOUND THEN
    INSERT INTO outbox (kind, sale, sku, order_nos, payment_ref)
    SELECT 'refund_due', v_order.sale, v_order.sku, ARRAY[p_order_no], p_payment_ref
    WHERE v_known.result = 'refund_due';
    RETURN CASE`,
      ],
    ],
  },
  {
    name: 'the merchant is not told that a payment goes back',
    file: 'db/procedures/pay_order.sql',
    edits: [
      [
        `  VALUES (v_result, v_order.sale, v_order.sku, ARRAY[p_order_no],
          CASE WHEN v_result = 'refund_due' THEN p_payment_ref END);`,
        "  SELECT v_result, v_order.sale, v_order.sku, ARRAY[p_order_no], NULL WHERE v_result = 'paid';",
      ],
    ],
  },
  {
    name: 'the owner cancels a paid order',
    file: 'db/procedures/cancel_order.sql',
    edits: [["v_order.status <> 'ordered'", "v_order.status NOT IN ('ordered', 'paid')"]],
  },
  {
    name: 'an order of the waitlist is given to the next waiter too',
    file: 'db/procedures/serve_waitlist.sql',
    edits: [
      [
        "(p_sale, p_sku, 1, 'sale', v_left - p_units);",
        `(p_sale, p_sku, 1, 'sale', v_left - p_units);
  UPDATE waiting w SET state = 'served', ended_at = v_now, order_no = v_order_nos[1]
  WHERE w.sale = p_sale AND w.entry = (
    SELECT x.entry FROM waiting x
    WHERE x.sale = p_sale AND x.sku = p_sku AND x.state = 'waiting' ORDER BY x.entry LIMIT 1);`,
      ],
    ],
  },
  {
    name: 'a node whose grant is spent says sold out',
    file: 'server/gate/steps.ts',
    edits: [['TOO_FEW : { verdict: drawn.verdict }', 'TOO_FEW : SOLD_OUT']],
  },
  {
    name: 'a refusal does not say when to come again',
    file: 'server/http/problems.ts',
    edits: [['seconds === undefined ? []', 'seconds === undefined || verdict === "cooldown" ? []']],
  },
  {
    name: 'a node shows a list of orders from before a change',
    file: 'server/orders/order-pages.ts',
    edits: [
      ['this.#pages.delete(userId);', ''],
      ['FIRST_PAGE_TTL_MS = 1_000', 'FIRST_PAGE_TTL_MS = 60_000'],
    ],
  },
  {
    name: 'dead nodes are never settled',
    file: 'keeper/dead-nodes.ts',
    edits: [
      ['if (this.#ended) return;\n    const gone', 'if (!this.#ended) return;\n    const gone'],
    ],
  },
];

export const PLANTED_BUGS: readonly Bug[] = [
  ...OWN,
  ...KNOWN.map((name) => {
    const found = MUTANTS.find((mutant) => mutant.name === name);
    if (found === undefined) throw new Error(`no planted bug: ${name}`);
    return found;
  }),
];
