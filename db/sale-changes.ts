import { createHash } from 'node:crypto';
import type { Home } from '../contracts/homes.ts';
import { withOwnDigits } from '../contracts/money.ts';
import type { SalePresentation, SkuPresentation } from '../contracts/presentation.ts';
import { isRehearsal } from '../contracts/rehearsal.ts';
import type { Section } from '../contracts/seats.ts';
import type { Actor } from './actions.ts';
import type { BoardSale } from './catalog.ts';
import { DatabaseError, isNotThere, unlessNotThere } from './client/errors.ts';
import { patiently, toNumber } from './client/homes.ts';
import type { Databases, Pool } from './client/pool.ts';
import { type PotFacts, potOf, potWithDigits, type SkuPot } from './pots.ts';
import { sectionOf } from './sections.ts';

/** Typed calls that change and remove sales. Every function throws only DatabaseError. */

/** What one server knows of a sale. */
export interface SaleFacts {
  readonly title: string;
  readonly opensAt: Date;
  readonly closesAt: Date;
  readonly payWindowSeconds: number;
  readonly presentation: SalePresentation;
  /** A ticket key exists. Only the server of `regular` has keys. */
  readonly hasOpened: boolean;
  readonly isCalledOff: boolean;
  readonly secretSha256: string;
}

/** What one server knows of a SKU. */
export interface SkuFacts {
  readonly sku: string;
  readonly sale: string;
  readonly schema: Home;
  readonly abroad: boolean;
  readonly title: string;
  readonly price: string;
  readonly currency: string;
  readonly userLimit: number;
  /** Of daily goods, their time zone. */
  readonly zone: string | null;
  /** Of amounts. */
  readonly pot: SkuPot | null;
  /** Of numbered goods. */
  readonly section: Section | null;
  readonly presentation: SkuPresentation;
  /** Units loaded and restocked on this server. */
  readonly unitsTotal: number;
  readonly hasOrders: boolean;
  /** The most units that one user holds. */
  readonly mostHeld: number;
}

/** The answer of one server. */
export interface ServerFacts {
  /** By the server's clock. */
  readonly now: Date;
  readonly sale: SaleFacts | undefined;
  readonly skus: readonly SkuFacts[];
}

/** Asks each server, that of `regular` first, about the sale, its SKUs and `skus`. */
export function saleFacts(
  databases: Databases,
  sale: string,
  skus: readonly string[],
): Promise<ServerFacts[]> {
  return Promise.all(databases.servers.map((server) => factsOf(server, sale, skus)));
}

interface SkuRow extends Omit<SkuFacts, 'unitsTotal' | 'pot'> {
  readonly unitsTotal: string;
  readonly pot: PotFacts | null;
  readonly list: readonly string[] | null;
}

async function factsOf(server: Pool, sale: string, skus: readonly string[]): Promise<ServerFacts> {
  // A server without the sale returns a row of nulls, so that there is always a time.
  const [found] = await server.query<{ now: Date; title: string | null }>({
    text: `SELECT clock_timestamp() AS now, f.title, f.opens_at AS "opensAt",
                  f.closes_at AS "closesAt", f.presentation, f.has_opened AS "hasOpened",
                  f.is_called_off AS "isCalledOff",
                  f.secret_sha256 AS "secretSha256",
                  extract(epoch FROM f.pay_window)::float8 AS "payWindowSeconds"
           FROM (SELECT) AS always LEFT JOIN catalog.sale_facts($1) f ON true`,
    values: [sale],
  });
  const rows = await server.query<SkuRow>({
    text: `SELECT sku, sale, schema, abroad, title, price, currency, user_limit AS "userLimit",
                  d.zone, ${potOf('p')}, l.list, ${sectionOf('n')}, presentation, units_total AS "unitsTotal", has_orders AS "hasOrders",
                  most_held AS "mostHeld"
           FROM catalog.sku_facts($1, $2) LEFT JOIN catalog.daily_skus() d USING (sku)
           LEFT JOIN catalog.pots() p USING (sku)
           LEFT JOIN catalog.sections() n USING (sku)
           LEFT JOIN (SELECT sku, list::text[] FROM catalog.pot_lists()) l USING (sku)`,
    values: [sale, skus],
  });
  const { now, ...facts } = found ?? { now: new Date(), title: null };
  return {
    now,
    sale: facts.title === null ? undefined : (facts as SaleFacts),
    skus: rows.map(({ unitsTotal, price, pot, list, ...row }) => ({
      ...row,
      pot: potWithDigits(pot && { ...pot, list }, row.currency),
      price: withOwnDigits(price, row.currency),
      unitsTotal: toNumber(unitsTotal),
    })),
  };
}

/** New values of a sale. Values that are missing stay as they are. */
export interface SaleChange {
  readonly title?: string | undefined;
  readonly opensAt?: Date | undefined;
  readonly closesAt?: Date | undefined;
  readonly payWindowSeconds?: number | undefined;
  readonly presentation?: SalePresentation | undefined;
}

/**
 * Changes a sale. With several servers, those of hot SKUs first get a window that contains the old and
 * the new one. So at every moment they decide orders of all requests that the server of `regular` admits.
 *
 * @throws {DatabaseError} FS001, FS002, FS004: see change_sale
 */
export async function changeSale(
  databases: Databases,
  sale: string,
  change: SaleChange,
  actor?: Actor,
): Promise<void> {
  const { regular, servers } = databases;
  const hot = servers.slice(1);
  if (hot.length > 0) {
    const [{ sale: present } = {}] = await saleFacts(databases, sale, []);
    const { opensAt, closesAt } = change;
    const wider = {
      opensAt: present && opensAt && (opensAt < present.opensAt ? opensAt : present.opensAt),
      closesAt: present && closesAt && (closesAt > present.closesAt ? closesAt : present.closesAt),
    };
    for (const server of hot) await ifKnown(changeOn(server, sale, wider, actor));
  }
  await changeOn(regular, sale, change, actor);
  for (const server of hot) await ifKnown(changeOn(server, sale, change, actor));
}

async function ifKnown(change: Promise<unknown>): Promise<void> {
  await change.catch(unlessNotThere);
}

async function changeOn(
  server: Pool,
  sale: string,
  { title, opensAt, closesAt, payWindowSeconds, presentation }: SaleChange,
  actor: Actor | undefined,
): Promise<void> {
  await server.query({
    text: 'SELECT catalog.change_sale($1, $2, $3, $4, make_interval(secs => $5), $6, $7, $8)',
    values: [
      ...[sale, title, opensAt, closesAt, payWindowSeconds],
      ...[presentation && JSON.stringify(presentation), actor?.by, actor?.reason],
    ],
  });
}

/** New values of a SKU. Values that are missing stay as they are. */
export interface SkuChange {
  readonly title?: string | undefined;
  readonly price?: string | undefined;
  readonly currency?: string | undefined;
  readonly userLimit?: number | undefined;
  readonly presentation?: SkuPresentation | undefined;
}

/**
 * Changes a SKU, first on the server where it lives.
 *
 * @throws {DatabaseError} FS002, FS004, FS005: see change_sku
 */
export async function changeSku(
  databases: Databases,
  home: Home,
  sku: string,
  { title, price, currency, userLimit, presentation }: SkuChange,
  actor?: Actor,
): Promise<void> {
  const statement = {
    text: 'SELECT catalog.change_sku($1, $2, $3, $4, $5, $6, $7, $8)',
    values: [
      ...[sku, title, price, currency, userLimit],
      ...[presentation && JSON.stringify(presentation), actor?.by, actor?.reason],
    ],
  };
  const first = databases.home(home);
  await first.query(statement);
  for (const server of databases.servers) {
    if (server !== first) await ifKnown(server.query(statement));
  }
}

/** Pause between attempts to lock a sale's tables, for orders that wait behind an attempt. */
export const DROP_PAUSE_MS = 500;

/**
 * Removes an old sale and all its data from every server. Waits up to 20 s for its tables.
 *
 * @throws {DatabaseError} FS001 the sale is not over; FS002 no such sale; FS004 something of it is not
 *   finished yet; 55P03 other transactions held its tables for the whole time: call again
 */
export async function dropSale(databases: Databases, sale: string): Promise<void> {
  for (const server of await checkSaleOver(databases, sale)) {
    const text = 'SELECT FROM catalog.drop_sale($1)';
    await patiently(() => server.query({ text, values: [sale] }), DROP_PAUSE_MS);
  }
}

/**
 * Returns the servers that have the sale.
 *
 * @throws {DatabaseError} FS001, FS002, FS004: as `dropSale`
 */
export async function checkSaleOver(databases: Databases, sale: string): Promise<Pool[]> {
  const here: Pool[] = [];
  for (const server of databases.servers) {
    const found = server.query({ text: 'SELECT catalog.check_sale_over($1)', values: [sale] });
    const there = await found
      .then(() => true)
      .catch((error: unknown) => {
        if (!isNotThere(error)) throw error;
        return false;
      });
    if (there) here.push(server);
  }
  if (here.length === 0) throw new DatabaseError('refused', `no sale ${sale}`, 'FS002');
  return here;
}

/**
 * Removes a sale that nobody bought from, from every server. Waits up to 20 s for its tables.
 *
 * @returns false if no server had it
 * @throws {DatabaseError} FS001 it has opened and is not over; FS004 it has orders, or something of it
 *   is not finished yet; 55P03 other transactions held its tables for the whole time: call again
 */
export async function removeSale(
  databases: Databases,
  sale: string,
  actor?: Actor,
): Promise<boolean> {
  let removed = false;
  for (const server of databases.servers) {
    const [row] = await patiently(
      () =>
        server.query<{ removed: boolean }>({
          text: 'SELECT catalog.remove_sale($1, $2, $3) AS removed',
          values: [sale, actor?.by, actor?.reason],
        }),
      DROP_PAUSE_MS,
    );
    removed ||= row?.removed === true;
  }
  return removed;
}

/**
 * A short text that differs whenever something that a sale file says of the sale differs, stock
 * aside. Web nodes report it, so that a command can see which of them know a change.
 */
export function saleDigest(sale: Omit<BoardSale, 'createdAt' | 'ticketEpoch'>): string {
  const { title, opensAt, closesAt, payWindowSeconds, isCalledOff, presentation, skus } = sale;
  const terms = skus.map(({ sku, schema, title: name, price, currency, userLimit, ...row }) => [
    ...[sku, schema, name, price, currency, userLimit, row.presentation],
    ...(row.zone === null ? [] : [row.zone]),
  ]);
  const times = [opensAt, closesAt, payWindowSeconds, isCalledOff];
  // Nodes of a release that would show it in the catalogue report another digest.
  const hidden = isRehearsal(sale.sale) ? ['hidden'] : [];
  const facts = [title, ...times, presentation, terms.sort(byName), ...hidden];
  return createHash('sha256').update(JSON.stringify(facts)).digest('base64url').slice(0, 12);
}

/** Reports must not grow with every sale that there ever was. */
const DIGESTED_AFTER_CLOSING_MS = 24 * 3_600_000;

/** Whether web nodes report the digest of the sale: until a day after it has closed. */
export function isDigested({ closesAt }: Pick<BoardSale, 'closesAt'>, now: Date): boolean {
  return now.getTime() < closesAt.getTime() + DIGESTED_AFTER_CLOSING_MS;
}

function byName([one]: readonly unknown[], [other]: readonly unknown[]): number {
  return String(one) < String(other) ? -1 : 1;
}
