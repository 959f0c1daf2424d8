import { statfs } from 'node:fs/promises';
import { parseDatabaseUrl } from '../../../contracts/database-url.ts';
import { type Check, count, type Finding, no, ok, unless } from '../check.ts';
import { NotKnown } from '../sources/not-known.ts';
import type { Sources } from '../sources/sources.ts';

/** Disks: of all hosts with an exporter; without Prometheus, of this machine if the servers are here. */

/** The alert FlashsaleDiskFull has half of it. */
const FREE_MIN = 0.2;
const DF = 'df -h';

const percent = (share: number) => `${Math.floor(share * 100)} %`;

function lacking(where: string, free: number, command: string): Finding[] {
  if (free >= FREE_MIN) return [];
  return [no(`${where} has ${percent(free)} left; it should be ${percent(FREE_MIN)}`, command)];
}

async function ofHosts(sources: Sources): Promise<readonly Finding[] | undefined> {
  const expression =
    'node_filesystem_avail_bytes{fstype!~"squashfs|iso9660|ramfs|fuse.*"} / node_filesystem_size_bytes ' +
    'and node_filesystem_readonly == 0 and node_filesystem_size_bytes > 0';
  const found = await sources.prometheus?.query(expression);
  if (found === undefined || found.length === 0) return undefined;
  const problems = found.flatMap(({ labels, value }) =>
    lacking(`${labels['mountpoint']} of ${labels['instance']}`, value, DF),
  );
  const hosts = new Set(found.map(({ labels }) => labels['instance']));
  const well = `each of ${count(found.length, 'disk')} of ${count(hosts.size, 'host')} has at least ${percent(FREE_MIN)} left`;
  return unless(problems, ok(well, DF));
}

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[?::1\]?)$/;

/** Whether the servers are on this machine, as those of `npm start` are. */
function isHere({ addresses: { env, urls } }: Sources): boolean {
  const databases = [...urls.values()].flatMap((url) => parseDatabaseUrl(url).urls);
  const hosts = [
    ...[...databases, env.AMQP_URL ?? '']
      .filter((url) => URL.canParse(url))
      .map((url) => new URL(url).hostname),
    ...(env.ZOOKEEPER ?? '').split(',').map((server) => server.replace(/:\d+$/, '')),
  ];
  return hosts.every((host) => LOOPBACK.test(host));
}

async function ofThisMachine(sources: Sources): Promise<readonly Finding[]> {
  const servers = await sources.servers();
  const folders = await Promise.all(
    servers.map(async ({ pool }) => {
      // Only some logins may see it.
      const text = `SELECT current_setting('data_directory') AS folder`;
      const rows = await pool.query<{ folder: string }>({ text }).catch(() => []);
      return rows.map(({ folder }) => folder);
    }),
  );
  const problems: Finding[] = [];
  for (const folder of new Set(['/', ...folders.flat()])) {
    const found = await statfs(folder).catch(() => undefined);
    if (found === undefined) continue;
    problems.push(...lacking(folder, found.bavail / found.blocks, `${DF} ${folder}`));
  }
  return unless(problems, ok(`this machine has at least ${percent(FREE_MIN)} left`, DF));
}

export const disks: Check = {
  name: 'disks',
  about: 'free space of all hosts (PROMETHEUS_URL)',
  async look(sources) {
    const found = await ofHosts(sources);
    if (found !== undefined) return found;
    if (isHere(sources)) return ofThisMachine(sources);
    const why =
      sources.prometheus === undefined ? 'PROMETHEUS_URL is not set' : 'no host has an exporter';
    throw new NotKnown(
      `nobody tells of the disks: ${why}`,
      'df -h, on each host; or set PROMETHEUS_URL',
    );
  },
};
