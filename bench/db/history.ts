import { openSession } from '../../db/client/pool.ts';
import type { Stage } from './stage.ts';

/**
 * Creates years of orders: two thirds in the present sale, the others in earlier ones. They are written
 * set-based into tables that then become partitions, so that each index is built once from sorted
 * data. The audit passes (`SELECT * FROM hot.audit()` has no rows), as if place_orders had placed the
 * orders in batches.
 */

/** Partitions of sales that closed long ago are not read: decision 33. */
const OLD_SALES = 5;
const BATCH = 200;
const SLOTS = 16;
const LANES = 2;
const STATEMENT_TIMEOUT_MS = 15 * 60_000;

interface Part {
  readonly sale: string;
  readonly sku: string;
  /** First and last number of its orders. */
  readonly first: number;
  readonly last: number;
}

/** Request ids of version 7, fifty in a millisecond, as the shop makes them; of the past. */
const REQUEST_ID = `(lpad(to_hex(1700000000000 + n / 50), 12, '0') || '7' || left(md5(n::text), 3) || '8'
                      || right(md5(n::text), 15))::uuid`;

/** Columns and rows of each table; `n` is the number of an order. */
const ROWS: Readonly<Record<string, (part: Part) => string>> = {
  orders: ({ sale, sku }) =>
    `(order_no, sale, sku, request_id, user_id, units, amount, currency, status, pay_before)
     SELECT n * 2, '${sale}', '${sku}', ${REQUEST_ID}, 'user-' || md5((-n)::text), 1, 9.95,
            'EUR', 'paid', now()`,
  outcome: ({ sale, sku }) =>
    `(request_id, sale, sku, user_id, node, status, order_no, units)
     SELECT ${REQUEST_ID}, '${sale}', '${sku}', 'user-' || md5((-n)::text), 'node-1',
            'ordered', n * 2, 1`,
  buyer: ({ sale, sku }) =>
    `(sale, sku, user_id, units) SELECT '${sale}', '${sku}', 'user-' || md5((-n)::text), 1`,
  payment: ({ sale }) =>
    `(payment_ref, sale, order_no, result)
     SELECT 'bench-' || n, '${sale}', n * 2, 'paid'`,
  stock_movement: ({ sale, sku }) =>
    `(sale, sku, slot, kind, units)
     SELECT '${sale}', '${sku}', 1 + n / ${BATCH} % ${SLOTS}, 'sale', -${BATCH}`,
  event: ({ sale, sku }) =>
    `(sale, event_no, kind, sku, order_nos, happened_at)
     SELECT '${sale}', nextval('hot.event_no'), k.kind, '${sku}',
            ARRAY(SELECT m * 2 FROM generate_series(n, n + ${BATCH - 1}) AS m), now()`,
};

/** Fills one table of one sale, in separate statements, so that the parent table is locked only briefly. */
async function fillPart(url: string, table: string, part: Part): Promise<void> {
  const name = `hot."${table}_${part.sale}"`;
  const lane = await openSession(url, {
    applicationName: 'bench history',
    statementTimeoutMs: STATEMENT_TIMEOUT_MS,
    lockTimeoutMs: STATEMENT_TIMEOUT_MS,
  });
  try {
    await lane.run(`SET synchronous_commit = off; SET maintenance_work_mem = '256MB'`);
    await lane.run(`CREATE TABLE ${name} (LIKE hot.${table} INCLUDING ALL EXCLUDING INDEXES)`);
    const step = table === 'stock_movement' || table === 'event' ? BATCH : 1;
    const kinds = table === 'event' ? `, (VALUES ('placed'), ('paid')) AS k (kind)` : '';
    await lane.run(`INSERT INTO ${name} ${ROWS[table]?.(part)}
                    FROM generate_series(${part.first}, ${part.last}, ${step}) AS n${kinds}`);
    await lane.run(`ALTER TABLE ${name} OWNER TO flashsale_owner`);
    await lane.run(
      `ALTER TABLE hot.${table} ATTACH PARTITION ${name} FOR VALUES IN ('${part.sale}')`,
    );
    await lane.run(`VACUUM ANALYZE ${name}`);
  } finally {
    await lane.close();
  }
}

/** @param orders number in the present sale, rounded up to whole batches; the old ones have half as many together */
export async function fillHistory({ url, admin }: Stage, orders: number): Promise<void> {
  const each = Math.ceil(orders / 2 / OLD_SALES / BATCH) * BATCH;
  const present = 2 * each * OLD_SALES;
  const parts: Part[] = [{ sale: 'sale', sku: 'TV', first: 1, last: present }];
  for (let old = 1; old <= OLD_SALES; old += 1) {
    const before = present + each * (old - 1);
    parts.push({ sale: `old-${old}`, sku: `OLD-${old}`, first: before + 1, last: before + each });
  }
  for (const { sale, sku } of parts.slice(1)) {
    await admin.run(`
      SELECT catalog.create_sale('${sale}', 'Old', now() - interval '2 hours', now() + interval '1 minute');
      SELECT catalog.create_sku('${sku}', '${sale}', 'hot', 'TV', 9.95, 'EUR', 1, 1000000000, ${SLOTS});`);
  }
  // The stock that create_sku loaded is booked in the dropped partition. It is booked again below.
  for (const { sale } of parts) {
    for (const table of Object.keys(ROWS)) await admin.run(`DROP TABLE hot."${table}(${sale})"`);
  }
  const tasks = parts
    .flatMap((part) => Object.keys(ROWS).map((table) => ({ part, table })))
    .values();
  const lane = async () => {
    for (const { part, table } of tasks) await fillPart(url, table, part);
  };
  await Promise.all(Array.from({ length: LANES }, lane));

  for (const { sale, sku } of parts) {
    await admin.run(`
      INSERT INTO hot.stock_movement (sale, sku, slot, kind, units)
      SELECT '${sale}', sku, slot, 'load', remaining FROM hot.stock_slot WHERE sku = '${sku}';
      UPDATE hot.stock_slot s SET remaining = m.units
      FROM (SELECT slot, sum(units) AS units FROM hot.stock_movement
            WHERE sale = '${sale}' GROUP BY slot) m
      WHERE s.sku = '${sku}' AND s.slot = m.slot;`);
  }
  await admin.run(`SELECT setval('hot.order_no', ${present * 3 + 2})`);
  // The next sale: its partitions are empty.
  await admin.run(`
    SELECT catalog.create_sale('next', 'Next', now() - interval '1 hour', now() + interval '1 day');
    SELECT catalog.create_sku('NEW', 'next', 'hot', 'TV', 9.95, 'EUR', 1, 1000000000, ${SLOTS});`);
  // Old sales ended long ago: their request ids are no longer looked up.
  await admin.run(`
    UPDATE catalog.sale SET opens_at = now() - interval '9 days', closes_at = now() - interval '8 days'
    WHERE sale LIKE 'old-%'`);
  await admin.run('CHECKPOINT');
}
