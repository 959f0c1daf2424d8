import { setTimeout as sleep } from 'node:timers/promises';
import { type Home, REGULAR, schemaOf } from '../contracts/homes.ts';
import type { Schema } from '../contracts/names.ts';
import { type Answers, askHomes, queryHomes, toNumber, whole } from './client/homes.ts';
import type { Databases } from './client/pool.ts';

/**
 * Audits the books of all homes. If hot homes have servers of their own, the books of each of them are
 * also compared with those of `regular`.
 */

/** A broken promise: something that the audit found not to add up. */
export interface AuditRow {
  /** Name of the home. */
  readonly schema: Home;
  readonly promise: string;
  readonly sku: string | null;
  readonly detail: string;
  readonly expected: number;
  readonly actual: number;
  /** What to do about it, in words. */
  readonly remedy: string;
}

/** Far more than an audit needs: it takes 2 to 4 µs per order, and somewhat more under load. */
export const AUDIT_TIMEOUT_MS = 10 * 60_000;

/**
 * Two servers have no common snapshot, so a difference may be a transfer on its way. A difference
 * is reported when this many looks have found it.
 */
const LOOKS_MAX = 5;
const LOOK_INTERVAL_MS = 100;

interface Row extends Record<string, unknown> {
  schema: Home;
  promise: string;
  sku: string | null;
  detail: string;
  expected: string;
  actual: string;
  remedy: string;
}

const auditText = (schema: Schema, home: Home) =>
  `SELECT '${home}' AS schema, * FROM ${schema}.audit()`;

const toAuditRow = (row: Row): AuditRow => ({
  schema: row.schema,
  promise: row.promise,
  sku: row.sku,
  detail: row.detail,
  expected: toNumber(row.expected),
  actual: toNumber(row.actual),
  remedy: row.remedy,
});

/**
 * Audits all homes. Reads every order.
 *
 * @returns the broken promises; empty when there are none
 * @throws {DatabaseError} also if a home does not answer
 */
export async function audit(databases: Databases): Promise<AuditRow[]> {
  return whole(await auditHomes(databases));
}

/** Audits the homes that answer. Nothing is known of the books of a missing home. */
export async function auditHomes(databases: Databases): Promise<Answers<AuditRow>> {
  // Detects a home that is down within seconds; the audit itself has a timeout of minutes.
  if (databases.areApart)
    await askHomes(databases, 'presence', (_, pool) => pool.query({ text: 'SELECT' }));
  const answers = await queryHomes<Row>(databases, 'audit', auditText, [], AUDIT_TIMEOUT_MS);
  const { missing } = answers;
  const found = answers.rows.map(toAuditRow);
  if (missing.length > 0 || !databases.areApart) return { rows: found, missing };
  const crossed = await auditCrossed(databases);
  return { rows: [...found, ...crossed.rows], missing: crossed.missing };
}

/**
 * Audits one home. Of the comparison of servers, only the rows of this home are returned; they are
 * unknown while another home is missing.
 *
 * @throws {DatabaseError} if the home does not answer
 */
export async function auditSchema(databases: Databases, home: Home): Promise<Answers<AuditRow>> {
  const text = auditText(schemaOf(home), home);
  const found = (await databases.home(home).query<Row>({ text })).map(toAuditRow);
  if (!databases.areApart) return { rows: found, missing: [] };
  const { rows: crossed, missing } = await auditCrossed(databases);
  return { rows: [...found, ...crossed.filter((row) => row.schema === home)], missing };
}

/** The result of the last audit of a home, and whether the caller has to make the next one. */
export interface AuditTurn {
  readonly mine: boolean;
  /** Undefined before the first audit. */
  readonly last:
    | { readonly rows: number; readonly seconds: number; readonly endedAt: Date }
    | undefined;
}

/**
 * Takes the next audit if it is due. Another caller may take it after `AUDIT_TIMEOUT_MS` if `endAudit`
 * was not called.
 *
 * @throws {DatabaseError}
 */
export async function takeAudit(databases: Databases, home: Home): Promise<AuditTurn> {
  const [row] = await databases.home(home).query<{
    mine: boolean;
    broken: number | null;
    took_ms: number | null;
    ended_at: Date | null;
  }>({
    name: `take_audit_${schemaOf(home)}`,
    text: `SELECT * FROM ${schemaOf(home)}.take_audit($1::bigint)`,
    values: [AUDIT_TIMEOUT_MS],
  });
  const { broken, took_ms, ended_at } = row ?? {};
  const last = ended_at && {
    rows: broken ?? 0,
    seconds: (took_ms ?? 0) / 1_000,
    endedAt: ended_at,
  };
  return { mine: row?.mine === true, last: last ?? undefined };
}

/** Stores the result of an audit that was taken, and when the next one is due. */
export async function endAudit(
  databases: Databases,
  home: Home,
  done: { readonly rows: number; readonly tookMs: number; readonly nextInMs: number },
): Promise<void> {
  await databases.home(home).query({
    name: `end_audit_${schemaOf(home)}`,
    text: `SELECT ${schemaOf(home)}.end_audit($1, $2, $3)`,
    values: [done.rows, Math.round(done.tookMs), Math.round(done.nextInMs)],
  });
}

/** Compares the servers for each SKU that has moved. Stops at the first home that does not answer. */
async function auditCrossed(databases: Databases): Promise<Answers<AuditRow>> {
  const text = () => 'SELECT sku FROM catalog.sku_homes() WHERE moves > 0';
  const skus = await queryHomes<{ sku: string }>(databases, 'crossed', text, []);
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

async function compareBooks(databases: Databases, sku: string): Promise<Answers<AuditRow>> {
  const read = async (home: Home) => [[home, await readBooks(databases, home, sku)] as const];
  const { rows, missing } = await askHomes(databases, 'sku_books', read, AUDIT_TIMEOUT_MS);
  if (missing.length > 0) return { rows: [], missing };
  const books = new Map(rows);
  return { rows: [...compareTransfers(sku, books), ...compareBuyers(sku, books)], missing };
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

/**
 * Units of each user in `buyer`, by which limits are judged = units of the orders of all servers and
 * of the transfers that are not applied yet.
 */
function compareBuyers(sku: string, books: ReadonlyMap<Home, Books>): AuditRow[] {
  const [home, { buyers = new Map<string, number>() } = {}] =
    [...books].find(([, { buyers: found }]) => found !== undefined) ?? [];
  if (home === undefined) return [];
  const expected = new Map<string, number>();
  const add = (userId: string, units: number) =>
    expected.set(userId, (expected.get(userId) ?? 0) + units);
  for (const { held } of books.values()) for (const [userId, units] of held) add(userId, units);
  for (const { sender, receiver } of linesOf(books)) {
    for (const { no, userId, units } of sender.transferred) {
      if (no > receiver.applied.no) add(userId, units);
    }
  }
  const rows: AuditRow[] = [];
  for (const userId of new Set([...expected.keys(), ...buyers.keys()])) {
    const [wanted, actual] = [expected.get(userId) ?? 0, buyers.get(userId) ?? 0];
    if (wanted === actual) continue;
    const detail = `units that buyer has for user ${userId} = units of the orders of all servers`;
    const remedy = 'set buyer.units to the expected number';
    const promise = 'user_limit';
    rows.push({ schema: home, promise, sku, detail, expected: wanted, actual, remedy });
  }
  return rows;
}
