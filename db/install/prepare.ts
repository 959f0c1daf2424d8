import { type InstallOptions, type InstallReport, install } from './install.ts';
import { type MigrationReport, migrate } from './migrate.ts';

export type PrepareReport = MigrationReport & InstallReport;

/**
 * Brings a database up to date with the files: migrations first, then routines and views. Call it for
 * each server. Safe to call from several processes at once.
 *
 * @throws {DatabaseError}
 */
export async function prepare(url: string, options: InstallOptions = {}): Promise<PrepareReport> {
  const migrated = await migrate(url);
  return { ...migrated, ...(await install(url, options)) };
}
