import { type Check, count, type Finding, few, no, notKnown, ok, unless } from '../check.ts';
import { onlyValueOf, type ProcessFacts, samplesOf } from '../sources/processes.ts';
import type { DatabaseServer } from '../sources/sources.ts';

/** Limits that a rush would reach: sessions of PostgreSQL, and open files. */

/**
 * Sessions of a process that its figures do not have, such as those of audits, webhooks and notices: at most this many.
 */
const OTHER_SESSIONS: Readonly<Record<string, number>> = { web: 0, worker: 5, keeper: 1 };
/** For operators, exporters, backups and a process that starts before the old one has ended. */
const SPARE_SESSIONS = 10;

const pooled = (process: ProcessFacts, dependency: string): number =>
  samplesOf(process, 'flashsale_database_sessions')
    .filter(({ labels }) => labels['state'] === 'max' && labels['dependency'] === dependency)
    .reduce((sum, { value }) => sum + value, 0);

async function sessionsOf(
  { name, dependency, pool }: DatabaseServer,
  all: readonly ProcessFacts[],
): Promise<{ finding: Finding; text: string }> {
  const [row] = await pool.query<{ allowed: number }>({
    text: `SELECT least(
             current_setting('max_connections')::int
             - current_setting('superuser_reserved_connections')::int
             - coalesce(current_setting('reserved_connections', true), '0')::int,
             (SELECT nullif(datconnlimit, -1) FROM pg_database WHERE datname = current_database()))
             AS allowed`,
  });
  const allowed = row?.allowed ?? 0;
  const using = all.filter((process) => pooled(process, dependency) > 0);
  const pools = using.reduce(
    (sum, process) => sum + pooled(process, dependency) + (OTHER_SESSIONS[process.kind] ?? 0),
    0,
  );
  const command = `psql "$DATABASE_URL" -c "SHOW max_connections"`;
  const text = `${pools} of ${allowed} at ${name}`;
  if (using.length === 0) {
    return { finding: notKnown(`no process tells of its sessions at ${name}`, command), text };
  }
  const isTooMany = pools + SPARE_SESSIONS > allowed;
  const reason = `${name} allows ${allowed} sessions; processes may open ${pools}, and ${SPARE_SESSIONS} are for people and backups`;
  return { finding: isTooMany ? no(reason, command) : ok(reason, command), text };
}

export const connections: Check = {
  name: 'connections',
  about: 'the pools of all processes together against the limit of each database server',
  async look(sources) {
    const [servers, { all }] = await Promise.all([sources.servers(), sources.processes()]);
    const found = await Promise.all(servers.map((server) => sessionsOf(server, all)));
    const problems = found.map(({ finding }) => finding).filter(({ outcome }) => outcome !== 'ok');
    const well = `all pools fit: ${found.map(({ text }) => text).join(', ')}`;
    return unless(problems, ok(well, 'psql "$DATABASE_URL" -c "SHOW max_connections"'));
  },
};

/** A web node keeps a socket for each shopper who waits. */
const FILES_MIN: Readonly<Record<string, number>> = { web: 16_384 };
const FILES_MIN_OTHERS = 1_024;
const FILES_USED_MAX = 0.5;

function filesOf(process: ProcessFacts, isDemo: boolean): Finding[] {
  const [open, most] = [
    onlyValueOf(process, 'process_open_fds'),
    onlyValueOf(process, 'process_max_fds'),
  ];
  const command = 'LimitNOFILE=65536 in its unit, or ulimits of its container';
  if (open === undefined || most === undefined) {
    return [notKnown(`${process.name} does not tell how many files it may open`, command)];
  }
  const least = (isDemo ? undefined : FILES_MIN[process.kind]) ?? FILES_MIN_OTHERS;
  const problems = [
    ...(most < least ? [`may open ${most} files and sockets; it should be ${least}`] : []),
    ...(open > most * FILES_USED_MAX ? [`has opened ${open} of ${most} files already`] : []),
  ];
  return problems.map((problem) => no(`${process.name} ${problem}`, command));
}

export const files: Check = {
  name: 'files',
  about: 'how many files and sockets each process may open',
  async look(sources) {
    const { all } = await sources.processes();
    const limits = all.flatMap((process) => onlyValueOf(process, 'process_max_fds') ?? []);
    const well = `${count(all.length, 'process', 'processes')} may open ${few([...new Set(limits)].map(String))} files and sockets each`;
    return unless(
      all.flatMap((process) => filesOf(process, sources.options.isDemo)),
      ok(well, 'cat /proc/PID/limits'),
    );
  },
};
