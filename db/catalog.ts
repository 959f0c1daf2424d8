import { type Home, REGULAR } from '../contracts/homes.ts';
import { withOwnDigits } from '../contracts/money.ts';
import type { SalePresentation, SkuPresentation } from '../contracts/presentation.ts';
import { noAnswer } from './client/errors.ts';
import { freeUnits, type HomeRow, homeOf, livesThere } from './client/home-rows.ts';
import { type Answers, askHomes, toNumber } from './client/homes.ts';
import type { Databases, Pool } from './client/pool.ts';
import { type PotFacts, potOf, potWithDigits } from './pots.ts';

/** Typed calls that read the catalogue. Every function throws only DatabaseError. */

export interface BoardSku {
  readonly sku: string;
  /** Name of its home. */
  readonly schema: Home;
  readonly title: string;
  /** Decimal string. */
  readonly price: string;
  readonly currency: string;
  readonly userLimit: number;
  /** Of daily goods, their time zone; null for goods with a stock. */
  readonly zone: string | null;
  /** Of amounts; null for all others. */
  readonly pot: PotFacts | null;
  /** Whether no two units are alike. */
  readonly numbered: boolean;
  /** When its section was made; null if the goods are not numbered. Tells sections of the same name apart. */
  readonly sectionMadeAt: Date | null;
  readonly state: 'open' | 'paused' | 'closed';
  /** Units that exist: loaded and restocked. */
  readonly unitsTotal: number;
  /** Units in slots. */
  readonly free: number;
  /** There are unpaid orders, whose units may become free. */
  readonly unpaidExists: boolean;
  readonly presentation: SkuPresentation;
  /** False when its home did not answer: its stock is unknown then. */
  readonly isKnown: boolean;
}

export interface BoardSale {
  readonly sale: string;
  readonly title: string;
  readonly opensAt: Date;
  readonly closesAt: Date;
  /** Tells sales of the same name apart: one that was removed, and one that was put on again. */
  readonly createdAt: Date;
  readonly payWindowSeconds: number;
  /** The shop called the sale off: nothing of it is sold any more. */
  readonly isCalledOff: boolean;
  /** Changes when the ticket keys of the sale change; 0 while it has none. */
  readonly ticketEpoch: number;
  readonly presentation: SalePresentation;
  readonly skus: readonly BoardSku[];
}

export interface SaleBoard {
  /** The database server's clock, which decides when a sale opens and closes. */
  readonly serverTime: Date;
  /** In order of opening time. */
  readonly sales: readonly BoardSale[];
  /** Homes that did not answer. Ticket epochs and times of creation come from the home of regular. */
  readonly missing: readonly Home[];
}

interface BoardRow extends HomeRow {
  now: Date;
  sale: string;
  sale_title: string;
  opens_at: Date;
  closes_at: Date;
  sale_created_at: Date;
  pay_window_seconds: number;
  ticket_epoch: string | null;
  sku: string | null;
  title: string;
  price: string;
  currency: string;
  user_limit: number;
  zone: string | null;
  pot: PotFacts | null;
  section_made_at: Date | null;
  state: BoardSku['state'];
  units_total: string | null;
  unpaid_exists: boolean | null;
  /** Null in all rows of a sale but one. */
  sale_presentation: SalePresentation | null;
  presentation: SkuPresentation | null;
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
    zone: row.zone,
    pot: potWithDigits(row.pot, row.currency),
    numbered: row.section_made_at !== null,
    sectionMadeAt: row.section_made_at,
    state: row.state,
    unitsTotal: toNumber(row.units_total ?? '0'),
    free: toNumber(row.free ?? '0'),
    unpaidExists: row.unpaid_exists === true,
    presentation: row.presentation ?? {},
    isKnown: true,
  };
}

/** Reads the sales and SKUs with their stock. @throws {DatabaseError} if no home answers */
export async function saleBoard(databases: Databases): Promise<SaleBoard> {
  const apart = databases.areApart;
  const { rows, missing }: Answers<BoardRow> = apart
    ? await askServers(databases)
    : { rows: await askBoard(databases.regular, REGULAR, apart), missing: [] };
  const sales = new Map<string, BoardSale & { skus: BoardSku[] }>();
  for (const row of rows) {
    // One row of each sale has its presentation.
    if (row.sale === null || sales.has(row.sale) || row.sale_presentation === null) continue;
    sales.set(row.sale, {
      sale: row.sale,
      title: row.sale_title,
      opensAt: row.opens_at,
      closesAt: row.closes_at,
      createdAt: row.sale_created_at,
      payWindowSeconds: row.pay_window_seconds,
      isCalledOff: row.called_off,
      ticketEpoch: Number(row.ticket_epoch ?? 0),
      presentation: row.sale_presentation,
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

/** Reads the board of each server once, however many homes it is. */
async function askServers(databases: Databases): Promise<Answers<BoardRow>> {
  const answers = await askHomes(databases, 'sale_board', async (home, pool) => {
    const [first = home, ...others] = databases.homesBeside(home);
    if (home !== first) return [];
    const rows = await askBoard(pool, home, true);
    // A SKU that lives in another home of this server lives here as well.
    return rows.map((row) => (others.includes(row.schema) ? { ...row, asked: row.schema } : row));
  });
  const missing = new Set(answers.missing.flatMap((home) => databases.homesBeside(home)));
  return { rows: answers.rows, missing: [...missing] };
}

/** Reads the board of one server. The query starts from one row, so that an empty catalogue has a time. */
function askBoard(server: Pool, asked: Home, apart: boolean): Promise<BoardRow[]> {
  const homes = apart
    ? `, h.abroad, h.moves, h.leaving FROM (SELECT) AS always
       LEFT JOIN catalog.sale_board() b ON true LEFT JOIN catalog.sku_homes() h ON h.sku = b.sku`
    : ', false AS abroad, 0 AS moves FROM (SELECT) AS always LEFT JOIN catalog.sale_board() b ON true';
  return server.query<BoardRow>({
    name: `sale_board_${apart ? asked : 'both'}`,
    text: `SELECT '${asked}' AS asked, clock_timestamp() AS now, b.*, e.epoch AS ticket_epoch,
                  extract(epoch FROM b.pay_window)::float8 AS pay_window_seconds,
                  d.zone, ${potOf('p')}, n.made_at AS section_made_at,
                  t.created_at AS sale_created_at${homes}
           LEFT JOIN catalog.daily_skus() d ON d.sku = b.sku
           LEFT JOIN catalog.pots() p ON p.sku = b.sku
           LEFT JOIN catalog.section_times() n ON n.sku = b.sku
           LEFT JOIN catalog.sale_times() t ON t.sale = b.sale
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
 * @throws {DatabaseError} also if the home that may have it does not answer
 */
export async function findSku(
  databases: Databases,
  name: string,
): Promise<(BoardSku & { readonly sale: string }) | undefined> {
  const { sales, missing } = await saleBoard(databases);
  for (const { sale, skus } of sales) {
    const found = skus.find(({ sku }) => sku === name);
    if (found?.isKnown) return { ...found, sale };
  }
  if (missing.length > 0) throw noAnswer(missing);
  return undefined;
}
