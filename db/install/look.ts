import type { Pool } from '../client/pool.ts';
import type { RoutineState } from './install.ts';
import { definitions, loadRoutines, type Routine } from './routine-files.ts';

/** A look at the routines and views, as operators may take it: without a lock, and without a change. */

export interface SeenRoutine {
  readonly schema: string;
  readonly name: string;
  readonly state: RoutineState;
}

interface Recorded {
  readonly schema: string;
  readonly name: string;
  readonly file_sha256: string;
  readonly definition_md5: string;
  readonly pinned: boolean;
  readonly has_canary: boolean;
}

/**
 * Compares hashes alone. A routine whose file somebody ran with psql is `drifted` here until the next install;
 * `compareRoutines` runs the file to find out.
 */
function stateOf(
  routine: Routine,
  recorded: Recorded | undefined,
  md5: string | undefined,
): RoutineState {
  if (md5 === undefined) return 'missing';
  if (recorded?.has_canary) return 'canary';
  if (recorded?.pinned) return 'pinned';
  if (md5 !== recorded?.definition_md5) return 'drifted';
  return recorded.file_sha256 === routine.sha256 ? 'installed' : 'outdated';
}

/**
 * The state of each routine and view of these schemas.
 *
 * @throws {DatabaseError}
 */
export async function seenRoutines(
  pool: Pool,
  schemas: readonly string[],
): Promise<readonly SeenRoutine[]> {
  const routines = (await loadRoutines()).filter(({ schema }) => schemas.includes(schema));
  const { rows, found } = await pool.session(async (session) => {
    await session.query({ text: 'BEGIN READ ONLY' });
    // The definition of a view has schema names or not depending on search_path.
    await session.query({ text: 'SET LOCAL search_path = pg_catalog, pg_temp' });
    const text = 'SELECT * FROM catalog.installed_routines()';
    const rows = await session.query<Recorded & Record<string, unknown>>({ text });
    const found = await definitions(session, routines);
    await session.query({ text: 'COMMIT' });
    return { rows, found };
  });
  const recorded = new Map(rows.map((row) => [`${row.schema}.${row.name}`, row]));
  return routines.map((routine, at) => ({
    schema: routine.schema,
    name: routine.name,
    state: stateOf(routine, recorded.get(`${routine.schema}.${routine.name}`), found[at]?.md5),
  }));
}
