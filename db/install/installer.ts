import { openSession, type Session } from '../client/pool.ts';

/** The session and the transaction in which routines are installed. */

const STATEMENT_TIMEOUT_MS = 60_000;
export const LOCK_TIMEOUT_MS = 10_000;
/** Maximum wait for another installer. It is long because nothing else waits behind this one. */
const INSTALLER_WAIT_MS = 600_000;
/** Key of the advisory lock, so that two installers do not race. */
export const INSTALLER_LOCK = 7_300_101;

/** Runs `work` in one transaction as flashsale_owner, while no other installer runs. */
export async function asInstaller<T>(session: Session, work: () => Promise<T>): Promise<T> {
  return session.transaction(async () => {
    await session.run(`SET LOCAL lock_timeout = ${INSTALLER_WAIT_MS}`);
    await session.run(`SET LOCAL statement_timeout = ${INSTALLER_WAIT_MS}`);
    await session.run(`SELECT pg_advisory_xact_lock(${INSTALLER_LOCK})`);
    await session.run(`SET LOCAL lock_timeout = ${LOCK_TIMEOUT_MS}`);
    await session.run(`SET LOCAL statement_timeout = ${STATEMENT_TIMEOUT_MS}`);
    await session.run('SET LOCAL ROLE flashsale_owner');
    // Fixed, because the definition of a view has schema names or not depending on search_path.
    await session.run('SET LOCAL search_path = pg_catalog, pg_temp');
    // Files run in alphabetical order, and a routine may use one of a later file.
    await session.run('SET LOCAL check_function_bodies = off');
    return work();
  });
}

/** Opens a session for installers. @throws {DatabaseError} */
export function openInstaller(url: string): Promise<Session> {
  return openSession(url, {
    applicationName: 'flashsale install',
    statementTimeoutMs: STATEMENT_TIMEOUT_MS,
    lockTimeoutMs: LOCK_TIMEOUT_MS,
  });
}
