import { type Mutant, planted } from './mutant.ts';

/** Bugs in the routines of the waitlist. */

const LINE_TESTS = ['test/db/waitlist.test.ts', 'test/db/waitlist-contention.test.ts'];

const sql = planted(LINE_TESTS, 'db/procedures/serve_waitlist.sql');

export const WAITLIST: readonly Mutant[] = [
  sql(
    'no oversell',
    'a unit that goes to the waitlist goes back to the stock as well',
    [['p_units - serve_waitlist(', 'p_units - 0 * serve_waitlist(']],
    LINE_TESTS,
    'db/procedures/put_units.sql',
  ),
  sql('no undersell', 'the second unit is lost when a shopper waits for two and gets one', [
    ['RETURN p_units - v_left;', 'RETURN p_units;'],
  ]),
  sql('one outcome', 'a served shopper stays in the waitlist', [
    ["SET state = 'served', ended_at = v_now, order_no = d.order_no", 'SET units = w.units'],
  ]),
  sql('one outcome', 'the waitlist ignores the limit of a user', [
    ['least(w.units, v_sku.user_limit - b.units) AS room', 'w.units AS room'],
  ]),
  sql('one outcome', 'units from the waitlist do not count towards the limit', [
    ['SET units = b.units + d.units', 'SET units = b.units'],
  ]),
  sql('no lie', 'the waitlist is ordered by time of joining', [
    ['ORDER BY w.claims, w.rank, w.user_id\n      LIMIT', 'ORDER BY w.asked_at\n      LIMIT'],
  ]),
  sql('no lie', 'joining does not wait for a service of the waitlist that is under way', [
    [/PERFORM pg_advisory_xact_lock\(hashtext\('line .*\n/, ''],
  ]),
  sql('admissions are bounded', 'the waitlist is served while operators forbid it', [
    [' AND k.line_open', ''],
  ]),
  sql(
    'nothing taken is lost',
    'the waitlist is lost when the SKU moves',
    [['PERFORM move_waitlist(v_sku.schema, v_sku.sale, p_sku);', '']],
    LINE_TESTS,
    'db/procedures/move_sku.sql',
  ),
];
