import { type Home, schemaOf } from '../contracts/homes.ts';
import type { Schema } from '../contracts/names.ts';
import { AUDIT_TIMEOUT_MS, type AuditRow } from './audit-row.ts';
import { type Answers, askHomes, queryHomes, toNumber, whole } from './client/homes.ts';
import type { Databases } from './client/pool.ts';
import { auditCrossed } from './crossed-books.ts';

export { AUDIT_TIMEOUT_MS, type AuditRow };

/**
 * Audits the books of all homes. If hot homes have servers of their own, the books of each of them are
 * also compared with those of `regular`.
 */

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
