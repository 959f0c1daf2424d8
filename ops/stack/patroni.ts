import { chownSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { loopbackUrl } from './ports.ts';
import { choose, databaseMissing, POSTGRES_DATABASE, POSTGRES_USER, settings } from './postgres.ts';
import type { UserIds } from './processes.ts';
import type { PostgresPrograms } from './programs.ts';
import type { ProcessSpec } from './supervisor.ts';

/**
 * A primary of PostgreSQL and its standbys under Patroni, as private instances. ZooKeeper holds who leads.
 * Patroni starts the servers, makes standbys, promotes one when the primary is gone, and makes the old
 * primary a standby when it comes back.
 */

export interface PatroniMember {
  /** Of letters, digits and `-`; unique in the cluster. */
  readonly name: string;
  readonly folder: string;
  readonly logFile: string;
  /** Port of PostgreSQL, and port of Patroni's REST API. */
  readonly port: number;
  readonly restPort: number;
  /** The group that its processes run as, by which a firewall can tell them from those of the others. */
  readonly gid?: number;
}

export interface PatroniCluster {
  /** Name of the cluster below `/flashsale-postgres` in ZooKeeper. */
  readonly scope: string;
  readonly members: readonly PatroniMember[];
  /** `host:port[,host:port…]` */
  readonly zookeeper: string;
  readonly password: string;
  /** The user that the servers run as; PostgreSQL refuses root. Undefined: the present one. */
  readonly user: UserIds | undefined;
  readonly sharedBuffersMb: number;
}

/**
 * ZooKeeper ends the session of a lost primary after this time. Then a standby is promoted.
 * Patroni wants ttl ≥ loop_wait + 2 × retry_timeout.
 */
const TTL_S = 7;
const LOOP_WAIT_S = 1;
const RETRY_TIMEOUT_S = 3;
/**
 * A standby that is silent for this long holds up no COMMIT any more. PostgreSQL's default is 60 s. The
 * standbys keep theirs: one that has given its primary up asks the silent machine for its history, for 3 s,
 * before it looks for the new primary.
 */
const REPLICATION_TIMEOUT = '4s';
/** A path of a socket has at most 107 bytes. */
const SOCKET_FOLDER_MAX = 90;
const CONTACT_TIMEOUT_MS = 1_000;

/** The URL of the database, with all members as hosts. */
export function patroniUrl({ members, password }: PatroniCluster): string {
  const hosts = members.map(({ port }) => `127.0.0.1:${port}`).join(',');
  const database = `${POSTGRES_USER}:${password}@${hosts}/${POSTGRES_DATABASE}`;
  return `postgres://${database}?target_session_attrs=read-write`;
}

/** What all members agree on. It is in ZooKeeper from the first start on; `patronictl edit-config` changes it. */
function agreed({ members }: PatroniCluster) {
  return {
    ttl: TTL_S,
    loop_wait: LOOP_WAIT_S,
    retry_timeout: RETRY_TIMEOUT_S,
    // A COMMIT is on two machines before anybody hears of it. With no standby left it waits.
    synchronous_mode: true,
    synchronous_mode_strict: true,
    // All standbys. With fewer, another standby may be ahead of the one that is promoted. Then it is rewound,
    // which takes 20 s, and meanwhile a COMMIT finds no standby.
    synchronous_node_count: members.length - 1,
    // A crashed primary is not waited for while a standby has all that it has.
    primary_start_timeout: 0,
    master_start_timeout: 0,
    // While ZooKeeper is away, the primary goes on if it reaches all members.
    failsafe_mode: true,
    postgresql: {
      use_pg_rewind: true,
      // A new primary has no slots for its standbys until its next round. Kept WAL serves as well.
      use_slots: false,
      parameters: {
        wal_keep_size: '1GB',
        max_connections: 200,
        max_wal_senders: 10,
        wal_sender_timeout: REPLICATION_TIMEOUT,
        wal_retrieve_retry_interval: '500ms',
        max_standby_streaming_delay: '5s',
        hot_standby_feedback: true,
      },
    },
  };
}

function configuration(cluster: PatroniCluster, member: PatroniMember, bin: string, conf: string) {
  const { scope, password, zookeeper } = cluster;
  const { name, folder, port, restPort } = member;
  const host = '127.0.0.1/32';
  // Patroni's own session must not depend on the network: when that is cut, a Patroni that waits for its
  // server forgets to step down, and later takes the lead back from the new primary.
  if (folder.length > SOCKET_FOLDER_MAX) {
    throw new Error(
      `${folder} is too long for a socket: at most ${SOCKET_FOLDER_MAX} characters. FLASHSALE_FOLDER sets another folder`,
    );
  }
  return {
    scope,
    name,
    namespace: '/flashsale-postgres/',
    zookeeper: { hosts: zookeeper.split(',') },
    restapi: { listen: `127.0.0.1:${restPort}`, connect_address: `127.0.0.1:${restPort}` },
    bootstrap: {
      dcs: agreed(cluster),
      initdb: [{ encoding: 'UTF8' }, { locale: 'C.UTF-8' }, 'data-checksums'],
    },
    postgresql: {
      listen: `127.0.0.1:${port}`,
      connect_address: `127.0.0.1:${port}`,
      data_dir: join(folder, 'data'),
      bin_dir: bin,
      custom_conf: conf,
      pgpass: join(folder, 'pgpass'),
      authentication: {
        superuser: { username: POSTGRES_USER, password },
        replication: { username: 'flashsale_replication', password },
      },
      use_unix_socket: true,
      pg_hba: [
        'local all all scram-sha-256',
        `host all all ${host} scram-sha-256`,
        `host replication flashsale_replication ${host} scram-sha-256`,
      ],
      parameters: { unix_socket_directories: folder },
      basebackup: [{ checkpoint: 'fast' }],
    },
    // Outside a container there may be no watchdog device.
    watchdog: { mode: 'off' },
  };
}

/** The process id of a member's PostgreSQL; undefined if it does not run. */
export function postmasterPid({ folder }: PatroniMember): number | undefined {
  try {
    const [pid] = readFileSync(join(folder, 'data/postmaster.pid'), 'utf8').split('\n');
    return Number(pid) || undefined;
  } catch {
    return undefined;
  }
}

/** The role that a member reports: `primary` or `replica`; undefined if it does not run or answer. */
async function patroniRole(member: PatroniMember): Promise<string | undefined> {
  try {
    const signal = AbortSignal.timeout(CONTACT_TIMEOUT_MS);
    const response = await fetch(`${loopbackUrl(member.restPort)}/patroni`, { signal });
    const { role, state } = (await response.json()) as { role?: string; state?: string };
    return state === 'running' ? role?.replace('master', 'primary') : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Returns how to run the members. Each is ready when its server runs and, for the primary, has the
 * database.
 *
 * @throws {Error} when no installed version of PostgreSQL can serve a folder
 */
export function preparePatroni(
  cluster: PatroniCluster,
  programs: { readonly patroni: string; readonly postgres: readonly PostgresPrograms[] },
): ProcessSpec[] {
  return cluster.members.map((member) => {
    const { name, folder, logFile, port } = member;
    const { gid = cluster.user?.gid } = member;
    const user = cluster.user && gid !== undefined ? { ...cluster.user, gid } : cluster.user;
    const own = (path: string) => {
      if (user !== undefined) chownSync(path, user.uid, user.gid);
    };
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    own(folder);
    const { bin } = choose(programs.postgres, join(folder, 'data'));
    const conf = join(folder, 'flashsale.conf');
    const file = join(folder, 'patroni.yml');
    const { sharedBuffersMb } = cluster;
    writeFileSync(conf, settings({ port, sharedBuffersMb }), { mode: 0o600 });
    // Every JSON text is YAML.
    const text = JSON.stringify(configuration(cluster, member, bin, conf), undefined, 2);
    writeFileSync(file, text, { mode: 0o600 });
    own(conf);
    own(file);
    return {
      name: `patroni-${name}`,
      command: programs.patroni,
      args: [file],
      env: { LC_ALL: 'C.UTF-8', TZ: 'UTC', PATH: `${bin}:/usr/bin:/bin`, HOME: folder },
      cwd: folder,
      logFile,
      user,
      stopSignal: 'SIGTERM',
      stopGraceMs: 30_000,
      readyTimeoutMs: 300_000,
      async notReady() {
        const role = await patroniRole(member);
        if (role !== 'primary') return role === undefined ? `${name} does not run yet` : undefined;
        return databaseMissing(bin, port, cluster.password);
      },
    };
  });
}
