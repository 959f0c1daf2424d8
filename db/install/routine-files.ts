import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { SCHEMAS } from '../../contracts/names.ts';
import type { Queryable, Session } from '../client/pool.ts';

/** Reads the files of db/procedures and db/views, and the definitions that the database has. */

const FOLDERS = [new URL('../procedures/', import.meta.url), new URL('../views/', import.meta.url)];

export interface Routine {
  readonly schema: string;
  readonly name: string;
  /** Path of its file. */
  readonly file: string;
  /** Text of the file for this schema, as psql would send it. */
  readonly sql: string;
  readonly sha256: string;
}

/** A routine or view as the database has it. */
export interface Definition {
  readonly text: string;
  readonly md5: string;
}

/** A routine or view, and what the database has recorded about it. */
export interface Found {
  readonly schema: string;
  readonly name: string;
  /** Undefined if there is none. */
  readonly now: Definition | undefined;
  /** Of the file that the installer ran last. All four are null if it never did. */
  readonly file_sha256: string | null;
  readonly definition_md5: string | null;
  readonly installed_at: Date | null;
  readonly installed_by: string | null;
  /** Of the version in force: the one that it was rolled back to, else the newest; null if none is kept. */
  readonly current_md5: string | null;
  /** Version that it was rolled back to; null if it was not. */
  readonly pinned: number | null;
  /** Whether the next installer may replace that version. */
  readonly released: boolean | null;
  readonly has_canary: boolean;
}

/** The name of a routine or view. */
export type Named = Pick<Routine, 'schema' | 'name'>;

/** Replaces the variable `schema`, as psql does with `-v schema=…`. */
export function forSchema(sql: string, schema: string): string {
  return sql.replaceAll(/(?<!:):schema\b/g, schema).replaceAll(/(?<!:):'schema'/g, `'${schema}'`);
}

/** Reads every routine and view, once for each schema that it belongs to. */
export async function loadRoutines(): Promise<Routine[]> {
  const routines: Routine[] = [];
  for (const folder of FOLDERS) {
    const entries = (await readdir(folder)).filter((entry) => entry.endsWith('.sql')).sort();
    for (const entry of entries) {
      const file = fileURLToPath(new URL(entry, folder));
      const text = await readFile(file, 'utf8');
      const name = entry.slice(0, -'.sql'.length);
      const schemas = /(?<!:):schema\b/.test(text) ? SCHEMAS : ['catalog'];
      for (const schema of schemas) {
        const sql = forSchema(text, schema);
        const sha256 = createHash('sha256').update(sql).digest('hex');
        routines.push({ schema, name, file, sql, sha256 });
      }
    }
  }
  return routines;
}

/** The definition of the routine or view `k`. Those of overloaded functions are concatenated. */
const TEXT = `
  SELECT string_agg(o.definition, '' ORDER BY o.definition) AS text FROM (
    SELECT pg_get_functiondef(f.oid) AS definition FROM pg_proc f
    WHERE f.pronamespace = k.schema::regnamespace AND f.proname = k.name
    UNION ALL
    SELECT pg_get_viewdef(w.oid) FROM pg_class w
    WHERE w.relnamespace = k.schema::regnamespace AND w.relname = k.name AND w.relkind = 'v') o`;

function definitionOf(text: string | null): Definition | undefined {
  if (text === null) return undefined;
  return { text, md5: createHash('md5').update(text).digest('hex') };
}

/** Reads the installed text of these routines and views, in their order. Every login may ask. */
export async function definitions(
  session: Queryable,
  routines: readonly Named[],
): Promise<(Definition | undefined)[]> {
  const rows = await session.query<{ text: string | null }>({
    text: `SELECT d.text
           FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS k (schema, name, place)
           CROSS JOIN LATERAL (${TEXT}) d
           ORDER BY k.place`,
    values: [routines.map(({ schema }) => schema), routines.map(({ name }) => name)],
  });
  return rows.map(({ text }) => definitionOf(text));
}

/** Looks routines and views up in the database, in one query. */
export async function lookUp(session: Session, routines: readonly Named[]): Promise<Found[]> {
  const rows = await session.query<Omit<Found, 'now'> & { text: string | null }>({
    text: `SELECT k.schema, k.name, d.text, r.file_sha256, r.definition_md5, r.installed_at,
                  r.installed_by, v.definition_md5 AS current_md5, p.version AS pinned, p.released,
                  c.run IS NOT NULL AS has_canary
           FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS k (schema, name, place)
           LEFT JOIN catalog.routine r ON (r.schema, r.name) = (k.schema, k.name)
           LEFT JOIN catalog.routine_pin p ON (p.schema, p.name) = (k.schema, k.name)
           LEFT JOIN catalog.routine_canary c ON (c.schema, c.name) = (k.schema, k.name)
           LEFT JOIN LATERAL (
             SELECT x.definition_md5 FROM catalog.routine_version x
             WHERE (x.schema, x.name) = (k.schema, k.name) AND x.version = coalesce(p.version, x.version)
             ORDER BY x.version DESC LIMIT 1) v ON true
           CROSS JOIN LATERAL (${TEXT}) d
           ORDER BY k.place`,
    values: [routines.map(({ schema }) => schema), routines.map(({ name }) => name)],
  });
  return rows.map(({ text, ...found }) => ({
    ...found,
    now: definitionOf(text),
  }));
}

/** Looks one routine or view up. */
export async function lookUpOne(session: Session, routine: Named): Promise<Found> {
  const [found] = await lookUp(session, [routine]);
  if (found === undefined) throw new Error('the statement returns a row for each name');
  return found;
}

/** The definition that the database has of a routine or view; undefined if there is none. */
export async function definition(session: Session, routine: Named) {
  return (await lookUpOne(session, routine)).now;
}
