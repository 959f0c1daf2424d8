import { type Mutant, planted } from './mutant.ts';

/** Bugs in the routines that sell, pay, cancel and expire. */

const PLACE_TESTS = [
  'test/db/place-orders.test.ts',
  'test/db/model-plain.test.ts',
  'test/db/contention.test.ts',
];
const LIFE_TESTS = ['test/db/order-life.test.ts', 'test/db/contention.test.ts'];

const sql = planted(PLACE_TESTS, 'db/procedures/place_orders.sql');
const plain = planted(PLACE_TESTS, 'db/procedures/place_plain_batch.sql');
const mixed = planted(PLACE_TESTS, 'db/procedures/place_mixed_batch.sql');

export const ORDERS: readonly Mutant[] = [
  plain('no oversell', 'a slot is updated without a lock, from the value that was read', [
    [/\n +FOR UPDATE OF s SKIP LOCKED/, ''],
    ['SET remaining = s.remaining - v_wanted', 'SET remaining = p.remaining - v_wanted'],
    [/ AND s\.remaining >= v_wanted(?=\n +RETURNING)/, ''],
  ]),
  sql('no oversell', 'a single order takes its unit without a lock, from the value that was read', [
    ['SELECT s.slot FROM credited c', 'SELECT s.slot, s.remaining FROM credited c'],
    [/\n +FOR UPDATE OF s SKIP LOCKED/, ''],
    ['SET remaining = s.remaining - p_units[1]', 'SET remaining = p.remaining - p_units[1]'],
    [/ AND s\.remaining >= p_units\[1\](?=\n +RETURNING)/, ''],
  ]),
  plain('no oversell', 'a slot gives more units than it has', [
    [/ AND s\.remaining >= v_wanted/g, ' AND s.remaining > 0'],
    ['s.remaining - v_wanted', 'greatest(0, s.remaining - v_wanted)'],
  ]),
  plain('no undersell', 'a plain batch that was stopped keeps its units under the limit', [
    ['WHERE r.user_id = ANY (v_credited);', 'WHERE false;'],
  ]),
  sql('no undersell', 'a single order that was stopped keeps its units under the limit', [
    ['IF v_sale IS NOT NULL THEN', 'IF false THEN'],
  ]),
  plain('no oversell', 'no stock movement is recorded for a plain batch', [
    ['-v_wanted FROM drawn d', '-v_wanted FROM drawn d WHERE false'],
  ]),
  sql('no oversell', 'no stock movement is recorded for a single order', [
    ["'sale', -p_units[1] FROM numbered n", "'sale', -p_units[1] FROM numbered n WHERE false"],
  ]),
  sql(
    'no oversell',
    'every repeated cancellation returns the units again',
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
    'a late payment takes units of a node whose units were given to others',
    [['OR node_fenced(p_node)', '']],
    ['test/db/late-payments.test.ts', 'test/server/orders/cashier.test.ts'],
    'db/procedures/pay_order.sql',
  ),
  sql(
    'no oversell',
    'a late payment takes units of a closed SKU, and beyond the quota',
    [["k.state <> 'closed' AND k.line_open AND now() < s.closes_at", 'true']],
    ['test/db/late-payments.test.ts'],
    'db/procedures/take_units.sql',
  ),
  sql(
    'no lie',
    'a price that nobody can pay is accepted',
    [['IF v_reason IS NOT NULL THEN', 'IF false THEN']],
    ['test/db/prices.test.ts'],
    'db/procedures/check_price.sql',
  ),
  sql(
    'no lie',
    'an order of price 0 waits for a payment',
    [["CASE WHEN n.price = 0 THEN 'paid'", "CASE WHEN false THEN 'paid'"]],
    ['test/db/free-orders.test.ts'],
  ),
  sql(
    'no oversell',
    'two workers expire the same order',
    [[/\n +FOR UPDATE SKIP LOCKED\) d/, ') d']],
    [...LIFE_TESTS, 'test/db/model.test.ts'],
    'db/procedures/expire_orders_of.sql',
  ),
  sql(
    'no undersell',
    'units of an expired order are not returned',
    [['PERFORM return_units(v_sku.sale, v_sku.sku, v_sku.units);', '']],
    LIFE_TESTS,
    'db/procedures/expire_orders_of.sql',
  ),
  sql(
    'no undersell',
    'orders expire before their time',
    [[/ AND o\.pay_before <= now\(\)/g, '']],
    LIFE_TESTS,
    'db/procedures/expire_orders_of.sql',
  ),
  mixed('no undersell', 'a user who came too late keeps units under the limit', [
    ['WHERE p_units[b.at] > v_got[b.at];', 'WHERE false;'],
  ]),
  sql(
    'one outcome',
    'a plain batch does not look for known requests',
    [
      [
        'WHERE o.sale = catalog.sale_of_sku(p_sku) AND o.request_id',
        'WHERE false AND o.request_id',
      ],
    ],
    PLACE_TESTS,
    'db/procedures/plain_any_terms.sql',
  ),
  sql(
    'one outcome',
    'a single request is not looked for among known ones',
    [
      [
        'WHERE o.sale = catalog.sale_of_sku(p_sku) AND o.request_id',
        'WHERE false AND o.request_id',
      ],
    ],
    PLACE_TESTS,
    'db/procedures/plain_single_terms.sql',
  ),
  sql(
    'one outcome',
    'a request is not looked for in other sales',
    [['WHERE o.sale = v_sale AND o.request_id', 'WHERE false AND o.request_id']],
    PLACE_TESTS,
    'db/procedures/decided_in_others.sql',
  ),
  sql(
    'one outcome',
    'a request is not looked for in sales with an index of request ids',
    [['WHERE i.request_id = ANY (p_request_ids)', 'WHERE false']],
    ['test/db/many-sales.test.ts'],
    'db/procedures/decided_in_others.sql',
  ),
  sql(
    'one outcome',
    'entries of a sale that runs are removed from the index of request ids',
    [[/ <= now\(\)\n/, ' > now()\n']],
    ['test/db/many-sales.test.ts'],
    'db/procedures/trim_request_index.sql',
  ),
  mixed(
    'one outcome',
    'a mixed batch does not look for known requests',
    [['WHERE o.sale = v_sale AND o.request_id', 'WHERE false AND o.request_id']],
    PLACE_TESTS,
    'db/procedures/judge_requests.sql',
  ),
  sql(
    'no lie',
    'a request that was refused before its SKU existed is forgotten when the SKU is created',
    [['FROM (SELECT * FROM gone UNION ALL SELECT * FROM also_gone) g', 'FROM gone g WHERE false']],
    ['test/db/refuse-requests.test.ts'],
    'db/procedures/keep_refusals.sql',
  ),
  sql(
    'one outcome',
    'request ids have no unique key',
    [['PRIMARY KEY (request_id, sale),', '']],
    PLACE_TESTS,
    'db/migrations/0003_stock_and_orders.sql',
  ),
  plain('one outcome', 'the limit of a user is not checked in a plain batch', [
    [/\n +WHERE b\.units \+ excluded\.units <= p_terms\.user_limit/, ''],
  ]),
  sql('one outcome', 'the limit of a user is not checked for a single order', [
    [/\n +WHERE b\.units \+ excluded\.units <= \(SELECT t\.user_limit FROM terms t\)/, ''],
  ]),
  mixed(
    'one outcome',
    'the limit of a user is not checked in a mixed batch',
    [[/\n +WHERE b\.units \+ excluded\.units <= p_terms\.user_limit/, '']],
    PLACE_TESTS,
    'db/procedures/credit_buyers.sql',
  ),
  plain('one outcome', 'no outcome is written', [
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
  mixed(
    'no lie',
    'units are counted with SKIP LOCKED',
    [
      [
        'FROM current_slots(p_terms.sku) s WHERE s.slot <> ALL (slots);',
        'FROM (SELECT a.* FROM stock_slot a WHERE a.sku = p_terms.sku FOR UPDATE SKIP LOCKED) s WHERE s.slot <> ALL (slots);',
      ],
    ],
    PLACE_TESTS,
    'db/procedures/lock_slots.sql',
  ),
  mixed(
    'no lie',
    'slots are renewed while others wait for them',
    [["PERFORM pg_advisory_xact_lock(hashtext('sku'), hashtext(p_sku));", '']],
    ['test/db/renew-slots.test.ts'],
    'db/procedures/renew_slots.sql',
  ),
  mixed(
    'nothing taken is lost',
    'an event that commits late is passed in the outbox',
    [['AND r.seen_xid < pg_snapshot_xmin(pg_current_snapshot())', '']],
    ['test/db/outbox-begin.test.ts'],
    'db/procedures/outbox_batch.sql',
  ),
  mixed(
    'no lie',
    'a request is beyond the limit because of units that an earlier one did not get',
    [
      [
        "CASE WHEN p_user_ids[i] = ANY (v_short) THEN 'locked' ELSE 'limit_reached' END",
        "'limit_reached'",
      ],
    ],
    PLACE_TESTS,
  ),
  mixed('no lie', 'a locked request is answered as sold out', [
    [/v_status\[i\] := 'locked';\n( +CONTINUE;)/, '$1'],
  ]),
  mixed('no lie', 'the answer is finally sold out although orders are unpaid', [
    ["WHEN v_units_may_return THEN 'units_may_return'", 'WHEN false THEN NULL'],
  ]),
  sql(
    'no lie',
    'a closed SKU is sold',
    [["t.state <> 'closed'", "t.state <> 'shut'"]],
    PLACE_TESTS,
    'db/procedures/plain_any_terms.sql',
  ),
  sql(
    'no lie',
    'a sale whose opening was changed opens at the old time',
    [[/CREATE OR REPLACE TRIGGER refresh_sku_terms\n +AFTER UPDATE ON catalog\.sale\n[^\n]+/, '']],
    ['test/db/sku-terms.test.ts'],
    'db/procedures/refresh_sku_terms.sql',
  ),
  sql(
    'no lie',
    'each of two concurrent changes copies what the other replaces',
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
  sql(
    'admissions are bounded',
    'a fenced node can still place orders',
    [['AND NOT EXISTS (SELECT FROM fenced_node f WHERE f.node = ANY (p_nodes))', '']],
    PLACE_TESTS,
    'db/procedures/plain_any_terms.sql',
  ),
  sql('admissions are bounded', 'a fence does not wait for batches', [
    [
      /pg_(try_)?advisory_xact_lock_shared\(\s*hashtext\('fence ' \|\|/g,
      "pg_$1advisory_xact_lock_shared(hashtext('f ' ||",
    ],
  ]),
  sql(
    'nothing taken is lost',
    'events that a dead worker took are never taken again',
    [[' OR r.leased_until <= now()', '']],
    LIFE_TESTS,
    'db/procedures/outbox_batch.sql',
  ),
  sql(
    'nothing taken is lost',
    'a cancelled order has no event',
    [
      [
        "VALUES ('cancelled', p_sale, v_sku.sku, v_sku.order_nos);",
        "SELECT 'cancelled', p_sale, v_sku.sku, v_sku.order_nos WHERE false;",
      ],
    ],
    LIFE_TESTS,
    'db/procedures/end_orders.sql',
  ),
  sql(
    'money equals orders',
    'the payment of an order that the shop has ended is kept',
    [["AND p.result = 'paid'", "AND p.result <> 'paid'"]],
    ['test/db/support.test.ts'],
    'db/procedures/end_orders.sql',
  ),
  sql(
    'money equals orders',
    'a sale is called off while its requests are being decided',
    [["PERFORM pg_advisory_xact_lock(hashtext('sku')", "PERFORM concat(hashtext('sku')"]],
    ['test/ops/sale/call-off.test.ts'],
    'db/procedures/call_off_sale.sql',
  ),
  sql(
    'one outcome',
    'one reference pays orders of both schemas',
    [['RETURN FOUND OR EXISTS', 'RETURN true OR EXISTS']],
    ['test/db/refunds.test.ts'],
    'db/procedures/claim_reference.sql',
  ),
  sql(
    'one outcome',
    'two workers make the same refund',
    [[/next_try_at = now\(\) \+ .*\n/, 'next_try_at = r.next_try_at\n']],
    ['test/db/refunds.test.ts'],
    'db/procedures/take_refunds.sql',
  ),
  sql(
    'nothing taken is lost',
    'a refund that fails after it was made stays done',
    [['OR r.refund_ref = p_refund_ref AND NOT v_is_done', 'OR false']],
    ['test/db/refunds.test.ts'],
    'db/procedures/end_refund.sql',
  ),
  sql(
    'nothing taken is lost',
    'refused webhook events delay those of other orders',
    [['count(*) FILTER (WHERE w.is_new) < p_pending_max', 'count(*) < p_pending_max']],
    ['test/worker/webhooks-refused.test.ts'],
    'db/procedures/take_webhooks.sql',
  ),
  sql(
    'no lie',
    'a disabled webhook endpoint gets events',
    [["WHERE w.state = 'active' ORDER", 'ORDER']],
    ['test/worker/webhooks-process.test.ts'],
    'db/procedures/webhook_targets.sql',
  ),
];
