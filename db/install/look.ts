import type { Pool } from '../client/pool.ts';
import type { RoutineState } from './install.ts';
import { type Found, loadRoutines, lookUp, type Routine } from './routine-files.ts';

/** A look at the routines and views that takes no lock and changes nothing. */

export interface SeenRoutine {
  readonly schema: string;
  readonly name: string;
  readonly state: RoutineState;
}

/**
 * Compares hashes alone. A routine whose file somebody ran with psql is `drifted` here until the next install;
 * `compareRoutines` runs the file to find out.
 */
function stateOf(routine: Routine, found: Found): RoutineState {
  const { now, definition_md5: installed, file_sha256: file, pinned, released } = found;
  if (found.has_canary) return 'canary';
  if (now === undefined) return 'missing';
  if (pinned !== null && !released) return 'pinned';
  if (now.md5 !== installed) return 'drifted';
  return file === routine.sha256 ? 'installed' : 'outdated';
}

/**
 * The state of each routine and view of these schemas. Needs a login that may read the tables of the installer, such
 * as the one that migrates.
 *
 * @throws {DatabaseError}
 */
export async function seenRoutines(
  pool: Pool,
  schemas: readonly string[],
): Promise<readonly SeenRoutine[]> {
  const routines = (await loadRoutines()).filter(({ schema }) => schemas.includes(schema));
  const found = await pool.session(async (session) => {
    await session.query({ text: 'BEGIN READ ONLY' });
    // The definition of a view has schema names or not depending on search_path.
    await session.query({ text: 'SET LOCAL search_path = pg_catalog, pg_temp' });
    const all = await lookUp(session, routines);
    await session.query({ text: 'COMMIT' });
    return all;
  });
  return routines.map((routine, at) => ({
    schema: routine.schema,
    name: routine.name,
    state: stateOf(routine, found[at] as Found),
  }));
}
