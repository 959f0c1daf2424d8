import { execFile, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ensurePackages } from '../../ops/stack/packages.ts';
import { type PatroniCluster, patroniUrl, preparePatroni } from '../../ops/stack/patroni.ts';
import { membersIn, PatroniMembers } from '../../ops/stack/patroni-members.ts';
import { freePort } from '../../ops/stack/ports.ts';
import { endProcess, userIds } from '../../ops/stack/processes.ts';
import {
  FAILOVER_PACKAGES,
  findPatroni,
  findPostgres,
  findZookeeper,
} from '../../ops/stack/programs.ts';
import { createProgress } from '../../ops/stack/progress.ts';
import { type ProcessRecord, Supervisor } from '../../ops/stack/supervisor.ts';
import { TestFolder } from '../../ops/stack/test-folder.ts';
import { prepareZookeeper } from '../../ops/stack/zookeeper.ts';
import { until } from '../until.ts';

/** A primary and two standbys under Patroni, with a ZooKeeper of their own. */
export interface Trio {
  /** A superuser's URL with all three hosts. */
  readonly url: string;
  /** The member that leads. */
  primary(): Promise<string>;
  /** Waits until all other members are standbys that hold each COMMIT. */
  whole(): Promise<void>;
  /** A standby that each COMMIT waits for. */
  synchronous(): Promise<string>;
  /** Kills the member's Patroni and its PostgreSQL with all processes. */
  kill(name: string): Promise<void>;
  /** Starts a killed member again. */
  start(name: string): Promise<void>;
  freeze(name: string): void;
  thaw(name: string): void;
  /** Drops everything that the member sends, so that nothing it hears gets an answer. Needs root. */
  cutOff(name: string): Promise<void>;
  rejoin(name: string): Promise<void>;
  stopZookeeper(): Promise<void>;
  startZookeeper(): Promise<void>;
  /** Waits until a primary has decided to go on without ZooKeeper. */
  untilSafe(name: string): Promise<void>;
  remove(): Promise<void>;
}

const PASSWORD = 'breakable';
const KILL_MS = 60_000;
const NAMES = ['one', 'two', 'three'] as const;

/** No such groups need to exist. The firewall drops what processes of a group send. */
const GIDS_FROM = 64_100;
const run = promisify(execFile);

const FIREWALL = { env: { PATH: '/usr/sbin:/sbin:/usr/bin:/bin' } };

/** Whether this process may write rules of the firewall: root may, but not in every container. */
export function canCutOff(): boolean {
  return spawnSync('iptables', ['--wait', '--list', 'OUTPUT'], FIREWALL).status === 0;
}

/** Adds or removes the rule that drops everything that processes of this group send. */
async function dropFrom(gid: number, how: '--append' | '--delete'): Promise<void> {
  const owner = ['--match', 'owner', '--gid-owner', String(gid)];
  await run('iptables', ['--wait', how, 'OUTPUT', ...owner, '--jump', 'DROP'], FIREWALL);
}

export async function startTrio(): Promise<Trio> {
  const machine = { path: process.env['PATH'] ?? '', root: '/' };
  await ensurePackages(
    FAILOVER_PACKAGES,
    machine,
    createProgress(() => {}),
  );
  const programs = { patroni: findPatroni(machine), postgres: findPostgres(machine) };
  const zookeeper = findZookeeper(machine);
  if (zookeeper === undefined) throw new Error('ZooKeeper is not installed');
  const isRoot = process.getuid?.() === 0;
  const cut = new Set<number>();
  const home = new TestFolder();
  const onChange = (processes: readonly ProcessRecord[]) => home.note(processes);
  const supervisor = new Supervisor({ say: () => {}, onChange, restart: false });
  const zkPort = await freePort();
  const zk = prepareZookeeper(
    {
      folder: join(home.path, 'zookeeper'),
      port: zkPort,
      logFile: join(home.path, 'zookeeper.log'),
    },
    zookeeper,
  );
  const placed = await membersIn(home.path, home.path, NAMES);
  const members = placed.map((member, index) => ({
    ...member,
    ...(isRoot && { gid: GIDS_FROM + (zkPort % 1_000) * NAMES.length + index }),
  }));
  const cluster: PatroniCluster = {
    scope: 'shop',
    members,
    zookeeper: `127.0.0.1:${zkPort}`,
    password: PASSWORD,
    user: isRoot ? userIds('postgres') : undefined,
    sharedBuffersMb: 128,
  };
  const specs = preparePatroni(cluster, programs);
  const trio = new PatroniMembers(cluster, specs, supervisor);
  const holding = async (role: string) => {
    const found = [...(await trio.roles())].find(([, each]) => each === role);
    return found?.[0];
  };
  const remove = async () => {
    await trio.end();
    await supervisor.stop(
      [...specs, zk].map(({ name }) => name),
      { discard: true },
    );
    for (const gid of cut) await dropFrom(gid, '--delete');
    home.remove();
  };
  try {
    await supervisor.start(zk);
    await trio.startAll();
  } catch (error) {
    await remove();
    throw error;
  }
  return {
    url: patroniUrl(cluster),
    primary: () => until('a member leads', () => holding('leader')),
    synchronous: () => until('a standby holds each COMMIT', () => holding('sync_standby')),
    whole: async () => void (await until('each member runs', () => trio.areWhole())),
    kill: (name) => trio.kill(name),
    start: (name) => trio.start(name),
    freeze: (name) => trio.signal(name, 'SIGSTOP'),
    thaw: (name) => trio.signal(name, 'SIGCONT'),
    async cutOff(name) {
      const { gid } = trio.member(name);
      if (gid === undefined) throw new Error('only root can cut a member off');
      await dropFrom(gid, '--append');
      cut.add(gid);
    },
    async rejoin(name) {
      const { gid } = trio.member(name);
      if (gid === undefined || !cut.delete(gid)) return;
      await dropFrom(gid, '--delete');
    },
    async stopZookeeper() {
      const record = supervisor.records().find(({ name }) => name === zk.name);
      if (record !== undefined) await endProcess(record, { signal: 'SIGKILL', graceMs: KILL_MS });
    },
    startZookeeper: () => supervisor.start(zk),
    async untilSafe(name) {
      const log = () => readFileSync(trio.member(name).logFile, 'utf8');
      await until('it goes on', () => log().includes('failsafe mode is enabled and all members'));
    },
    remove,
  };
}
