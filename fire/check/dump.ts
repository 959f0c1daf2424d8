/**
 * What the database holds at the end of a run, by queries of the checker's own. They read tables and
 * call nothing of the shop but `audit`.
 */

type Row<Fields extends string> = { readonly [field in Fields]: string };

export interface Dump {
  readonly skus: readonly Row<
    'sku' | 'goods' | 'user_limit' | 'price' | 'supply' | 'free' | 'lowest'
  >[];
  readonly orders: readonly Row<
    'order_no' | 'sku' | 'request_id' | 'user_id' | 'units' | 'amount' | 'status' | 'day'
  >[];
  readonly outcomes: readonly Row<'request_id' | 'sku' | 'user_id' | 'status' | 'order_no'>[];
  readonly payments: readonly Row<'payment_ref' | 'order_no' | 'result' | 'refund'>[];
  /** How often the merchant is told that a payment has to go back. */
  readonly refunds: readonly Row<'payment_ref' | 'told'>[];
  readonly units: readonly Row<'sku' | 'position' | 'order_no' | 'name'>[];
  readonly waiting: readonly Row<'entry' | 'sku' | 'user_id' | 'state' | 'order_no'>[];
  readonly audit: readonly Row<'found'>[];
}

/** Both schemas, which have the same tables. */
const both = (text: string) =>
  ['regular', 'hot'].map((schema) => text.replaceAll('HOME', schema)).join(' UNION ALL ');

/** Every value as a text, so that the checker compares what the database prints. `$1` is the sale. */
export const DUMP_QUERIES: Readonly<Record<keyof Dump, string>> = {
  skus: `
    SELECT k.sku, k.goods, k.user_limit::text, k.price::text,
           coalesce((SELECT sum(m.units) FROM (${both('SELECT sku, kind, units FROM HOME.stock_movement')}) m
                     WHERE m.sku = k.sku AND m.kind IN ('load', 'restock')), 0)::text AS supply,
           coalesce((SELECT sum(s.remaining) FROM (${both('SELECT sku, remaining FROM HOME.stock_slot')}) s
                     WHERE s.sku = k.sku), 0)::text AS free,
           coalesce((SELECT min(s.remaining) FROM (${both('SELECT sku, remaining FROM HOME.stock_slot')}) s
                     WHERE s.sku = k.sku), 0)::text AS lowest
    FROM catalog.sku k WHERE k.sale = $1`,
  orders: both(`
    SELECT order_no::text, sku, request_id::text, user_id, units::text, amount::text, status,
           coalesce(day::text, '') AS day
    FROM HOME.orders WHERE sale = $1`),
  outcomes: both(`
    SELECT request_id::text, sku, user_id, status, coalesce(order_no::text, '') AS order_no
    FROM HOME.outcome WHERE sale = $1`),
  payments: both(`
    SELECT p.payment_ref, p.order_no::text, p.result,
           coalesce((SELECT f.state FROM HOME.refund f WHERE f.payment_ref = p.payment_ref), '') AS refund
    FROM HOME.payment p WHERE p.sale = $1`),
  refunds: both(`
    SELECT e.payment_ref, count(*)::text AS told
    FROM (SELECT payment_ref, kind, sale FROM HOME.outbox UNION ALL
          SELECT payment_ref, kind, sale FROM HOME.event) e
    WHERE e.kind = 'refund_due' AND e.sale = $1 GROUP BY 1`),
  units: both(`
    SELECT sku, position::text, coalesce(order_no::text, '') AS order_no,
           coalesce(coalesce(line || '-', '') || seat, amount::text) AS name
    FROM HOME.unit WHERE sale = $1`),
  waiting: both(`
    SELECT entry::text, sku, user_id, state, coalesce(order_no::text, '') AS order_no
    FROM HOME.waiting WHERE sale = $1`),
  audit: both(`SELECT 'HOME: ' || a::text AS found FROM HOME.audit() a WHERE $1 <> ''`),
};
