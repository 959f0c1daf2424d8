import { withOwnDigits } from '../contracts/money.ts';
import type { Schema } from '../contracts/names.ts';
import { type Answers, areApart, askHomes, toNumber } from './client/both-homes.ts';
import { noAnswer } from './client/errors.ts';
import { freeUnits, type HomeRow, homeOf, livesThere } from './client/homes.ts';
import type { Databases, Pool } from './client/pool.ts';

/** Typed calls of the catalogue's routines. Every function throws only DatabaseError. */

export interface NewSale {
  readonly sale: string;
  readonly title: string;
  readonly opensAt: Date;
  readonly closesAt: Date;
  /** Time from an order to its expiry when it is not paid. */
  readonly payWindowSeconds: number;
}

export function serversOf(databases: Databases): Pool[] {
  return areApart(databases) ? [databases.regular, databases.hot] : [databases.regular];
}

/**
 * Creates a sale, on both servers where there are two.
 *
 * @returns false if it already existed with the same values
 * @throws {DatabaseError} FS003 if it exists with other values
 */
export async function createSale(databases: Databases, sale: NewSale): Promise<boolean> {
  let created = false;
  for (const server of serversOf(databases)) {
    const [row] = await server.query<{ created: boolean }>({
      text: `SELECT catalog.create_sale($1, $2, $3, $4, make_interval(secs => $5)) AS created`,
      values: [sale.sale, sale.title, sale.opensAt, sale.closesAt, sale.payWindowSeconds],
    });
    created ||= row?.created === true;
  }
  if (areApart(databases)) await copySecret(databases, sale.sale);
  return created;
}

/** Both servers need the same secret, so that ranks do not depend on where a SKU lives. */
async function copySecret({ regular, hot }: Databases, sale: string): Promise<void> {
  const [row] = await regular.query<{ secret: Buffer }>({
    text: 'SELECT catalog.lottery_secret($1) AS secret',
    values: [sale],
  });
  await hot.query({
    text: 'SELECT catalog.adopt_lottery_secret($1, $2)',
    values: [sale, row?.secret],
  });
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
  /** Default: the tunable slots_default. */
  readonly slots?: number;
}

/**
 * Creates a SKU and loads its stock on the server of its schema. A second server gets an entry of the
 * SKU. The server of `regular` comes first, so that each name is used once.
 *
 * @returns false if it already existed with the same values; its stock is then left unchanged
 * @throws {DatabaseError} FS003 if it exists with other values
 */
export async function createSku(databases: Databases, sku: NewSku): Promise<boolean> {
  const home = databases[sku.schema];
  if (!areApart(databases)) return createStock(home, sku);
  if (sku.schema === 'hot') {
    await adoptSku(databases.regular, sku);
    await copyRefusals(databases, sku.sku);
  }
  const created = await createStock(home, sku);
  if (sku.schema === 'regular') await adoptSku(databases.hot, sku);
  return created;
}

/** Copies requests that were refused while no catalogue had the SKU, so that they stay refused. */
async function copyRefusals({ regular, hot }: Databases, sku: string): Promise<void> {
  const refusals = await regular.query<{
    reason: string;
    request_ids: string[];
    user_ids: string[];
  }>({
    text: 'SELECT reason, request_ids::text[] AS request_ids, user_ids FROM catalog.refusals($1)',
    values: [sku],
  });
  for (const { reason, request_ids: ids, user_ids: users } of refusals) {
    const values = [sku, ids, users, ids.map(() => ''), reason];
    await hot.query({ text: 'SELECT FROM hot.refuse_requests($1, $2, $3, $4, $5)', values });
  }
}

type SkuTerms = Omit<NewSku, 'units' | 'slots'>;

function termsOf({ sku, sale, schema, title, price, currency, userLimit }: SkuTerms): unknown[] {
  return [sku, sale, schema, title, price, currency, userLimit];
}

async function createStock(home: Pool, sku: NewSku): Promise<boolean> {
  const [row] = await home.query<{ created: boolean }>({
    text: 'SELECT catalog.create_sku($1, $2, $3, $4, $5, $6, $7, $8, $9) AS created',
    values: [...termsOf(sku), sku.units, sku.slots ?? null],
  });
  return row?.created === true;
}

/** Enters a SKU that lives on the other server. @throws {DatabaseError} FS003 */
export async function adoptSku(server: Pool, sku: SkuTerms): Promise<void> {
  await server.query({
    text: 'SELECT catalog.adopt_sku($1, $2, $3, $4, $5, $6, $7)',
    values: termsOf(sku),
  });
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
  /** There are unpaid orders, whose units may become free. */
  readonly unpaidExists: boolean;
  /** False when its home did not answer: its stock is unknown then. */
  readonly isKnown: boolean;
}

export interface BoardSale {
  readonly sale: string;
  readonly title: string;
  readonly opensAt: Date;
  readonly closesAt: Date;
  readonly payWindowSeconds: number;
  /** The shop called the sale off: nothing of it is sold any more. */
  readonly isCalledOff: boolean;
  /** Changes when the ticket keys of the sale change; 0 while it has none. */
  readonly ticketEpoch: number;
  readonly skus: readonly BoardSku[];
}

export interface SaleBoard {
  /** The database server's clock, which decides when a sale opens and closes. */
  readonly serverTime: Date;
  /** In order of opening time. */
  readonly sales: readonly BoardSale[];
  /** Homes that did not answer. Ticket epochs come from the home of regular. */
  readonly missing: readonly Schema[];
}

interface BoardRow extends HomeRow {
  now: Date;
  sale: string;
  sale_title: string;
  opens_at: Date;
  closes_at: Date;
  pay_window_seconds: number;
  ticket_epoch: string | null;
  sku: string | null;
  title: string;
  price: string;
  currency: string;
  user_limit: number;
  state: BoardSku['state'];
  units_total: string | null;
  unpaid_exists: boolean | null;
  called_off: boolean;
}

function toBoardSku(row: BoardRow, sku: string): BoardSku {
  return {
    sku,
    schema: row.schema,
    title: row.title,
    price: withOwnDigits(row.price, row.currency),
    currency: row.currency,
    userLimit: row.user_limit,
    state: row.state,
    unitsTotal: toNumber(row.units_total ?? '0'),
    free: toNumber(row.free ?? '0'),
    unpaidExists: row.unpaid_exists === true,
    isKnown: true,
  };
}

/** Reads the sales and SKUs with their stock. @throws {DatabaseError} if no home answers */
export async function saleBoard(databases: Databases): Promise<SaleBoard> {
  const apart = areApart(databases);
  const { rows, missing }: Answers<BoardRow> = apart
    ? await askHomes(databases, 'sale_board', (schema, home) => askBoard(home, schema, apart))
    : { rows: await askBoard(databases.regular, 'regular', apart), missing: [] };
  const sales = new Map<string, BoardSale & { skus: BoardSku[] }>();
  for (const row of rows) {
    if (row.sale === null || sales.has(row.sale)) continue;
    sales.set(row.sale, {
      sale: row.sale,
      title: row.sale_title,
      opensAt: row.opens_at,
      closesAt: row.closes_at,
      payWindowSeconds: row.pay_window_seconds,
      isCalledOff: row.called_off,
      ticketEpoch: Number(row.ticket_epoch ?? 0),
      skus: [],
    });
  }
  for (const [sku, both] of Map.groupBy(rows, (row) => row.sku)) {
    const home = homeOf(both);
    if (sku === null || home === undefined) continue;
    const isKnown = missing.length === 0 || livesThere(home);
    sales
      .get(home.sale)
      ?.skus.push(apart ? { ...mergeBoardSku(sku, home, both), isKnown } : toBoardSku(home, sku));
  }
  const serverTime = rows[0]?.now ?? new Date();
  return { serverTime, sales: [...sales.values()], missing };
}

/** Reads the board of one server. The query starts from one row, so that an empty catalogue has a time. */
function askBoard(server: Pool, asked: Schema, apart: boolean): Promise<BoardRow[]> {
  const homes = apart
    ? `, h.abroad, h.moves, h.leaving FROM (SELECT) AS always
       LEFT JOIN catalog.sale_board() b ON true LEFT JOIN catalog.sku_homes() h ON h.sku = b.sku`
    : ', false AS abroad, 0 AS moves FROM (SELECT) AS always LEFT JOIN catalog.sale_board() b ON true';
  return server.query<BoardRow>({
    name: `sale_board_${apart ? asked : 'both'}`,
    text: `SELECT '${asked}' AS asked, clock_timestamp() AS now, b.*, e.epoch AS ticket_epoch,
                  extract(epoch FROM b.pay_window)::float8 AS pay_window_seconds${homes}
           LEFT JOIN catalog.ticket_epochs() e ON e.sale = b.sale`,
  });
}

function mergeBoardSku(sku: string, home: BoardRow, both: readonly BoardRow[]): BoardSku {
  return {
    ...toBoardSku(home, sku),
    free: freeUnits(home),
    unitsTotal: both.reduce((sum, row) => sum + toNumber(row.units_total ?? '0'), 0),
    // During a move, one server may have answered before the units arrived and the other after they
    // left. Neither answer then has the units, and the SKU must not be shown as sold out.
    unpaidExists: !livesThere(home) || both.some((row) => row.unpaid_exists === true),
  };
}

/**
 * Returns a SKU of the sale board with its sale; undefined if there is none.
 * @throws {DatabaseError} also if one home does not answer, because it may have newer facts
 */
export async function findSku(
  databases: Databases,
  name: string,
): Promise<(BoardSku & { readonly sale: string }) | undefined> {
  const { sales, missing } = await saleBoard(databases);
  if (missing.length > 0) throw noAnswer(missing);
  for (const { sale, skus } of sales) {
    const found = skus.find(({ sku }) => sku === name);
    if (found !== undefined) return { ...found, sale };
  }
  return undefined;
}
