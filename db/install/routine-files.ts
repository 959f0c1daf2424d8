import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { SCHEMAS } from '../../contracts/names.ts';
import type { Session } from '../client/pool.ts';

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

/** The row that the installer stored when it last ran the file. */
export interface Recorded {
  readonly file_sha256: string;
  readonly definition_md5: string;
  readonly installed_at: Date;
  readonly installed_by: string;
}

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

/**
 * Reads the definition that the database has under a name, and its MD5 hash; undefined if there is
 * none. The definitions of overloaded functions are concatenated.
 */
export async function definition(
  session: Session,
  { schema, name }: Pick<Routine, 'schema' | 'name'>,
): Promise<{ readonly text: string; readonly md5: string } | undefined> {
  const [row] = await session.query<{ text: string | null }>({
    text: `
      SELECT string_agg(d.definition, '' ORDER BY d.definition) AS text FROM (
        SELECT pg_get_functiondef(p.oid) AS definition
        FROM pg_proc p WHERE p.pronamespace = $1::regnamespace AND p.proname = $2
        UNION ALL
        SELECT pg_get_viewdef(c.oid)
        FROM pg_class c
        WHERE c.relnamespace = $1::regnamespace AND c.relname = $2 AND c.relkind = 'v') d`,
    values: [schema, name],
  });
  const text = row?.text ?? undefined;
  return text === undefined
    ? undefined
    : { text, md5: createHash('md5').update(text).digest('hex') };
}

/** Reads what the installer stored about a routine; undefined if it never installed it. */
export async function recorded(
  session: Session,
  { schema, name }: Pick<Routine, 'schema' | 'name'>,
): Promise<Recorded | undefined> {
  const [row] = await session.query<Recorded & Record<string, string | Date>>({
    text: `SELECT file_sha256, definition_md5, installed_at, installed_by FROM catalog.routine
           WHERE schema = $1 AND name = $2`,
    values: [schema, name],
  });
  return row;
}
