/** Planted bugs, at least one for each promise: where, what, and the tests that must turn red. */

export interface Mutant {
  readonly name: string;
  /** Which promise it breaks. */
  readonly promise: string;
  readonly file: string;
  /** Each text must be in the file; all places where it stands are replaced. */
  readonly edits: readonly (readonly [from: string | RegExp, to: string])[];
  /** Paths of test files or folders. */
  readonly tests: readonly string[];
}

const PLACE = 'db/procedures/place_orders.sql';
const PLACE_TESTS = [
  'test/db/place-orders.test.ts',
  'test/db/model-plain.test.ts',
  'test/db/contention.test.ts',
];
const TWO_SERVERS_TESTS = ['test/db/two-servers.test.ts'];
const LIFE_TESTS = ['test/db/order-life.test.ts', 'test/db/contention.test.ts'];

const LINE_TESTS = ['test/db/waiting.test.ts', 'test/db/waiting-contention.test.ts'];
const SERVE = 'db/procedures/serve_waiting.sql';

const sql = (
  promise: string,
  name: string,
  edits: Mutant['edits'],
  tests = PLACE_TESTS,
  file = PLACE,
): Mutant => ({ promise, name, file, edits, tests });

export const MUTANTS: readonly Mutant[] = [
  sql('no oversell', 'a slot is written as it was read, and not locked', [
    [/\n +FOR UPDATE (OF s )?SKIP LOCKED/g, ''],
    ['SET remaining = s.remaining - v_sku.wanted', 'SET remaining = v_remaining - v_sku.wanted'],
    [/ AND s\.remaining >= v_sku\.wanted/g, ''],
  ]),
  sql('no oversell', 'a slot gives more than it has', [
    ['IF v_held >= v_sku.wanted THEN', 'IF v_held > 0 THEN'],
    [/ AND s\.remaining >= v_sku\.wanted/g, ''],
    ['s.remaining - v_sku.wanted', 'greatest(0, s.remaining - v_sku.wanted)'],
  ]),
  sql('no oversell', 'a single order takes a unit that is gone', [
    [/\n +FOR UPDATE OF s SKIP LOCKED/, ''],
    ['SELECT s.slot\n      FROM credited', 'SELECT s.slot, s.remaining\n      FROM credited'],
    ['SET remaining = s.remaining - p_units[1]', 'SET remaining = p.remaining - p_units[1]'],
  ]),
  sql('no oversell', 'no movement is booked for a single order', [
    ["'sale', -p_units[1] FROM numbered n", "'sale', -p_units[1] FROM numbered n WHERE false"],
  ]),
  sql('no undersell', 'a single order without a slot keeps its place under the limit', [
    ['SET units = b.units - p_units[1]', 'SET units = b.units'],
  ]),
  sql('no oversell', 'no movement is booked for a sale', [
    ['-v_sku.wanted FROM drawn d', '-v_sku.wanted FROM drawn d WHERE false'],
  ]),
  sql(
    'no oversell',
    'a cancelled order gives its units back each time',
    [["IF v_order.status <> 'ordered' THEN RETURN v_order.status; END IF;", '']],
    LIFE_TESTS,
    'db/procedures/cancel_order.sql',
  ),
  sql(
    'no oversell',
    'a late payment takes no unit',
    [['v_taken := take_units(v_order.sale', "v_taken := 'x' <> concat(v_order.sale"]],
    LIFE_TESTS,
    'db/procedures/pay_order.sql',
  ),
  sql(
    'no oversell',
    'two workers expire the same order',
    [[/\n +FOR UPDATE SKIP LOCKED\) d/, ') d']],
    [...LIFE_TESTS, 'test/db/model.test.ts'],
    'db/procedures/expire_orders.sql',
  ),
  sql(
    'no undersell',
    'units of an expired order are not returned',
    [['PERFORM return_units(v_sku.sale, v_sku.sku, v_sku.units);', '']],
    LIFE_TESTS,
    'db/procedures/expire_orders.sql',
  ),
  sql(
    'no undersell',
    'orders expire before their time',
    [[/ AND o\.pay_before <= now\(\)/g, '']],
    LIFE_TESTS,
    'db/procedures/expire_orders.sql',
  ),
  sql('no undersell', 'who came too late keeps his place under the limit', [
    ['AND c.credited > 0;', 'AND c.credited < 0;'],
  ]),
  sql('one outcome', 'nobody looks for known requests', [
    [/WHERE o\.sale = [ts]\.sale AND o\.request_id/g, 'WHERE false AND o.request_id'],
    ['ON o.sale = s.sale AND o.request_id', 'ON false AND o.request_id'],
  ]),
  sql(
    'no lie',
    'what was refused before its SKU came to be is forgotten then',
    [['FROM (SELECT * FROM gone UNION ALL SELECT * FROM also_gone) g', 'FROM gone g WHERE false']],
    ['test/db/refuse-requests.test.ts'],
    'db/procedures/keep_refusals.sql',
  ),
  sql(
    'one outcome',
    'no unique key of request ids',
    [['PRIMARY KEY (request_id, sale),', '']],
    PLACE_TESTS,
    'db/migrations/0003_stock_and_orders.sql',
  ),
  sql('one outcome', 'the limit of a user is not checked', [
    [/\n +WHERE b\.units \+ excluded\.units <= v_sku\.user_limit/g, ''],
  ]),
  sql('one outcome', 'the limit of a user is not checked for a single order', [
    [/\n +WHERE b\.units \+ excluded\.units <= \(SELECT t\.user_limit FROM terms t\)/, ''],
  ]),
  sql('one outcome', 'no outcome is written', [
    [/('ordered', n\.order_no, n\.units\n +FROM numbered n) ORDER/, '$1 WHERE false ORDER'],
  ]),
  sql(
    'one outcome',
    'another reference pays a paid order again',
    [
      [
        "WHEN v_order.status = 'ordered' THEN 'paid'",
        "WHEN v_order.status <> 'expired' THEN 'paid'",
      ],
    ],
    LIFE_TESTS,
    'db/procedures/pay_order.sql',
  ),
  sql('no lie', 'units are counted with SKIP LOCKED', [
    [
      "FROM stock_slot s WHERE s.sku = p_sku AND s.slot <> ALL (coalesce(v_slots, '{}'));",
      "FROM (SELECT a.* FROM stock_slot a WHERE a.sku = p_sku FOR UPDATE SKIP LOCKED) s WHERE s.slot <> ALL (coalesce(v_slots, '{}'));",
    ],
  ]),
  sql('no lie', 'locked is called sold out', [[/v_status\[i\] := 'locked';\n( +CONTINUE;)/, '$1']]),
  sql('no lie', 'sold out for good although orders are unpaid', [
    ["WHEN v_units_may_return THEN 'units_may_return'", 'WHEN false THEN NULL'],
  ]),
  sql('no lie', 'a closed SKU sells', [
    ["t.state = 'closed'", "t.state = 'shut'"],
    ["t.state <> 'closed'", "t.state <> 'shut'"],
  ]),
  sql(
    'no lie',
    'a sale that was moved opens when it would have',
    [[/CREATE OR REPLACE TRIGGER refresh_sku_terms\n +AFTER UPDATE ON catalog\.sale\n[^\n]+/, '']],
    ['test/db/sku-terms.test.ts'],
    'db/procedures/refresh_sku_terms.sql',
  ),
  sql(
    'no lie',
    'of two edits at once each copies what the other replaces',
    [['LOCK TABLE catalog.sku_terms IN SHARE ROW EXCLUSIVE MODE;', '']],
    ['test/db/sku-terms.test.ts'],
    'db/procedures/refresh_sku_terms.sql',
  ),
  sql(
    'no lie',
    'the ticket key exists before the sale opens',
    [[/ AND s\.opens_at <= clock_timestamp\(\)/g, '']],
    ['test/db/ticket-keys.test.ts'],
    'db/procedures/ticket_keys.sql',
  ),
  sql('admissions are bounded', 'a fenced node still orders', [
    [/AND NOT EXISTS \(SELECT FROM fenced_node f WHERE f\.node = [^\n]+\)\n/g, '\n'],
  ]),
  sql('admissions are bounded', 'a fence does not wait for batches', [
    [
      /pg_(try_)?advisory_xact_lock_shared\(\s*hashtext\('fence ' \|\|/g,
      "pg_$1advisory_xact_lock_shared(hashtext('f ' ||",
    ],
  ]),
  {
    promise: 'admissions are bounded',
    name: 'the keeper grows one grant before it shrank the other',
    file: 'zk/grants.ts',
    edits: [['free - sum(facts.nodes.map(rightsNow))', 'free - sum(shares.map(rightsOf))']],
    tests: ['test/zk/grants.test.ts'],
  },
  {
    promise: 'admissions are bounded',
    name: 'the keeper forgets what dead nodes may still bring',
    file: 'zk/grants.ts',
    edits: [['facts.target - facts.held - facts.deadRights', 'facts.target - facts.held']],
    tests: ['test/zk/grants.test.ts'],
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
    promise: 'nothing taken is lost',
    name: 'the worker drops what was locked',
    file: 'worker/batch.ts',
    edits: [['lane.locked.push(...locked);', '']],
    tests: ['test/worker/batch.test.ts'],
  },
  {
    promise: 'nothing taken is lost',
    name: 'a lost race counts as a refusal',
    file: 'db/errors.ts',
    edits: [["'23505': 'retry'", "'23505': 'refused'"]],
    tests: ['test/db/errors.test.ts', 'test/worker/decide.test.ts'],
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
    name: 'a quota of 1e9 is taken for a number',
    file: 'zk/values.ts',
    edits: [['if (!/^\\d+$/.test(value.value)) {', 'if (Number.isNaN(Number(value.value))) {']],
    tests: ['test/zk/values.test.ts'],
  },
  {
    promise: "operators' edits are safe",
    name: 'a refused edit takes the last good value out of force',
    file: 'zk/values.ts',
    edits: [
      [
        'this.problem = { refused, reason: parsed.reason };',
        'this.problem = { refused, reason: parsed.reason };\n      this.#value = undefined;',
      ],
    ],
    tests: ['test/zk/agent.test.ts'],
  },
  sql(
    'nothing taken is lost',
    'events that a dead worker took are never taken again',
    [[' OR r.leased_until <= now()', '']],
    LIFE_TESTS,
    'db/procedures/outbox_batch.sql',
  ),
  sql(
    'no oversell',
    'a unit that went to the line goes back to the stock as well',
    [['p_units - serve_waiting(', 'p_units - 0 * serve_waiting(']],
    LINE_TESTS,
    'db/procedures/put_units.sql',
  ),
  sql(
    'no undersell',
    'who waits for two and gets one leaves the other unit nowhere',
    [['RETURN p_units - v_left;', 'RETURN p_units;']],
    LINE_TESTS,
    SERVE,
  ),
  sql(
    'one outcome',
    'who was served stays in the line',
    [["SET state = 'served', ended_at = v_now, order_no = d.order_no", 'SET units = w.units']],
    LINE_TESTS,
    SERVE,
  ),
  sql(
    'one outcome',
    'the line does not look at the limit of a user',
    [['least(w.units, v_sku.user_limit - b.units) AS room', 'w.units AS room']],
    LINE_TESTS,
    SERVE,
  ),
  sql(
    'one outcome',
    'units of the line are not counted for the limit',
    [['SET units = b.units + d.units', 'SET units = b.units']],
    LINE_TESTS,
    SERVE,
  ),
  sql(
    'no lie',
    'the line goes by time of asking',
    [['ORDER BY w.claims, w.rank, w.user_id\n      LIMIT', 'ORDER BY w.asked_at\n      LIMIT']],
    LINE_TESTS,
    SERVE,
  ),
  sql(
    'no lie',
    'joining does not wait for those who are served',
    [[/PERFORM pg_advisory_xact_lock\(hashtext\('line .*\n/, '']],
    LINE_TESTS,
    SERVE,
  ),
  sql(
    'admissions are bounded',
    'the line is served while operators forbid it',
    [[' AND k.line_open', '']],
    LINE_TESTS,
    SERVE,
  ),
  sql(
    'nothing taken is lost',
    'who waits is forgotten when the SKU moves',
    [['PERFORM take_line(v_sku.schema, v_sku.sale, p_sku);', '']],
    LINE_TESTS,
    'db/procedures/move_sku.sql',
  ),
  {
    promise: 'admissions are bounded',
    name: 'the keeper leaves the line of a closed SKU open',
    file: 'zk/lines.ts',
    edits: [["edits.state.value !== 'closed' && ", '']],
    tests: ['test/zk/lines.test.ts'],
  },
  sql(
    'one outcome',
    'a reference pays orders of two schemas',
    [['RETURN FOUND OR EXISTS', 'RETURN true OR EXISTS']],
    ['test/db/refunds.test.ts'],
    'db/procedures/claim_reference.sql',
  ),
  sql(
    'one outcome',
    'two workers give the same money back',
    [[/next_try_at = now\(\) \+ .*\n/, 'next_try_at = r.next_try_at\n']],
    ['test/db/refunds.test.ts'],
    'db/procedures/take_refunds.sql',
  ),
  {
    promise: 'one outcome',
    name: 'Stripe is believed without its signature',
    file: 'payment/stripe.ts',
    edits: [
      [
        'return this.#stripe.webhooks.constructEvent(body, signature, this.#options.webhookSecret);',
        'return signature === undefined ? this.#stripe.webhooks.constructEvent(body, signature, this.#options.webhookSecret) : JSON.parse(body);',
      ],
    ],
    tests: ['test/payment/stripe.test.ts'],
  },
  sql(
    'no oversell',
    'post of the other server is applied again',
    [
      ['WHERE e.no > v_mark.applied ORDER BY e.no', 'ORDER BY e.no'],
      ['IF v_entry.no <> v_mark.applied + 1', 'IF false'],
    ],
    TWO_SERVERS_TESTS,
    'db/procedures/apply_transfers.sql',
  ),
  sql(
    'no undersell',
    'units that come back to the other server are forgotten',
    [["PERFORM post_transfer(p_sku, p_sale, 'units', p_units, '{}');", '']],
    TWO_SERVERS_TESTS,
    'db/procedures/put_units.sql',
  ),
  sql(
    'one outcome',
    'a SKU arrives at the other server before what was decided',
    [['IF v_mark.copied_home <> v_entry.no THEN', 'IF false THEN']],
    TWO_SERVERS_TESTS,
    'db/procedures/apply_transfers.sql',
  ),
  sql(
    'one outcome',
    'a copier of the other server that was overtaken writes on',
    [['WHERE m.sku = p_sku AND m.copier = p_copier;\n  IF', 'WHERE m.sku = p_sku;\n  IF']],
    TWO_SERVERS_TESTS,
    'db/procedures/copy_in.sql',
  ),
  sql(
    'one outcome',
    'limits are not lowered on the other server',
    [
      [
        "    PERFORM post_transfer(p_sku, p_sale, 'buyers', 0,\n                          jsonb_build_object('users', p_user_ids, 'units', p_units));\n",
        '',
      ],
    ],
    TWO_SERVERS_TESTS,
    'db/procedures/lower_buyers.sql',
  ),
  sql(
    'no oversell',
    'free units are told by the server that a SKU has left for the other server',
    [['b.moves - a.moves || ', '']],
    ['test/db/homes.test.ts'],
    'db/homes.ts',
  ),
  {
    name: 'the kept share falls to nothing',
    promise: 'no undersell',
    file: 'zk/kept-share.ts',
    edits: [['Math.max(SHARE_MIN, share)', 'Math.max(0, share)']],
    tests: ['test/zk/kept-share.test.ts'],
  },
  {
    name: 'a lottery takes back places that were reached',
    promise: 'no undersell',
    file: 'zk/kept-share.ts',
    edits: [["if (facts.shed === 'lottery') return", 'if (facts.share < 0) return']],
    tests: ['test/zk/kept-share.test.ts'],
  },
  {
    name: 'the kept share does not know the queue',
    promise: 'overload is cheap',
    file: 'zk/kept-share.ts',
    edits: [['if (wait <= WAIT_FREE * bound)', 'if (wait >= 0)']],
    tests: ['test/zk/kept-share.test.ts'],
  },
];
