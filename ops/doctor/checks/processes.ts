import { urlsOfHosts } from '../../../contracts/cluster-url.ts';
import { parseDatabaseUrl } from '../../../contracts/database-url.ts';
import { RELEASE } from '../../../contracts/release.ts';
import { accepts } from '../../stack/ports.ts';
import { type Check, count, type Finding, few, no, notKnown, ok, unless } from '../check.ts';
import { IS_NOT_SET, type NotKnown } from '../sources/not-known.ts';
import { onlyValueOf, type ProcessFacts, samplesOf } from '../sources/processes.ts';
import type { Sources } from '../sources/sources.ts';

/** The processes themselves: that they run, and which release. */

const DEFAULT_PORTS: Readonly<Record<string, number>> = { 'amqp:': 5672, 'amqps:': 5671 };
const POSTGRES_PORT = 5432;

/** Of several hosts in a URL, one that answers hides the others. ZooKeeper's are asked by the check `zookeeper`. */
async function closedHosts({ addresses, options }: Sources): Promise<Finding[]> {
  const { env, urls } = addresses;
  const several = [
    ...[...new Set(urls.values())].map((url) => parseDatabaseUrl(url).urls),
    urlsOfHosts(env.AMQP_URL ?? ''),
  ].filter(({ length }) => length > 1);
  const found = await Promise.all(
    several.flat().map(async (text) => {
      const { protocol, hostname, port } = new URL(text);
      const host = hostname.replace(/^\[|\]$/g, '');
      const at = Number(port) || (DEFAULT_PORTS[protocol] ?? POSTGRES_PORT);
      if (await accepts(host, at, options.timeoutMs)) return [];
      const what = protocol.startsWith('amqp') ? 'RabbitMQ' : 'PostgreSQL';
      return [no(`${what} at ${hostname}:${at} takes no connection`, `nc -zv ${host} ${at}`)];
    }),
  );
  return found.flat();
}

/** The servers, as this machine reaches them. Without one of them, most of the other checks are not known. */
export const servers: Check = {
  name: 'servers',
  about: 'whether PostgreSQL, RabbitMQ and ZooKeeper answer this command',
  async look(sources) {
    const asked = [sources.databases(), sources.broker(), sources.tree()];
    const [answers, closed] = await Promise.all([
      Promise.allSettled<unknown>(asked),
      closedHosts(sources),
    ]);
    const problems = answers.flatMap((answer) => {
      if (answer.status === 'fulfilled') return [];
      const { message, command } = answer.reason as NotKnown;
      const isAsked = !message.endsWith(IS_NOT_SET);
      return [(isAsked ? no : notKnown)(message, command ?? 'flashsale doctor, once more')];
    });
    const well = 'PostgreSQL, RabbitMQ and ZooKeeper answer';
    return unless([...problems, ...closed], ok(well, 'flashsale env'));
  },
};

interface Kind {
  readonly one: string;
  readonly several: string;
  /** Outside a demo, one may fail. */
  readonly least: number;
}

const KINDS: Readonly<Record<string, Kind>> = {
  web: { one: 'web node', several: 'web nodes', least: 2 },
  keeper: { one: 'keeper', several: 'keepers', least: 2 },
  worker: { one: 'worker', several: 'workers', least: 1 },
};

const READY = (host: string) => `curl http://${host}/readyz`;
const hostOf = ({ name }: ProcessFacts) => name.replace(/^.* at /, '');

function troubleOf(process: ProcessFacts): Finding[] {
  const { status, waitingFor, degraded } = process.readiness;
  const why = [...waitingFor, ...degraded];
  if (status === 'ready' && why.length === 0) return [];
  const state = status === 'ready' ? 'does without' : 'is not ready';
  return [no(`${process.name} ${state}: ${few(why)}`, READY(hostOf(process)))];
}

function tooFew(all: readonly ProcessFacts[], isDemo: boolean): Finding[] {
  return Object.entries(KINDS).flatMap(([kind, { one, least }]) => {
    const running = all.filter((process) => process.kind === kind).length;
    if (running >= (isDemo ? 1 : least)) return [];
    const reason =
      running === 0
        ? `no ${one} answers`
        : `only one ${one} answers: nothing takes over if it fails`;
    return [no(reason, `start one (docs/deployment.md); if it runs, add it to MONITORS`)];
  });
}

function leaders(all: readonly ProcessFacts[]): Finding[] {
  const leading = all.filter((one) => onlyValueOf(one, 'flashsale_keeper_leads') === 1);
  if (leading.length === 1 || !all.some(({ kind }) => kind === 'keeper')) return [];
  const reason =
    leading.length === 0
      ? 'no keeper leads: no web node gets a grant'
      : `${few(leading.map(({ name }) => name))} all say that they lead`;
  return [no(reason, 'journalctl -u flashsale-keeper')];
}

export const processes: Check = {
  name: 'processes',
  about: 'whether all processes answer, are ready and reach their servers, and one keeper leads',
  async look(sources) {
    const { all, silent } = await sources.processes();
    const { isDemo } = sources.options;
    const problems = [
      ...silent.map(({ target, reason }) => no(reason, READY(target))),
      ...all.flatMap(troubleOf),
      ...tooFew(all, isDemo),
      ...leaders(all),
    ];
    const kinds = Map.groupBy(all, ({ kind }) => kind);
    const counts = [...kinds].map(([kind, some]) =>
      count(some.length, KINDS[kind]?.one ?? kind, KINDS[kind]?.several),
    );
    return unless(problems, ok(`all are ready: ${counts.join(', ')}`, 'flashsale top --once'));
  },
};

const POSTGRES_MIN = 140_000;

async function ofDatabases(sources: Sources): Promise<{ found: Finding[]; version: string }> {
  const servers = await sources.servers();
  const versions = await Promise.all(
    servers.map(async ({ name, pool }) => {
      const text = `SELECT current_setting('server_version_num')::int AS number,
                           split_part(current_setting('server_version'), ' ', 1) AS version`;
      const [row] = await pool.query<{ number: number; version: string }>({ text });
      return { name, number: row?.number ?? 0, version: row?.version ?? 'unknown' };
    }),
  );
  const command = 'psql "$DATABASE_URL" -c "SELECT version()"';
  const found = versions
    .filter(({ number }) => number < POSTGRES_MIN)
    .map(({ name, version }) =>
      no(`${name} has PostgreSQL ${version}; the shop needs 14 or later`, command),
    );
  const several = new Set(versions.map(({ version }) => version));
  if (several.size > 1) {
    const each = versions.map(({ name, version }) => `${name} ${version}`);
    found.push(no(`the servers have several versions of PostgreSQL: ${few(each)}`, command));
  }
  return { found, version: [...several].join(', ') };
}

function ofProcesses(all: readonly ProcessFacts[]): Finding[] {
  return all.flatMap((process) => {
    const release = samplesOf(process, 'flashsale_release')[0]?.labels['release'];
    if (release === RELEASE) return [];
    const has = release === undefined ? 'a release that does not tell its version' : release;
    const reason = `${process.name} runs ${has}, and this command is of ${RELEASE}`;
    return [no(reason, 'see docs/upgrading.md, and restart it with this release')];
  });
}

/** Of the servers of a cluster, as `name version`. */
function several(what: string, versions: ReadonlyMap<string, string>, command: string): Finding[] {
  if (new Set(versions.values()).size <= 1) return [];
  const each = [...versions].map(([name, version]) => `${name} ${version}`);
  return [no(`the servers have several versions of ${what}: ${few(each)}`, command)];
}

export const versions: Check = {
  name: 'versions',
  about: 'one release of all processes and of this command; versions of the servers',
  async look(sources) {
    const [{ all }, databases, keepers, broker] = await Promise.all([
      sources.processes(),
      ofDatabases(sources),
      sources.zookeeperServers(),
      // The check `broker` tells why nobody knows.
      sources.cluster().catch(() => undefined),
    ]);
    const zookeeper = new Map(
      keepers.filter(({ mode }) => mode).map(({ server, version }) => [server, version]),
    );
    const rabbit = new Map(
      broker?.nodes.flatMap(({ name, version }) => (version ? [[name, version]] : [])) ?? [],
    );
    const problems = [
      ...ofProcesses(all),
      ...databases.found,
      ...several('ZooKeeper', zookeeper, 'echo srvr | nc SERVER 2181'),
      ...several('RabbitMQ', rabbit, 'rabbitmqctl version'),
    ];
    const servers = [
      `PostgreSQL ${databases.version}`,
      ...[...new Set(zookeeper.values())].map((version) => `ZooKeeper ${version}`),
      ...[...new Set(rabbit.values())].map((version) => `RabbitMQ ${version}`),
    ];
    const well = `${count(all.length, 'process', 'processes')} of release ${RELEASE}, ${servers.join(', ')}`;
    return unless(problems, ok(well, 'flashsale db versions'));
  },
};
