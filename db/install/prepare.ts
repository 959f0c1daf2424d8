import type { DatabaseUrls } from '../../contracts/database-config.ts';
import { REGULAR } from '../../contracts/homes.ts';
import { DatabaseError } from '../client/errors.ts';
import type { Session } from '../client/pool.ts';
import { type InstallOptions, type InstallReport, install } from './install.ts';
import { asInstaller, openInstaller } from './installer.ts';
import { type MigrationReport, migrate } from './migrate.ts';

export type PrepareReport = MigrationReport & InstallReport;

/**
 * Brings one database up to date with the files: migrations first, then routines and views. Safe to call
 * from several processes at once.
 *
 * @throws {DatabaseError}
 */
export async function prepare(url: string, options: InstallOptions = {}): Promise<PrepareReport> {
  const migrated = await migrate(url);
  return { ...migrated, ...(await install(url, options)) };
}

/**
 * Prepares the server of each home, and tells each of them which home it is.
 *
 * @returns one report for each server
 * @throws {DatabaseError} FS003 a server is another home, or belongs to another installation; FS004 SKUs
 *   live in a home that is not named any more
 */
export async function prepareHomes(urls: DatabaseUrls): Promise<PrepareReport[]> {
  const reports: PrepareReport[] = [];
  const servers = [...Map.groupBy(urls.keys(), (home) => urls.get(home) ?? '')];
  for (const [url] of servers) reports.push(await prepare(url));
  let hub = '';
  for (const [url, here] of servers) {
    const session = await openInstaller(url);
    try {
      const isHub = here.includes(REGULAR);
      const away = isHub ? [...urls.keys()].filter((home) => !here.includes(home)) : [];
      await asInstaller(session, async () => {
        const text = 'SELECT catalog.installation() AS id';
        if (isHub) hub = (await session.query<{ id: string }>({ text }))[0]?.id ?? '';
        await setHomes(session, hub, here, away);
      });
    } finally {
      await session.close().catch(() => {});
    }
  }
  return reports;
}

async function setHomes(session: Session, ...values: unknown[]): Promise<void> {
  await session
    .query({ text: 'SELECT catalog.set_homes($1, $2, $3)', values })
    .catch((error: unknown) => {
      if (!(error instanceof DatabaseError)) throw error;
      const [, here] = values;
      const message = `the server of ${String(here)}: ${error.message}`;
      throw new DatabaseError(error.kind, message, error.sqlstate, error);
    });
}
