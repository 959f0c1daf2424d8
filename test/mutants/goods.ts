import { type Mutant, planted } from './mutant.ts';

/** Bugs in the sale of seats that shoppers have chosen. */

const sql = planted(['test/db/chosen.test.ts'], 'db/procedures/place_chosen.sql');

export const GOODS: readonly Mutant[] = [
  sql('no oversell', 'chosen units are not locked', [[/ FOR UPDATE(?: SKIP LOCKED)?\);/g, ');']]),
  sql('one outcome', 'a chosen unit that an order has is never told to be taken', [
    ['WHEN v_mine && v_seen.taken THEN', 'WHEN false THEN'],
  ]),
  sql('no lie', 'who comes after a request that gets no order is told that the unit is taken', [
    [/ +CONTINUE WHEN NOT p_positions\[.*\n/, ''],
  ]),
  sql('no lie', 'an order gets other units than those that were chosen', [
    [', v_new.units, v_given);', ', v_new.units);'],
  ]),
  sql('one outcome', 'a request for taken units has no outcome', [
    ["WHERE v_status[a.at] = 'rejected' AND", 'WHERE false AND'],
  ]),
  sql(
    'no undersell',
    'a choice that leaves a single unit is refused although nothing else is free',
    [['IF v_better[p_units[i]] THEN', 'IF true THEN']],
  ),
  sql(
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
  sql(
    'no lie',
    'requests for the best units are decided with those for chosen ones',
    [[/const key = isChosen \? .* : sku;/, 'const key = sku;']],
    ['test/worker/batch.test.ts'],
    'worker/batch.ts',
  ),
];
