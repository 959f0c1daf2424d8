import { randomBytes, randomInt } from 'node:crypto';
import { type Home, REGULAR, schemaOf } from '../contracts/homes.ts';
import { CURRENCIES } from '../contracts/money.ts';
import { divide, type Pot } from '../contracts/pot.ts';
import type { SalePresentation, SkuPresentation } from '../contracts/presentation.ts';
import { type Section, unitsOf } from '../contracts/seats.ts';
import type { Actor } from './actions.ts';
import { saleBoard } from './catalog.ts';
import { unlessNotThere } from './client/errors.ts';
import type { Databases, Pool } from './client/pool.ts';

/** Typed calls that create sales and SKUs. Every function throws only DatabaseError. */

export interface NewSale {
  readonly sale: string;
  readonly title: string;
  readonly opensAt: Date;
  readonly closesAt: Date;
  /** Time from an order to its expiry when it is not paid. */
  readonly payWindowSeconds: number;
  readonly presentation?: SalePresentation;
}

/**
 * Creates a sale, on all servers.
 *
 * @returns false if it already existed with the same values
 * @throws {DatabaseError} FS003 if it exists with other values
 */
export async function createSale(
  databases: Databases,
  sale: NewSale,
  actor?: Actor,
): Promise<boolean> {
  let created = false;
  for (const server of databases.servers) {
    const isNew = await createOn(server, sale, actor);
    created ||= isNew;
  }
  for (const server of databases.servers.slice(1)) {
    await copySecret(databases, server, sale.sale);
  }
  return created;
}

async function createOn(
  server: Pool,
  { sale, title, opensAt, closesAt, payWindowSeconds, presentation = {} }: NewSale,
  actor?: Actor,
): Promise<boolean> {
  const [row] = await server.query<{ created: boolean }>({
    text: `SELECT catalog.create_sale($1, $2, $3, $4, make_interval(secs => $5), $6, $7, $8)
             AS created`,
    values: [
      ...[sale, title, opensAt, closesAt, payWindowSeconds],
      ...[JSON.stringify(presentation), actor?.by, actor?.reason],
    ],
  });
  return row?.created === true;
}

/** Enters a sale on the server of a home that is newer than the sale. @throws {DatabaseError} */
async function enterSale(databases: Databases, server: Pool, sale: NewSale): Promise<void> {
  await createOn(server, sale);
  await copySecret(databases, server, sale.sale);
}

/** All servers need the same secret, so that ranks do not depend on where a SKU lives. */
async function copySecret({ regular }: Databases, server: Pool, sale: string): Promise<void> {
  const [row] = await regular.query<{ secret: Buffer }>({
    text: 'SELECT catalog.lottery_secret($1) AS secret',
    values: [sale],
  });
  await server.query({
    text: 'SELECT catalog.adopt_lottery_secret($1, $2)',
    values: [sale, row?.secret],
  });
}

export interface NewSku {
  readonly sku: string;
  readonly sale: string;
  /** Name of its home. */
  readonly schema: Home;
  readonly title: string;
  /** Decimal string. */
  readonly price: string;
  /** Three capital letters, ISO 4217. */
  readonly currency: string;
  readonly userLimit: number;
  readonly units: number;
  /** Default: the tunable slots_default. */
  readonly slots?: number;
  readonly presentation?: SkuPresentation;
  /** Makes the SKU daily: the time zone whose calendar tells the day. */
  readonly zone?: string | null;
  /** Makes the SKU a pot of money, which has as many packets as the SKU has units. */
  readonly pot?: Pot | null;
  /** Makes the SKU a section of numbered units, which has as many seats as the SKU has units. */
  readonly section?: Section | null;
}

/**
 * Creates a SKU and loads its stock on the server of its home. The other servers get an entry of the
 * SKU. The server of `regular` comes first, so that each name is used once.
 *
 * @returns false if it already existed with the same values; its stock is then left unchanged
 * @throws {DatabaseError} FS003 if it exists with other values
 */
export async function createSku(
  databases: Databases,
  sku: NewSku,
  actor?: Actor,
): Promise<boolean> {
  const { areApart, regular } = databases;
  const home = databases.home(sku.schema);
  if (!areApart) return createStock(home, sku, actor);
  if (home !== regular) {
    await adoptSku(regular, sku);
    await copyRefusals(regular, home, sku.sku);
  }
  const created = await withSale(databases, home, sku.sale, () => createStock(home, sku, actor));
  for (const other of databases.servers.slice(1)) {
    if (other === home) continue;
    // A home that is newer than the sale gets both when the SKU moves there.
    await adoptSku(other, { ...sku, schema: REGULAR }).catch(unlessNotThere);
  }
  return created;
}

/** Calls `work`, and again when the sale is entered on the server if its home is newer than the sale. */
export async function withSale<T>(
  databases: Databases,
  server: Pool,
  name: string,
  work: () => Promise<T>,
): Promise<T> {
  return work().catch(async (error: unknown) => {
    unlessNotThere(error);
    const { sales } = await saleBoard(databases);
    const sale = sales.find((one) => one.sale === name);
    if (sale === undefined) throw error;
    await enterSale(databases, server, sale);
    return work();
  });
}

/** Copies requests that were refused while no catalogue had the SKU, so that they stay refused. */
async function copyRefusals(regular: Pool, hot: Pool, sku: string): Promise<void> {
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

function termsOf({ sku, sale, title, price, currency, userLimit }: SkuTerms, home: Home) {
  return [sku, sale, home, title, price, currency, userLimit];
}

async function createStock(home: Pool, sku: NewSku, actor?: Actor): Promise<boolean> {
  const { units, slots = null, presentation = {} } = sku;
  const [row] = await home.query<{ created: boolean }>({
    text: thenKind('catalog.create_sku($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)', 13),
    values: [
      ...[...termsOf(sku, schemaOf(sku.schema)), units, slots],
      ...[JSON.stringify(presentation), actor?.by, actor?.reason, ...kindOf(sku, true)],
    ],
  });
  return row?.created === true;
}

/**
 * SQL that enters the SKU $1 and makes it the kind of goods that the parameters from `first` on say (`kindOf`). It
 * is one statement, so that a process that dies leaves no SKU that is counted and should not be.
 */
function thenKind(call: string, first: number): string {
  const [zone, ...more] = Array.from({ length: 13 }, (_, at) => `$${first + at}`);
  const [pot, section] = [more.slice(0, 6), more.slice(6)];
  return `WITH entered AS MATERIALIZED (SELECT ${call} AS created)
    SELECT e.created, CASE WHEN ${zone}::text IS NOT NULL THEN catalog.make_daily($1, ${zone}) END AS daily,
           CASE WHEN ${pot[0]}::numeric IS NOT NULL THEN catalog.make_pot($1, ${pot.join(', ')}) END AS pot,
           CASE WHEN ${section[0]}::jsonb IS NOT NULL THEN catalog.make_units($1, ${section.join(', ')}) END AS units
    FROM entered e`;
}

/**
 * The zone of daily goods, the pot of amounts, and the section of numbered goods.
 *
 * @param isHome whether the SKU lives on the server that is asked
 */
function kindOf({ zone = null, pot, section, currency }: SkuTerms, isHome: boolean): unknown[] {
  const none = Array<null>(6).fill(null);
  return [
    zone,
    ...(pot ? potValues(pot, currency, isHome) : none),
    ...(section ? sectionValues(section, isHome) : none),
  ];
}

const SALT_BYTES = 32;

/**
 * A pot is divided here, by the cryptographic random source of the process: PostgreSQL has none for numbers. If the
 * SKU has its pot already, the database keeps that division.
 */
function potValues({ amount, packets, division }: Pot, currency: string, isHome: boolean) {
  const isList = typeof division !== 'string';
  const digits = CURRENCIES.get(currency)?.digits ?? 0;
  const pot = { amount, packets, division };
  const amounts = isHome ? divide(pot, digits, (below) => randomInt(below)) : null;
  const salt = isHome ? randomBytes(SALT_BYTES).toString('hex') : null;
  const how = isList ? ['list', division] : [division, null];
  return [amount, packets, ...how, amounts, salt];
}

function sectionValues({ seats, singles }: Section, isHome: boolean): unknown[] {
  const units = unitsOf(seats);
  const rows = [
    units.map(({ position }) => position),
    units.map(({ row }) => row ?? null),
    units.map(({ seat }) => seat),
  ];
  return [JSON.stringify(seats), units.length, singles, ...(isHome ? rows : [null, null, null])];
}

/**
 * Enters a SKU that lives on another server: in `sku.schema`, or in `regular`, which stands for all
 * other homes on the server of a hot home.
 *
 * @throws {DatabaseError} FS003 it exists with other values
 */
export async function adoptSku(server: Pool, sku: SkuTerms): Promise<void> {
  await server.query({
    text: thenKind('catalog.adopt_sku($1, $2, $3, $4, $5, $6, $7, $8)', 9),
    values: [
      ...[...termsOf(sku, sku.schema), JSON.stringify(sku.presentation ?? {})],
      ...kindOf(sku, false),
    ],
  });
}
