import { type Mutant, planted } from './mutant.ts';

/** Bugs in the routines of goods that are not counted. */

const amounts = planted(['test/db/amounts.test.ts'], 'db/procedures/place_amounts.sql');
const daily = planted(['test/db/daily.test.ts'], 'db/procedures/place_daily.sql');
const numbered = planted(['test/db/numbered.test.ts'], 'db/procedures/place_numbered.sql');
const chosen = planted(['test/db/chosen.test.ts'], 'db/procedures/place_chosen.sql');
const NUMBERED_TESTS = ['test/db/numbered.test.ts'];

export const GOODS: readonly Mutant[] = [
  amounts('no oversell', 'a packet that others hold is told to be sold out', [
    ['v_ask := cardinality(v_held);', 'v_ask := v_count;'],
  ]),
  amounts('one outcome', 'a request id that has an order of other goods draws a packet', [
    [' AND p.sku = p_terms.sku', ''],
  ]),
  amounts(
    'no oversell',
    'the packet of a cancelled order comes back to the pot',
    [["k.goods = 'amounts') THEN RETURN NULL", 'false) THEN RETURN NULL']],
    ['test/db/amounts.test.ts'],
    'db/procedures/return_units.sql',
  ),
  daily('once a day', 'a user gets two units a day', [
    ['(b.last_day < excluded.last_day)', '(b.last_day <= excluded.last_day)'],
  ]),
  numbered('no undersell', 'units that others hold are told to be sold out', [
    ['v_held) < v_wanted AND EXISTS (', 'v_held) < v_wanted AND false AND EXISTS ('],
  ]),
  numbered('one outcome', 'a request that is asked again gets more units', [
    ['WHERE o.created_at = now();', 'WHERE true;'],
  ]),
  numbered(
    'no undersell',
    'the units of an order that ended are not free again',
    [[' AND u.amount IS NULL', ' AND false']],
    NUMBERED_TESTS,
    'db/procedures/free_units.sql',
  ),
  numbered(
    'no oversell',
    'a unit that another order has is given again',
    [[/ AND u\.order_no IS NULL/g, '']],
    NUMBERED_TESTS,
    'db/procedures/lock_units.sql',
  ),
  numbered(
    'side by side',
    'a run of units is taken for an order that needs more',
    [['CONTINUE WHEN v_sizes[i] < v_left;', 'CONTINUE WHEN v_sizes[i] < 1;']],
    NUMBERED_TESTS,
    'db/procedures/choose_units.sql',
  ),
  numbered(
    'side by side',
    'an order for several units leaves a single one',
    [['IF p_singles OR v_sizes[i] - v_left <> 1 THEN', 'IF true THEN']],
    NUMBERED_TESTS,
    'db/procedures/choose_units.sql',
  ),
  numbered(
    'no undersell',
    'a late payment gets no units',
    [
      [
        'v_held := lock_units(v_order.sale, v_order.sku, 0, v_order.units, true);',
        "v_held := '{}';",
      ],
    ],
    NUMBERED_TESTS,
    'db/procedures/pay_order.sql',
  ),
  chosen('no oversell', 'chosen units are not locked', [
    [/ FOR UPDATE(?: SKIP LOCKED)?\);/g, ');'],
  ]),
  chosen('one outcome', 'a chosen unit that an order has is never told to be taken', [
    ['WHEN v_mine && v_seen.taken THEN', 'WHEN false THEN'],
  ]),
  chosen('no lie', 'who comes after a request that gets no order is told that the unit is taken', [
    [/ +CONTINUE WHEN NOT p_positions\[.*\n/, ''],
  ]),
  chosen('no lie', 'an order gets other units than those that were chosen', [
    [', v_new.units, v_given);', ', v_new.units);'],
  ]),
  chosen('one outcome', 'a request for taken units has no outcome', [
    ["WHERE v_status[a.at] = 'rejected' AND", 'WHERE false AND'],
  ]),
  chosen(
    'no undersell',
    'a choice that leaves a single unit is refused although nothing else is free',
    [['IF v_better[p_units[i]] THEN', 'IF true THEN']],
  ),
  chosen(
    'no undersell',
    'the end of a row counts as a free unit',
    [
      [
        'AND NOT EXISTS (SELECT FROM rest b',
        'AND r.position > 1 AND NOT EXISTS (SELECT FROM rest b',
      ],
    ],
    ['test/db/chosen.test.ts'],
    'db/procedures/leaves_single.sql',
  ),
  chosen(
    'no lie',
    'requests for the best units are decided with those for chosen ones',
    [[/const key = isChosen \? .* : sku;/, 'const key = sku;']],
    ['test/worker/batch.test.ts'],
    'worker/batch.ts',
  ),
];
