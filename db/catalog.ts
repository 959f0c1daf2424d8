import { withOwnDigits } from '../contracts/money.ts';
import type { Schema } from '../contracts/names.ts';
import { type Answers, areApart, askHomes, patiently, toNumber } from './client/both-homes.ts';
import { DatabaseError, noAnswer } from './client/errors.ts';
import { freeUnits, type HomeRow, homeOf, livesThere } from './client/homes.ts';
import type { Databases, Pool } from './client/pool.ts';

/** The routines of the catalogue, typed. Each function throws DatabaseError and nothing else. */

export interface NewSale {
  readonly sale: string;
  readonly title: string;
  readonly opensAt: Date;
  readonly closesAt: Date;
  /** Time from an order to its expiry if it is not paid. */
  readonly payWindowSeconds: number;
}

function servers(databases: Databases): Pool[] {
  return areApart(databases) ? [databases.regular, databases.hot] : [databases.regular];
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
  if (areApart(databases)) await copySecret(databases, sale.sale);
  return created;
}

/** Ranks are the same wherever a SKU lives. */
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
  /** Without it the tunable slots_default. */
  readonly slots?: number;
}

/**
 * Makes a SKU and loads its stock, on the server of its schema. Where there are two, the other one
 * knows of it too; that of `regular` first, so that a name is given once.
 *
 * @returns false if it was there with the same values; its stock is then left as it is
 * @throws {DatabaseError} FS003 if it is there with other values
 */
export async function createSku(databases: Databases, sku: NewSku): Promise<boolean> {
  const home = databases[sku.schema];
  if (!areApart(databases)) return createStock(home, sku);
  if (sku.schema === 'hot') {
    await adoptSku(databases.regular, sku);
    await bringRefusals(databases, sku.sku);
  }
  const created = await createStock(home, sku);
  if (sku.schema === 'regular') await adoptSku(databases.hot, sku);
  return created;
}

/** What was refused while no catalogue had the SKU stays refused on the server where it will live. */
async function bringRefusals({ regular, hot }: Databases, sku: string): Promise<void> {
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

/** Tells a server of a SKU that lives on the other one. @throws {DatabaseError} FS003 */
export async function adoptSku(server: Pool, sku: SkuTerms): Promise<void> {
  await server.query({
    text: 'SELECT catalog.adopt_sku($1, $2, $3, $4, $5, $6, $7)',
    values: termsOf(sku),
  });
}

/** Between two attempts to get the tables of a sale alone: orders that waited behind one go on. */
const DROP_PAUSE_MS = 500;

/**
 * Removes an old sale and all that belongs to it, from both servers where there are two; again if it
 * did not get through, within a limit.
 *
 * @throws {DatabaseError} FS001 it is not over; FS002 no such sale; FS004 something of it waits; 55P03
 *   other transactions held its tables all the time: call again
 */
export async function dropSale(databases: Databases, sale: string): Promise<void> {
  const here: Pool[] = [];
  for (const server of servers(databases)) {
    const found = server.query({ text: 'SELECT catalog.check_sale_over($1)', values: [sale] });
    const there = await found
      .then(() => true)
      .catch((error: DatabaseError) => {
        if (error.sqlstate !== 'FS002') throw error;
        return false;
      });
    if (there) here.push(server);
  }
  if (here.length === 0) throw new DatabaseError('refused', `no sale ${sale}`, 'FS002');
  for (const server of here) {
    const text = 'SELECT FROM catalog.drop_sale($1)';
    await patiently(() => server.query({ text, values: [sale] }), DROP_PAUSE_MS);
  }
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
  /** False: its home did not answer, so that nothing is known of its stock. */
  readonly isKnown: boolean;
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
  /** Homes that did not answer. Ticket epochs are in that of regular. */
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

/** Sales and SKUs with what is known about their stock. @throws {DatabaseError} if no home answers */
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

/** What one server has. The time comes in a row of its own, so that an empty catalogue has one too. */
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
    // While it moves, one server may have answered before its units arrived and the other after they
    // left: then no units are seen, and that must not read as sold out.
    unpaidExists: !livesThere(home) || both.some((row) => row.unpaid_exists === true),
  };
}

/**
 * A SKU as it stands on the board, with its sale; undefined if there is none.
 * @throws {DatabaseError} also if a home is missing that may know better
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
