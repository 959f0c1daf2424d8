import { type Mutant, planted } from './mutant.ts';

/** In what serves the line of a SKU. */

const LINE_TESTS = ['test/db/waitlist.test.ts', 'test/db/waitlist-contention.test.ts'];

const sql = planted(LINE_TESTS, 'db/procedures/serve_waitlist.sql');

export const LINE: readonly Mutant[] = [
  sql(
    'no oversell',
    'a unit that went to the line goes back to the stock as well',
    [['p_units - serve_waitlist(', 'p_units - 0 * serve_waitlist(']],
    LINE_TESTS,
    'db/procedures/put_units.sql',
  ),
  sql('no undersell', 'who waits for two and gets one leaves the other unit nowhere', [
    ['RETURN p_units - v_left;', 'RETURN p_units;'],
  ]),
  sql('one outcome', 'who was served stays in the line', [
    ["SET state = 'served', ended_at = v_now, order_no = d.order_no", 'SET units = w.units'],
  ]),
  sql('one outcome', 'the line does not look at the limit of a user', [
    ['least(w.units, v_sku.user_limit - b.units) AS room', 'w.units AS room'],
  ]),
  sql('one outcome', 'units of the line are not counted for the limit', [
    ['SET units = b.units + d.units', 'SET units = b.units'],
  ]),
  sql('no lie', 'the line goes by time of asking', [
    ['ORDER BY w.claims, w.rank, w.user_id\n      LIMIT', 'ORDER BY w.asked_at\n      LIMIT'],
  ]),
  sql('no lie', 'joining does not wait for those who are served', [
    [/PERFORM pg_advisory_xact_lock\(hashtext\('line .*\n/, ''],
  ]),
  sql('admissions are bounded', 'the line is served while operators forbid it', [
    [' AND k.line_open', ''],
  ]),
  sql(
    'nothing taken is lost',
    'who waits is forgotten when the SKU moves',
    [['PERFORM move_waitlist(v_sku.schema, v_sku.sale, p_sku);', '']],
    LINE_TESTS,
    'db/procedures/move_sku.sql',
  ),
];
