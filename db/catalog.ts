import type { Schema } from '../contracts/names.ts';
import { toNumber } from './both-schemas.ts';
import type { Databases, Pool } from './pool.ts';

/** The routines of the catalogue, typed. Each function throws DatabaseError and nothing else. */

export interface NewSale {
  readonly sale: string;
  readonly title: string;
  readonly opensAt: Date;
  readonly closesAt: Date;
  /** Time from an order to its expiry if it is not paid. */
  readonly payWindowSeconds: number;
}

function servers({ regular, hot }: Databases): Pool[] {
  return regular === hot ? [regular] : [regular, hot];
}

/**
 * Makes a sale, on both servers where there are two.
 *
 * @returns false if it was there with the same values
 * @throws {DatabaseError} FS003 if it is there with other values
 */
export async function createSale(databases: Databases, sale: NewSale): Promise<boolean> {
  let created = false;
  for (const server of servers(databases)) {
    const [row] = await server.query<{ created: boolean }>({
      text: `SELECT catalog.create_sale($1, $2, $3, $4, make_interval(secs => $5)) AS created`,
      values: [sale.sale, sale.title, sale.opensAt, sale.closesAt, sale.payWindowSeconds],
    });
    created ||= row?.created === true;
  }
  return created;
}

export interface NewSku {
  readonly sku: string;
  readonly sale: string;
  readonly schema: Schema;
  readonly title: string;
  /** Decimal string. */
  readonly price: string;
  /** Three capital letters, ISO 4217. */
  readonly currency: string;
  readonly userLimit: number;
  readonly units: number;
  /** Without it the tunable slots_default. */
  readonly slots?: number;
}

/**
 * Makes a SKU and loads its stock, on the server of its schema.
 *
 * @returns false if it was there with the same values; its stock is then left as it is
 * @throws {DatabaseError} FS003 if it is there with other values
 */
export async function createSku(databases: Databases, sku: NewSku): Promise<boolean> {
  const [row] = await databases[sku.schema].query<{ created: boolean }>({
    text: 'SELECT catalog.create_sku($1, $2, $3, $4, $5, $6, $7, $8, $9) AS created',
    values: [
      sku.sku,
      sku.sale,
      sku.schema,
      sku.title,
      sku.price,
      sku.currency,
      sku.userLimit,
      sku.units,
      sku.slots ?? null,
    ],
  });
  return row?.created === true;
}

export interface BoardSku {
  readonly sku: string;
  readonly schema: Schema;
  readonly title: string;
  /** Decimal string. */
  readonly price: string;
  readonly currency: string;
  readonly userLimit: number;
  readonly state: 'open' | 'paused' | 'closed';
  /** Units that exist: loaded and restocked. */
  readonly unitsTotal: number;
  /** Units in slots. */
  readonly free: number;
  /** Units may come back from orders that are not paid. */
  readonly unpaidExists: boolean;
}

export interface BoardSale {
  readonly sale: string;
  readonly title: string;
  readonly opensAt: Date;
  readonly closesAt: Date;
  readonly payWindowSeconds: number;
  /** Another number than before: its ticket keys have changed. 0 while there is none. */
  readonly ticketEpoch: number;
  readonly skus: readonly BoardSku[];
}

export interface SaleBoard {
  /** The clock that judges the sale window. */
  readonly serverTime: Date;
  /** By opening time. */
  readonly sales: readonly BoardSale[];
}

interface BoardRow extends Record<string, unknown> {
  sale: string;
  sale_title: string;
  opens_at: Date;
  closes_at: Date;
  pay_window_seconds: number;
  ticket_epoch: string | null;
  sku: string | null;
  schema: Schema;
  title: string;
  price: string;
  currency: string;
  user_limit: number;
  state: BoardSku['state'];
  units_total: string;
  free: string;
  unpaid_exists: boolean;
}

function toBoardSku(row: BoardRow, sku: string): BoardSku {
  return {
    sku,
    schema: row.schema,
    title: row.title,
    price: row.price,
    currency: row.currency,
    userLimit: row.user_limit,
    state: row.state,
    unitsTotal: toNumber(row.units_total),
    free: toNumber(row.free),
    unpaidExists: row.unpaid_exists,
  };
}

/** Sales and SKUs with what is known about their stock. */
export async function saleBoard(databases: Databases): Promise<SaleBoard> {
  // The time comes in a row of its own, so that an empty catalogue has one too.
  const answers = await Promise.all(
    servers(databases).map((server) =>
      server.query<BoardRow & { now: Date }>({
        name: 'sale_board',
        text: `SELECT clock_timestamp() AS now, b.*, e.epoch AS ticket_epoch,
                      extract(epoch FROM b.pay_window)::float8 AS pay_window_seconds
               FROM (SELECT) AS always LEFT JOIN catalog.sale_board() b ON true
               LEFT JOIN catalog.ticket_epochs() e ON e.sale = b.sale`,
      }),
    ),
  );
  const sales = new Map<string, BoardSale & { skus: BoardSku[] }>();
  for (const row of answers.flat()) {
    if (row.sale === null) continue;
    const sale = sales.get(row.sale) ?? {
      sale: row.sale,
      title: row.sale_title,
      opensAt: row.opens_at,
      closesAt: row.closes_at,
      payWindowSeconds: row.pay_window_seconds,
      ticketEpoch: Number(row.ticket_epoch ?? 0),
      skus: [],
    };
    sales.set(row.sale, sale);
    if (row.sku !== null) sale.skus.push(toBoardSku(row, row.sku));
  }
  const serverTime = answers[0]?.[0]?.now ?? new Date();
  return { serverTime, sales: [...sales.values()] };
}

/** The key that signs tickets of a sale now: undefined before it opens, by the database's clock. */
export async function ticketKey(databases: Databases, sale: string): Promise<Buffer | undefined> {
  const [row] = await databases.regular.query<{ key: Buffer | null }>({
    name: 'ticket_key',
    text: 'SELECT catalog.ticket_key($1) AS key',
    values: [sale],
  });
  return row?.key ?? undefined;
}
