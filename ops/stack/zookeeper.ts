import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { exchange } from './ports.ts';
import type { ZookeeperPrograms } from './programs.ts';
import type { ProcessSpec } from './supervisor.ts';

/** A private ZooKeeper server: alone, or a member of an ensemble. */

export interface ZookeeperInstance {
  readonly folder: string;
  readonly port: number;
  readonly logFile: string;
  /** Given only to a member of an ensemble. */
  readonly ensemble?: ZookeeperEnsemble;
}

export interface ZookeeperEnsemble {
  /** From 1. */
  readonly id: number;
  /** Ports of all members, in the order of their ids. */
  readonly members: readonly { readonly peer: number; readonly election: number }[];
}

const CONTACT_TIMEOUT_MS = 1_000;

function ensembleSettings({ members }: ZookeeperEnsemble): string {
  const servers = members.map(
    ({ peer, election }, index) => `server.${index + 1}=127.0.0.1:${peer}:${election}\n`,
  );
  return `# In ticks.\ninitLimit=20\nsyncLimit=4\n${servers.join('')}`;
}

function settings(dataFolder: string, { port, ensemble }: ZookeeperInstance): string {
  return `# Written at each start.
dataDir=${dataFolder}
clientPort=${port}
clientPortAddress=127.0.0.1
# Sessions end in steps of a tick: a dead web node is noticed the sooner.
tickTime=500
minSessionTimeout=1000
maxSessionTimeout=60000
# The default of 60 connections an address is for a machine of many hosts; here all come from one.
maxClientCnxns=0
admin.enableServer=false
4lw.commands.whitelist=ruok,srvr,stat,mntr,conf,cons,wchs,isro
autopurge.snapRetainCount=3
autopurge.purgeInterval=1
${ensemble === undefined ? '' : ensembleSettings(ensemble)}`;
}

/** Whether a ZooKeeper server serves requests, according to its `srvr` command. */
export async function servesZookeeper(host: string, port: number): Promise<boolean> {
  const answer = await exchange({ host, port }, 'srvr', CONTACT_TIMEOUT_MS);
  return answer?.toString('latin1').startsWith('Zookeeper version') ?? false;
}

export function prepareZookeeper(
  instance: ZookeeperInstance,
  programs: ZookeeperPrograms,
): ProcessSpec {
  const { folder, port, ensemble } = instance;
  const dataFolder = join(folder, 'data');
  mkdirSync(dataFolder, { recursive: true, mode: 0o700 });
  const settingsFile = join(folder, 'zoo.cfg');
  writeFileSync(settingsFile, settings(dataFolder, instance), { mode: 0o600 });
  // ZooKeeper refuses a log without a snapshot as damaged unless the folder is new. A server that is
  // killed in its first seconds leaves exactly that.
  const isFresh = !existsSync(join(dataFolder, 'version-2'));
  if (isFresh) writeFileSync(join(dataFolder, 'initialize'), '');
  if (ensemble !== undefined) writeFileSync(join(dataFolder, 'myid'), String(ensemble.id));
  const options = ['-Xmx256m', '-XX:+UseSerialGC', '-XX:-UsePerfData', '-XX:TieredStopAtLevel=1'];
  const logging = [
    '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn',
    '-Dorg.slf4j.simpleLogger.showDateTime=true',
    '-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd HH:mm:ss.SSS',
  ];
  const zookeeper = ['-Dzookeeper.jmx.log4j.disable=true'];
  const main = 'org.apache.zookeeper.server.quorum.QuorumPeerMain';
  return {
    name: ensemble === undefined ? 'zookeeper' : `zookeeper-${ensemble.id}`,
    command: programs.java,
    args: [...options, ...logging, ...zookeeper, '-cp', programs.classPath, main, settingsFile],
    env: { LC_ALL: 'C.UTF-8', PATH: '/usr/bin:/bin' },
    cwd: folder,
    logFile: instance.logFile,
    stopSignal: 'SIGTERM',
    stopGraceMs: 5_000,
    readyTimeoutMs: 300_000,
    notReady: async () =>
      (await servesZookeeper('127.0.0.1', port)) ? undefined : `no answer on ${port}`,
  };
}
