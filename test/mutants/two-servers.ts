import { type Mutant, planted } from './mutant.ts';

/** Bugs in the transfers between two servers. */

const TWO_SERVERS_TESTS = ['test/db/two-servers.test.ts', 'test/db/two-servers-moves.test.ts'];

const sql = planted(TWO_SERVERS_TESTS, 'db/procedures/apply_transfers.sql');

export const TWO_SERVERS: readonly Mutant[] = [
  sql('no oversell', 'a transfer from the other server is applied again', [
    ['WHERE e.no > v_mark.applied ORDER BY e.no', 'ORDER BY e.no'],
    ['IF v_entry.no <> v_mark.applied + 1', 'IF false'],
  ]),
  sql(
    'no undersell',
    'units that return for a SKU on the other server are lost',
    [["PERFORM send_transfer(p_sku, p_sale, 'units', p_units, '{}');", '']],
    TWO_SERVERS_TESTS,
    'db/procedures/put_units.sql',
  ),
  sql('one outcome', 'a SKU arrives at the other server before its earlier decisions', [
    ['IF v_mark.copied_home <> v_entry.no THEN', 'IF false THEN'],
  ]),
  sql(
    'one outcome',
    'a mover that another mover has replaced continues to write',
    [['WHERE m.sku = p_sku AND m.copier = p_copier;\n  IF', 'WHERE m.sku = p_sku;\n  IF']],
    TWO_SERVERS_TESTS,
    'db/procedures/copy_in.sql',
  ),
  sql(
    'one outcome',
    'limits on the other server are not lowered',
    [
      [
        "    PERFORM send_transfer(p_sku, p_sale, 'buyers', 0,\n                          jsonb_build_object('users', p_user_ids, 'units', p_units));\n",
        '',
      ],
    ],
    TWO_SERVERS_TESTS,
    'db/procedures/lower_buyers.sql',
  ),
  sql(
    'no oversell',
    'the server that a SKU has left reports its free units',
    [['b.moves - a.moves || ', '']],
    ['test/db/client/homes.test.ts'],
    'db/client/home-rows.ts',
  ),
  {
    promise: 'one outcome',
    name: 'one reference pays orders of both servers',
    file: 'db/payments.ts',
    edits: [['databases.home(databases.ofOrder(orderNo)) === databases.regular)', 'true)']],
    tests: TWO_SERVERS_TESTS,
  },
  sql(
    'no oversell',
    'units of an order beside regular leave its books without a movement',
    [[' AND NOT v_abroad', '']],
    ['test/db/grown.test.ts'],
    'db/procedures/return_units.sql',
  ),
];
