import { setTimeout as sleep } from 'node:timers/promises';
import { type Home, REGULAR, schemaOf } from '../contracts/homes.ts';
import { AUDIT_TIMEOUT_MS, type AuditRow } from './audit-row.ts';
import { type Answers, askHomes, queryHomes, toNumber, whole } from './client/homes.ts';
import type { Databases } from './client/pool.ts';

/** Compares the books of SKUs that have moved between two servers: transfers, and the units of each user. */

/**
 * Two servers have no common snapshot, so a difference may be a transfer on its way. A difference
 * is reported when this many looks have found it.
 */
const LOOKS_MAX = 5;
const LOOK_INTERVAL_MS = 100;

const CROSSED = () => 'SELECT sku FROM catalog.sku_homes() WHERE moves > 0';

/** Compares the servers for each SKU that has moved. Stops at the first home that does not answer. */
export async function auditCrossed(databases: Databases): Promise<Answers<AuditRow>> {
  const skus = await queryHomes<{ sku: string }>(databases, 'crossed', CROSSED, []);
  const rows: AuditRow[] = [];
  if (skus.missing.length > 0) return { rows, missing: skus.missing };
  for (const sku of new Set(skus.rows.map((row) => row.sku))) {
    let found = await compareBooks(databases, sku);
    for (let look = 1; look < LOOKS_MAX && found.rows.length > 0; look += 1) {
      await sleep(LOOK_INTERVAL_MS);
      const { rows: again, missing } = await compareBooks(databases, sku);
      const isStill = ({ detail }: AuditRow) => found.rows.some((row) => row.detail === detail);
      found = { rows: again.filter(isStill), missing };
    }
    rows.push(...found.rows);
    if (found.missing.length > 0) return { rows, missing: found.missing };
  }
  return { rows, missing: [] };
}

/** The transfers of one SKU between a server and a hot home, or between a hot home and `regular`. */
interface Line {
  readonly transferred: { readonly userId: string; readonly units: number; readonly no: number }[];
  applied: { readonly no: number; readonly units: number };
  /** By transfer number: the units sent with that transfer and all before it. */
  readonly sent: Map<number, number>;
}

/** The books of one server for a SKU, from sku_books. Users are keys, units are values. */
interface Books {
  /** Undefined if the SKU does not live on this server. */
  buyers: Map<string, number> | undefined;
  readonly held: Map<string, number>;
  /** By hot home. */
  readonly lines: Map<Home, Line>;
}

function lineOf({ lines }: Books, hotHome: Home): Line {
  const line = lines.get(hotHome) ?? {
    transferred: [],
    applied: { no: 0, units: 0 },
    sent: new Map(),
  };
  lines.set(hotHome, line);
  return line;
}

async function readBooks(databases: Databases, home: Home, sku: string): Promise<Books> {
  interface Row extends Record<string, unknown> {
    entry: 'buyer' | 'held' | 'transferred' | 'applied' | 'sent' | 'home';
    user_id: string | null;
    units: string | null;
    transfer_no: string | null;
    hot_home: string | null;
  }
  const rows = await databases.home(home).query<Row>({
    text: `SELECT entry, user_id, units, transfer_no, hot_home FROM ${schemaOf(home)}.sku_books($1)
           UNION ALL SELECT 'home', NULL, NULL, NULL, NULL FROM catalog.sku_homes() h
           WHERE h.sku = $1 AND h.schema = $2 AND NOT h.abroad`,
    values: [sku, home],
  });
  const books: Books = {
    buyers: rows.some(({ entry }) => entry === 'home') ? new Map() : undefined,
    held: new Map(),
    lines: new Map(),
  };
  for (const { entry, user_id, units: digits, transfer_no, hot_home } of rows) {
    const units = toNumber(digits ?? '0');
    const no = toNumber(transfer_no ?? '0');
    const userId = user_id ?? '';
    if (entry === 'buyer') books.buyers?.set(userId, units);
    else if (entry === 'held') books.held.set(userId, units);
    if (hot_home === null) continue;
    const line = lineOf(books, hot_home);
    if (entry === 'transferred') line.transferred.push({ userId, units, no });
    else if (entry === 'sent') line.sent.set(no, units);
    else if (entry === 'applied') line.applied = { no, units };
  }
  return books;
}

function readAllBooks(databases: Databases, sku: string) {
  const read = async (home: Home) => [[home, await readBooks(databases, home, sku)] as const];
  return askHomes(databases, 'sku_books', read, AUDIT_TIMEOUT_MS);
}

async function compareBooks(databases: Databases, sku: string): Promise<Answers<AuditRow>> {
  const { rows, missing } = await readAllBooks(databases, sku);
  if (missing.length > 0) return { rows: [], missing };
  const books = new Map(rows);
  return { rows: [...compareTransfers(sku, books), ...compareBuyers(sku, books)], missing };
}

/** SKUs that have moved between two servers. @throws {DatabaseError} also if a home does not answer */
export async function crossedSkus(databases: Databases): Promise<string[]> {
  const rows = whole(await queryHomes<{ sku: string }>(databases, 'crossed', CROSSED, []));
  return [...new Set(rows.map(({ sku }) => sku))];
}

/** The users of a SKU whose units in `buyer` are not what the orders of all servers say. */
export async function wrongBuyers(databases: Databases, sku: string): Promise<WrongBuyers> {
  return findWrongBuyers(new Map(whole(await readAllBooks(databases, sku))));
}

/** Both ends of the line between each hot home and `regular`, in both directions. */
function* linesOf(books: ReadonlyMap<Home, Books>) {
  const regular = books.get(REGULAR);
  for (const [home, hot] of books) {
    if (home === REGULAR || regular === undefined) continue;
    const [here, there] = [lineOf(regular, home), lineOf(hot, home)];
    yield { from: REGULAR, to: home, sender: here, receiver: there };
    yield { from: home, to: REGULAR, sender: there, receiver: here };
  }
}

/** Units applied at each end = units that the other end sent up to the same transfer. */
function compareTransfers(sku: string, books: ReadonlyMap<Home, Books>): AuditRow[] {
  const rows: AuditRow[] = [];
  for (const { from, to, sender, receiver } of linesOf(books)) {
    const { no, units: actual } = receiver.applied;
    const expected = sender.sent.get(no);
    if (expected === undefined || expected === actual) continue;
    const detail = `units that ${from} sent to ${to} with transfers 1 to ${no} = units applied`;
    const remedy = 'compare transfer of one server with stock_movement (kind move) of the other';
    rows.push({ schema: to, promise: 'books', sku, detail, expected, actual, remedy });
  }
  return rows;
}

interface WrongBuyers {
  /** Where the SKU lives; undefined if that is not known. */
  readonly home: Home | undefined;
  readonly users: { readonly userId: string; readonly wanted: number; readonly actual: number }[];
}

/**
 * Units of each user in `buyer`, by which limits are judged = units of the orders of all servers and
 * of the transfers that are not applied yet.
 */
function findWrongBuyers(books: ReadonlyMap<Home, Books>): WrongBuyers {
  const [home, { buyers = new Map<string, number>() } = {}] =
    [...books].find(([, { buyers: found }]) => found !== undefined) ?? [];
  if (home === undefined) return { home, users: [] };
  const expected = new Map<string, number>();
  const add = (userId: string, units: number) =>
    expected.set(userId, (expected.get(userId) ?? 0) + units);
  for (const { held } of books.values()) for (const [userId, units] of held) add(userId, units);
  for (const { sender, receiver } of linesOf(books)) {
    for (const { no, userId, units } of sender.transferred) {
      if (no > receiver.applied.no) add(userId, units);
    }
  }
  const users = [...new Set([...expected.keys(), ...buyers.keys()])]
    .map((userId) => ({
      userId,
      wanted: expected.get(userId) ?? 0,
      actual: buyers.get(userId) ?? 0,
    }))
    .filter(({ wanted, actual }) => wanted !== actual);
  return { home, users };
}

function compareBuyers(sku: string, books: ReadonlyMap<Home, Books>): AuditRow[] {
  const { home = REGULAR, users } = findWrongBuyers(books);
  return users.map(({ userId, wanted, actual }) => ({
    schema: home,
    promise: 'user_limit',
    sku,
    detail: `units that buyer has for user ${userId} = units of the orders of all servers`,
    expected: wanted,
    actual,
    remedy: 'set buyer.units to the expected number',
  }));
}
