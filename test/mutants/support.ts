import { type Mutant, planted } from './mutant.ts';

/** Bugs in what customer service is told. */

const story = planted(['test/ops/orders/story.test.ts'], 'ops/orders/tell.ts');

export const SUPPORT: readonly Mutant[] = [
  story('no lie', 'customer service is told that each payment paid its order', [
    ['paymentRef !== paidBy', 'paidBy === undefined'],
  ]),
  story(
    'no lie',
    'customer service does not find refusals of products that nobody knows',
    [['WHERE r.request_id = p_request_id\n', 'WHERE false\n']],
    undefined,
    'db/procedures/request_facts.sql',
  ),
  story(
    'no lie',
    'customer service can read addresses',
    [[/regexp_replace\(c\.address, .*?\)(?=\n)/, 'c.address']],
    undefined,
    'db/procedures/notice_contact_hints.sql',
  ),
  story(
    'no lie',
    'customer service is not told which events a webhook has not got',
    [['AND d.order_no = p_order_no', 'AND d.order_no = 0']],
    undefined,
    'db/procedures/undelivered_events.sql',
  ),
  story('no lie', 'customer service is told that the shop cancelled what the shopper cancelled', [
    ['if (reason === null) return [moment', "if (reason === 'by_shop') return [moment"],
  ]),
];
