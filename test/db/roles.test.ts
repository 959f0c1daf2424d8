import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openSession, ROLES, type Role, type Session } from '../../db/client/pool.ts';
import { createDatabase, PATIENCE, type TestDatabase } from './database.ts';

/** Which role may call which routine. A routine that is not listed is refused to all roles. */

const EXECUTE: Readonly<Record<string, readonly Role[]>> = {
  'catalog.actions': ['ops', 'readonly', 'console'],
  'catalog.record_action': ['ops', 'console'],
  'catalog.adopt_lottery_secret': ['ops', 'console'],
  'catalog.adopt_sku': ['ops', 'console'],
  'catalog.lottery_secret': ['ops', 'console'],
  'catalog.check_sale_over': ['ops', 'console'],
  'catalog.claim_reference': ['web', 'worker', 'ops'],
  'catalog.add_webhook': ['ops'],
  'catalog.note_webhook': ['worker'],
  'catalog.remove_webhook': ['ops'],
  'catalog.rotate_webhook_secret': ['ops'],
  'catalog.set_webhook_state': ['ops'],
  'catalog.webhook_endpoints': ['ops', 'readonly'],
  'catalog.webhook_targets': ['worker'],
  'catalog.change_sale': ['ops', 'console'],
  'catalog.change_sku': ['ops', 'console'],
  'catalog.add_notice_contact': ['web'],
  'catalog.confirm_notice_contact': ['web'],
  'catalog.forget_notice_contacts': ['web', 'worker', 'ops'],
  'catalog.insert_notices': [],
  'catalog.notice_contacts': ['web', 'ops'],
  'catalog.notice_contact_hints': ['ops', 'console'],
  'catalog.notice_lag': ['worker', 'ops', 'readonly'],
  'catalog.notice_position': ['worker'],
  'catalog.order_notices': ['ops', 'readonly', 'console'],
  'catalog.plan_notices': ['worker'],
  'catalog.report_notices': ['worker'],
  'catalog.resend_notice': ['ops', 'console'],
  'catalog.take_notices': ['worker'],
  'catalog.trim_notices': ['worker', 'ops'],
  'catalog.call_off_sale': ['ops', 'console'],
  'catalog.create_sale': ['ops', 'console'],
  'catalog.delete_sale': [],
  'catalog.drop_sale': ['ops'],
  'catalog.remove_sale': ['ops', 'console'],
  'catalog.is_rehearsal': ['ops', 'readonly'],
  'catalog.remove_rehearsal': ['ops'],
  'catalog.sale_facts': ['ops', 'readonly', 'console'],
  'catalog.sku_facts': ['ops', 'readonly', 'console'],
  'catalog.create_sku': ['ops', 'console'],
  'catalog.make_daily': ['ops', 'console'],
  'catalog.daily_skus': ['web', 'worker', 'ops', 'readonly', 'console'],
  'catalog.check_price': [],
  'catalog.due_sku_terms': [],
  'catalog.refresh_sku_terms': [],
  'catalog.installed_routines': ['ops', 'readonly'],
  'catalog.is_dropped_payment': ['web'],
  'catalog.installation': ['web', 'worker', 'ops', 'readonly'],
  'catalog.legacy_before': ['web', 'ops'],
  'catalog.keep_refusals': [],
  'catalog.refusals': ['ops', 'console'],
  'catalog.sale_board': ['web', 'worker', 'ops', 'readonly', 'console'],
  'catalog.sale_lottery': ['web'],
  'catalog.lottery_rank': [],
  'catalog.lottery_ranks': [],
  'catalog.set_waitlists': ['ops'],
  'catalog.set_claim_window': ['ops', 'console'],
  'catalog.set_sku_state': ['ops'],
  'catalog.set_tunable': ['ops'],
  'catalog.make_ticket_key': [],
  'catalog.rotate_ticket_key': ['ops'],
  'catalog.ticket_epochs': ['web', 'worker', 'ops', 'readonly', 'console'],
  'catalog.sku_homes': ['web', 'worker', 'ops', 'readonly', 'console'],
  'catalog.ticket_key': ['web'],
  'catalog.ticket_key_facts': ['ops', 'readonly'],
  'catalog.ticket_keys': ['web'],
  'catalog.door_key': ['web'],
  'catalog.note_door_key': ['web'],
  'catalog.public_door_key': ['ops'],
  'catalog.home_of_order': ['web', 'worker', 'ops', 'readonly', 'console'],
  'catalog.hot_home': [],
  'catalog.has_home': ['web', 'ops', 'console'],
  'catalog.present_history': [],
  'catalog.accepted_history': ['web', 'ops'],
  'catalog.is_accepted': ['web', 'worker', 'ops', 'console'],
  'catalog.beat': ['ops'],
  'catalog.accept_history': ['ops'],
  'catalog.skip_numbers': ['ops'],
  promises: ['ops', 'readonly'],
  draw_units: [],
  transfer_ends: ['ops'],
  resend_transfers: ['ops'],
  sent_homes: ['ops'],
  adopt_transfers: ['ops'],
  forget_transfers: ['ops'],
  forget_copies: ['ops'],
  set_buyers: ['ops'],
  'catalog.set_homes': [],
  'catalog.tunable': ['worker', 'ops', 'readonly'],
  'catalog.judge_canaries': ['worker', 'ops'],
  'catalog.canary_now': [],
  'catalog.note_canary_call': [],
  apply_transfers: ['worker', 'ops'],
  receive_sku: [],
  audit: ['worker', 'ops', 'readonly'],
  end_audit: ['worker'],
  take_audit: ['worker'],
  book_transferred_units: [],
  call_off_orders: ['ops', 'console'],
  call_off_state: ['ops', 'console'],
  cancel_for_shopper: ['ops', 'console'],
  cancel_order: ['web', 'worker'],
  copy_start: ['worker', 'ops'],
  copy_end: ['worker', 'ops'],
  copy_in: ['worker', 'ops'],
  copy_source: ['worker', 'ops'],
  credit_buyers: [],
  decided_elsewhere: [],
  end_checkout: ['web', 'worker', 'ops'],
  end_checkouts: [],
  end_orders: [],
  // For web nodes of the last release.
  end_refund: ['web', 'worker', 'ops'],
  fail_refund: ['web'],
  expire_orders: ['worker'],
  expire_orders_of: ['worker'],
  overdue_skus: ['worker'],
  export_orders: ['ops'],
  fence_node: ['worker', 'ops'],
  node_fenced: ['web', 'worker', 'ops'],
  forget_webhook: ['ops'],
  join_waitlist: ['web', 'ops'],
  judge_requests: [],
  keep_checkout: ['web'],
  leave_waitlist: ['web', 'ops'],
  live_checkout: ['web'],
  current_slots: [],
  lock_slots: [],
  log_dead_letter: ['ops'],
  transfer_units: ['web', 'worker'],
  lower_buyers: [],
  move_sku: ['ops'],
  notice_events: ['worker'],
  oldest_refund_due: ['worker', 'ops', 'readonly'],
  order_details: ['web', 'worker', 'ops', 'console'],
  order_payments: ['ops', 'console'],
  orders_placed: ['worker'],
  outbox_batch: ['worker'],
  outbox_done: ['worker'],
  pay_order: ['web', 'worker', 'ops'],
  place_mixed_batch: [],
  place_plain_batch: [],
  place_daily: ['worker'],
  place_amounts: [],
  pot_books: [],
  place_numbered: [],
  place_chosen: ['worker'],
  'catalog.leaves_single': [],
  unit_map: ['web'],
  plain_any_terms: [],
  plain_single_terms: [],
  decided_in_others: [],
  index_request: [],
  trim_request_index: ['worker', 'ops'],
  'catalog.sale_of_sku': [],
  lock_units: [],
  give_units: [],
  mark_units: [],
  open_batch: [],
  free_units: [],
  unit_books: [],
  paid_units: ['web'],
  door_units: ['ops'],
  order_units: ['web', 'worker', 'ops', 'console'],
  'catalog.choose_units': [],
  'catalog.make_units': ['ops', 'console'],
  'catalog.sections': ['web', 'worker', 'ops', 'readonly', 'console'],
  'catalog.sale_times': ['web', 'worker', 'ops', 'readonly', 'console'],
  'catalog.section_times': ['web', 'worker', 'ops', 'readonly', 'console'],
  order_packets: ['web', 'worker', 'ops', 'console'],
  open_pot: ['ops', 'readonly', 'console'],
  'catalog.make_pot': ['ops', 'console'],
  'catalog.pots': ['web', 'worker', 'ops', 'readonly', 'console'],
  'catalog.pot_lists': ['ops', 'readonly', 'console'],
  days_of: ['web', 'ops', 'console'],
  day_books: [],
  order_days: ['worker'],
  plain_terms: [],
  place_orders: ['worker'],
  placed_lately: ['ops', 'readonly', 'console'],
  send_transfer: [],
  put_units: [],
  queue_refund: [],
  refund_order: ['ops', 'console'],
  order_times: ['ops'],
  order_facts: ['ops', 'console'],
  note_order: ['ops', 'console'],
  payment_failures: ['ops', 'readonly'],
  payment_orders: ['ops', 'console'],
  request_facts: ['ops', 'console'],
  request_letters: ['ops', 'console'],
  undelivered_events: ['ops', 'console'],
  report_sale: ['ops'],
  refuse_requests: ['worker', 'ops', 'console'],
  refuse_payment: ['web', 'worker', 'ops'],
  replay_webhooks: ['ops'],
  report_webhooks: ['worker'],
  request_outcomes: ['web', 'worker', 'ops'],
  restock: ['ops', 'console'],
  sale_figures: ['ops', 'readonly'],
  return_units: [],
  serve_waitlist: [],
  renew_slots: ['worker', 'ops'],
  set_slots: ['ops'],
  take_checkouts: ['worker'],
  move_waitlist: [],
  take_refunds: ['worker'],
  send_sku_to: ['ops'],
  sku_changes: ['worker', 'ops'],
  take_webhooks: ['worker'],
  webhook_lag: ['worker', 'ops', 'readonly'],
  take_units: [],
  transfers_applied: ['worker', 'ops'],
  transfers_to: ['worker', 'ops'],
  trim_place_calls: ['worker', 'ops'],
  unit_counts: ['worker', 'ops', 'readonly'],
  unpaid_elsewhere: [],
  event_books: [],
  event_sums: [],
  order_sums: [],
  stock_books: [],
  moved_books: [],
  claim_books: [],
  decided_twice: [],
  money_books: [],
  order_refund: [],
  waitlist_books: [],
  order_books: [],
  payment_books: [],
  fill_slots: [],
  empty_slots: [],
  sku_books: ['worker', 'ops', 'readonly'],
  warm_session: ['web', 'worker'],
  user_refusals: ['ops', 'console'],
  user_orders: ['web', 'ops', 'console'],
  order_age: ['web', 'ops', 'console'],
  sale_age: ['ops'],
  waitlist_entries: ['web', 'ops', 'console'],
};
const SELECT: Readonly<Record<string, readonly Role[]>> = {
  backlog: ['ops', 'readonly'],
  handled_dead_letters: ['ops', 'readonly'],
  line_backlog: ['ops', 'readonly', 'console'],
  place_rates: ['ops', 'readonly'],
  refunds: ['ops', 'readonly'],
  slot_fill: ['ops', 'readonly', 'console'],
  slot_fragmentation: ['ops', 'readonly'],
  table_health: ['ops', 'readonly'],
  unpaid_backlog: ['ops', 'readonly', 'console'],
};
const OTHERS = (Object.keys(ROLES) as Role[]).filter((role) => role !== 'owner');

let database: TestDatabase;
let session: Session;

beforeAll(async () => {
  database = await createDatabase();
  session = await openSession(database.url, {
    applicationName: 'roles',
    ...PATIENCE,
  });
  // A partition must not have more privileges than its table.
  await session.run(`SELECT catalog.create_sale('s', 'x', now(), now() + interval '1 h')`);
});
afterAll(async () => {
  await session.close();
  await database.remove();
});

const inBoth = (name: string) => (name.includes('.') ? [name] : [`regular.${name}`, `hot.${name}`]);
const roleNames = (roles: readonly Role[]) => roles.map((role) => ROLES[role]).sort();

describe('the privileges', () => {
  it('let each role call its routines and no others', async () => {
    const rows = await session.query<{ routine: string; roles: string[] }>({
      text: `SELECT p.pronamespace::regnamespace || '.' || p.proname AS routine,
                    array_remove(array_agg(r.rolname ORDER BY r.rolname COLLATE "C")
                      FILTER (WHERE has_function_privilege(r.oid, p.oid, 'EXECUTE')), NULL)::text[]
                      AS roles
             FROM pg_proc p CROSS JOIN pg_roles r
             WHERE p.pronamespace::regnamespace::text IN ('catalog', 'regular', 'hot')
               AND r.rolname = ANY ($1)
             GROUP BY 1`,
      values: [roleNames(OTHERS)],
    });
    const found = Object.fromEntries(rows.map(({ routine, roles }) => [routine, roles ?? []]));
    const wanted = Object.entries(EXECUTE).flatMap(([name, roles]) =>
      inBoth(name).map((routine) => [routine, roleNames(roles)]),
    );
    expect(found).toEqual(Object.fromEntries(wanted));
  });

  it('let nobody but the owner access a table, a sequence or a schema', async () => {
    const rows = await session.query<{ relation: string; role: string }>({
      text: `SELECT c.oid::regclass::text AS relation, r.rolname AS role
             FROM pg_class c CROSS JOIN pg_roles r
             WHERE c.relnamespace::regnamespace::text IN ('catalog', 'regular', 'hot')
               AND r.rolname = ANY ($1)
               AND CASE c.relkind
                 WHEN 'S' THEN has_sequence_privilege(r.oid, c.oid, 'USAGE, SELECT, UPDATE')
                 WHEN 'v' THEN has_table_privilege(r.oid, c.oid, 'INSERT, UPDATE, DELETE')
                 ELSE c.relkind IN ('r', 'p') AND has_table_privilege(r.oid, c.oid,
                   'SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER') END
             UNION ALL
             SELECT n.nspname, r.rolname FROM pg_namespace n CROSS JOIN pg_roles r
             WHERE n.nspname IN ('catalog', 'regular', 'hot') AND r.rolname = ANY ($1)
               AND has_schema_privilege(r.oid, n.oid, 'CREATE')`,
      values: [roleNames(OTHERS)],
    });
    expect(rows).toEqual([]);
  });

  it.each(Object.entries(SELECT))('let the view %s be read by %j', async (view, roles) => {
    for (const relation of inBoth(view)) {
      const rows = await session.query<{ role: string }>({
        text: `SELECT rolname AS role FROM pg_roles
               WHERE rolname = ANY ($1) AND has_table_privilege(oid, $2, 'SELECT') ORDER BY 1`,
        values: [roleNames(OTHERS), relation],
      });
      expect(rows.map(({ role }) => role)).toEqual(roleNames(roles));
    }
  });

  it.each(OTHERS)('refuse role %s in actual calls, and not only in the catalogue', async (role) => {
    const pool = database.as(role, 1).home('hot');
    const refused = { sqlstate: '42501', kind: 'refused' };
    await expect(pool.query({ text: 'SELECT * FROM hot.orders' })).rejects.toMatchObject(refused);
    await expect(pool.query({ text: 'SELECT * FROM hot."orders(s)"' })).rejects.toMatchObject(
      refused,
    );
    const units = pool.query({ text: `SELECT hot.return_units('s', 'x', 1)` });
    await expect(units).rejects.toMatchObject(refused);
    const key = pool.query({ text: 'SELECT * FROM catalog.ticket_key' });
    await expect(key).rejects.toMatchObject(refused);
    const seed = pool.query({ text: 'SELECT seed FROM catalog.door_key' });
    await expect(seed).rejects.toMatchObject(refused);
  });
});

describe('routines', () => {
  it('run as their owner with a pinned search_path that ends in pg_temp', async () => {
    const rows = await session.query({
      text: `SELECT p.oid::regprocedure::text AS routine FROM pg_proc p
             WHERE p.pronamespace::regnamespace::text IN ('catalog', 'regular', 'hot')
               AND p.proname NOT IN ('plain_terms', 'plain_any_terms', 'plain_single_terms', 'sale_of_sku',
                                     'current_slots')
               AND NOT (p.prosecdef AND p.proowner = 'flashsale_owner'::regrole
                        AND EXISTS (SELECT FROM unnest(p.proconfig) c
                                    WHERE c = 'search_path=' || p.pronamespace::regnamespace
                                              || ', pg_temp'))`,
    });
    expect(rows).toEqual([]);
  });

  it('that are part of another statement have no settings and no rights of their own', async () => {
    const rows = await session.query({
      text: `SELECT prosecdef, proconfig FROM pg_proc WHERE proname ~ '^plain_.*terms$|^sale_of_sku$'`,
    });
    expect(rows).toEqual(Array(7).fill({ prosecdef: false, proconfig: null }));
  });

  it('do not use a temporary table of the caller', async () => {
    await session.run(`BEGIN; SET LOCAL ROLE flashsale_worker;
      CREATE TEMP TABLE orders (order_no bigint, sale text, sku text, status text);
      CREATE TEMP TABLE stock_slot (sku text, slot int, remaining int)`);
    const rows = await session.query({ text: 'SELECT * FROM hot.unit_counts()' });
    expect(rows).toEqual([]);
    await session.run(`SET LOCAL search_path = pg_temp, hot; SELECT * FROM hot.expire_orders(1)`);
    await session.run('ROLLBACK');
  });

  it('have comments in the database, as have tables, views and every column', async () => {
    const rows = await session.query({
      text: `SELECT p.oid::regprocedure::text AS thing FROM pg_proc p
             WHERE p.pronamespace::regnamespace::text IN ('catalog', 'regular', 'hot')
               AND obj_description(p.oid, 'pg_proc') IS NULL
             UNION ALL
             SELECT c.oid::regclass::text FROM pg_class c
             WHERE c.relnamespace::regnamespace::text IN ('catalog', 'regular', 'hot')
               AND c.relkind IN ('r', 'p', 'v', 'S') AND NOT c.relispartition
               AND obj_description(c.oid, 'pg_class') IS NULL
             UNION ALL
             SELECT c.oid::regclass || '.' || a.attname
             FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
             WHERE c.relnamespace::regnamespace::text IN ('catalog', 'regular', 'hot')
               AND c.relkind IN ('r', 'p', 'v') AND NOT c.relispartition
               AND a.attnum > 0 AND NOT a.attisdropped
               AND col_description(c.oid, a.attnum) IS NULL`,
    });
    expect(rows).toEqual([]);
  });
});
