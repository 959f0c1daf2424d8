import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { parseDatabaseUrl } from '../../../contracts/database-url.ts';
import { type Check, count, type Finding, few, no, notKnown, ok, unless } from '../check.ts';
import { NotKnown } from '../sources/not-known.ts';
import type { DatabaseServer, Sources } from '../sources/sources.ts';

/** Copies of the data: standbys, and backups. */

const BEHIND_MAX_BYTES = 16 * 1024 * 1024;
const REPLICATION = 'psql "$DATABASE_URL" -c "TABLE pg_stat_replication"';

interface Standby {
  readonly name: string;
  readonly state: string | null;
  readonly sync: string | null;
  readonly behind: number | null;
}

const NAMES = 'synchronous_standby_names';

async function standbysOf({ name, url, pool }: DatabaseServer, reads: boolean): Promise<Finding> {
  const expected = Math.max(parseDatabaseUrl(url).urls.length - 1, reads ? 1 : 0);
  const [all, [setting]] = await Promise.all([
    pool.query<Standby & Record<string, unknown>>({
      text: `SELECT application_name AS name, state, sync_state AS sync,
                    pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn)::float8 AS behind
             FROM pg_stat_replication`,
    }),
    pool.query<{ wanted: string }>({ text: `SELECT current_setting('${NAMES}') AS wanted` }),
  ]);
  if (all.some(({ state }) => state === null)) {
    const reason = `the login of DATABASE_URL may not see the standbys of ${name}`;
    return notKnown(reason, 'as a superuser: GRANT pg_read_all_stats TO flashsale_ops');
  }
  const streaming = all.filter(({ state }) => state === 'streaming');
  const inSync = streaming.filter(({ sync }) => sync === 'sync' || sync === 'quorum');
  const late = streaming.filter(({ behind }) => (behind ?? 0) > BEHIND_MAX_BYTES);
  const isSynchronous = setting?.wanted !== '';
  if (streaming.length < expected) {
    return no(`${name} has ${streaming.length} of ${expected} standbys`, REPLICATION);
  }
  if (isSynchronous && inSync.length === 0) {
    const reason = `${name} waits at each COMMIT for a standby (${NAMES}), and none is in sync`;
    return no(reason, REPLICATION);
  }
  if (late.length > 0) {
    return no(`${few(late.map((one) => one.name))} of ${name}: behind`, REPLICATION);
  }
  if (streaming.length === 0) return ok(`${name} has no standby, and none is named`, REPLICATION);
  if (!isSynchronous) {
    const reason = `no standby of ${name} is synchronous: a failover would lose orders`;
    return no(reason, 'see docs/operating.md#postgresql-with-standbys');
  }
  const well = `${name} has ${count(streaming.length, 'standby', 'standbys')}, ${inSync.length} in sync`;
  return ok(well, REPLICATION);
}

export const standbys: Check = {
  name: 'standbys',
  about: 'whether the standbys of each database are there, in sync and not behind',
  async look(sources) {
    const servers = await sources.servers();
    const { readUrls } = sources.addresses;
    const found = await Promise.all(
      servers.map((server) =>
        standbysOf(
          server,
          server.homes.some((home) => readUrls.has(home)),
        ),
      ),
    );
    const problems = found.filter(({ outcome }) => outcome !== 'ok');
    return unless(problems, ok(found.map(({ reason }) => reason).join('; '), REPLICATION));
  },
};

/** Two of the six-hourly backups were missed. */
const AGE_MAX_HOURS = 13;
const HOUR_SECONDS = 3_600;
const INFO_TIMEOUT_MS = 4_000;

/** What `pgbackrest --output=json info` prints of a stanza. */
interface Stanza {
  readonly name: string;
  readonly status: { readonly code: number; readonly message: string };
  readonly backup: readonly {
    readonly label: string;
    readonly error?: boolean | null;
    readonly timestamp: { readonly stop: number };
  }[];
}

async function stanzasOf(files: readonly string[]): Promise<readonly Stanza[]> {
  const texts =
    files.length > 0
      ? await Promise.all(files.map((file) => readFile(file, 'utf8')))
      : [
          await promisify(execFile)('pgbackrest', ['--output=json', 'info'], {
            timeout: INFO_TIMEOUT_MS,
          }).then(
            ({ stdout }) => stdout,
            () => '[]',
          ),
        ];
  return texts.flatMap((text) => JSON.parse(text) as Stanza[]);
}

const INFO =
  'ssh DATABASE pgbackrest --output=json info >info.json; flashsale doctor --backup-info info.json';

function ageOf(home: string, stanzas: readonly Stanza[]): Finding {
  const info = `pgbackrest --stanza=${home} info`;
  const stanza = stanzas.find(({ name }) => name === home);
  if (stanza === undefined) return notKnown(`nobody tells of the backups of ${home}`, INFO);
  if (stanza.status.code !== 0) return no(`${home}: ${stanza.status.message}`, info);
  const good = stanza.backup.filter(({ error }) => !error);
  const newest = Math.max(0, ...good.map(({ timestamp }) => timestamp.stop));
  const hours = Math.floor((Date.now() / 1_000 - newest) / HOUR_SECONDS);
  const again = `pgbackrest --stanza=${home} --type=incr backup`;
  if (good.length === 0) return no(`${home} has no backup`, again);
  const reason = `the last backup of ${home} is ${count(hours, 'hour')} old`;
  return hours > AGE_MAX_HOURS ? no(reason, again) : ok(reason, info);
}

/** Without its archive, a backup restores to its own end and no further. */
async function archiveOf({ name, pool }: DatabaseServer): Promise<Finding[]> {
  const [row] = await pool.query<{ mode: string; archiver: string; failing: boolean }>({
    text: `SELECT current_setting('archive_mode') AS mode,
                  current_setting('archive_command') || current_setting('archive_library') AS archiver,
                  (last_failed_time > coalesce(last_archived_time, '-infinity')) IS TRUE AS failing
           FROM pg_stat_archiver`,
  });
  const command = 'see docs/backup.md#set-up';
  if (row?.mode === 'off') return [no(`${name} archives no WAL`, command)];
  if (row?.archiver === '') return [no(`${name} has nothing that archives WAL`, command)];
  if (row?.failing) return [no(`WAL of ${name} cannot be archived`, 'pgbackrest check')];
  return [];
}

async function backups(sources: Sources): Promise<readonly Finding[]> {
  const files = sources.options.backupInfo;
  const [servers, stanzas] = await Promise.all([
    sources.servers(),
    stanzasOf(files).catch((error: Error) => {
      throw new NotKnown(`the information about backups cannot be read: ${error.message}`, INFO);
    }),
  ]);
  const found = await Promise.all(
    servers.map(async (server) => {
      const [home = 'regular'] = server.homes;
      const age = ageOf(home, stanzas);
      return age.outcome === 'not known' ? [age] : [age, ...(await archiveOf(server))];
    }),
  );
  const all = found.flat();
  const problems = all.filter(({ outcome }) => outcome !== 'ok');
  return unless(problems, ok(all.map(({ reason }) => reason).join('; '), 'pgbackrest info'));
}

export const backup: Check = {
  name: 'backup',
  about: 'age of the last backup of each database, and whether its WAL is archived',
  look: backups,
};
