import { DatabaseError } from '../client/errors.ts';
import type { Session } from '../client/pool.ts';
import { asInstaller } from './installer.ts';
import type { Definition, Named } from './routine-files.ts';

/** The kept versions of routines and views. */

/** Versions of one routine that are kept; older ones go. */
export const KEPT_VERSIONS_MAX = 20;

/**
 * Keeps a definition as the newest version. The routine is no longer rolled back. The caller has the
 * transaction in which the definition was installed.
 */
export async function keepVersion(
  session: Session,
  { schema, name }: Named,
  { text, md5 }: Definition,
  { origin, release }: { origin: 'file' | 'hand' | 'canary'; release: string | null },
): Promise<void> {
  await session.query({
    text: `WITH ended AS (
             DELETE FROM catalog.routine_pin WHERE schema = $1 AND name = $2
           ), newest AS (
             SELECT coalesce(max(v.version), 0) + 1 AS version FROM catalog.routine_version v
             WHERE v.schema = $1 AND v.name = $2
           ), too_old AS (
             DELETE FROM catalog.routine_version v USING newest n
             WHERE v.schema = $1 AND v.name = $2 AND v.version <= n.version - $7
           )
           INSERT INTO catalog.routine_version (schema, name, version, source, definition_md5, origin, release)
           SELECT $1, $2, n.version, $3, $4, $5, $6 FROM newest n`,
    values: [schema, name, text, md5, origin, release, KEPT_VERSIONS_MAX],
  });
}

/** Whether a definition is among the kept versions. */
export async function isKept(session: Session, { schema, name }: Named, md5: string) {
  const rows = await session.query({
    text: `SELECT FROM catalog.routine_version
           WHERE schema = $1 AND name = $2 AND definition_md5 = $3 LIMIT 1`,
    values: [schema, name, md5],
  });
  return rows.length > 0;
}

export function canaryRuns(schema: string, name: string): DatabaseError {
  const message = `${schema}.${name} has a canary: stop or promote it first`;
  return new DatabaseError('refused', message);
}

export interface KeptVersion {
  readonly schema: string;
  readonly name: string;
  readonly version: number;
  readonly origin: string;
  readonly release: string | null;
  readonly installedAt: Date;
  readonly installedBy: string;
  /** `now`: in force; `rolled back to`, with person and reason, if the installer must not replace it. */
  readonly state: string;
  readonly source: string;
}

/** Lists the kept versions of a routine, or those of all routines, the newest first. */
export async function keptVersions(session: Session, name?: string): Promise<KeptVersion[]> {
  return asInstaller(session, () =>
    session.query<KeptVersion & Record<string, unknown>>({
      text: `SELECT v.schema, v.name, v.version, v.origin, v.release, v.installed_at AS "installedAt",
                    v.installed_by AS "installedBy", v.source,
                    CASE WHEN p.version = v.version AND p.released
                           THEN 'now, until the next install'
                         WHEN p.version = v.version
                           THEN format('rolled back to by %s: %s', p.pinned_by, p.reason)
                         WHEN p.version IS NULL AND row_number() OVER w = 1 THEN 'now'
                         ELSE '' END AS state
             FROM catalog.routine_version v
             LEFT JOIN catalog.routine_pin p ON (p.schema, p.name) = (v.schema, v.name)
             WHERE $1::text IS NULL OR v.name = $1
             WINDOW w AS (PARTITION BY v.schema, v.name ORDER BY v.version DESC)
             ORDER BY v.schema, v.name, v.version DESC`,
      values: [name],
    }),
  );
}
