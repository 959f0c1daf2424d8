import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { accepts, exchange } from './ports.ts';
import type { RabbitPrograms } from './programs.ts';
import type { ProcessSpec } from './supervisor.ts';

/** A private RabbitMQ node with its own port mapper (epmd), separate from the system's. */

export interface RabbitInstance {
  readonly folder: string;
  readonly ports: RabbitPorts;
  readonly password: string;
  readonly logFolder: string;
  /** Given only to a node of a cluster. */
  readonly cluster?: RabbitCluster;
  /** A second listener with TLS: its port, and files. */
  readonly tls?: { readonly port: number; readonly certificate: string; readonly key: string };
}

export interface RabbitCluster {
  readonly nodeName: string;
  /** Nodes that form the cluster at their first start. Without them each node starts alone. */
  readonly nodes: readonly string[];
  /** The secret that the nodes share. */
  readonly cookie: string;
}

export interface RabbitPorts {
  readonly amqp: number;
  /**
   * Port of the management API; undefined: no management API. The tests create virtual hosts with it.
   * A sale does not use the plugin, because it takes memory and five seconds of every stop.
   */
  readonly management?: number | undefined;
  /** Port of the plugin rabbitmq_prometheus; undefined: without the plugin. */
  readonly metrics?: number | undefined;
  readonly epmd: number;
  readonly distribution: number;
}

export const RABBIT_USER = 'flashsale';
export const RABBIT_VHOST = 'flashsale';

const CONTACT_TIMEOUT_MS = 1_000;
/** Nodes of a cluster miss a silent one after 0.75 to 1.25 times this. RabbitMQ's default is a minute. */
const NET_TICK_S = 12;
const AMQP_HELLO = Buffer.from('AMQP\x00\x00\x09\x01', 'latin1');

/** `localhost` always resolves. The machine's name may not, and then no node would start. */
const NODE_NAME = 'flashsale@localhost';

function managementSettings(port: number): string {
  return `management.tcp.ip = 127.0.0.1\nmanagement.tcp.port = ${port}\n`;
}

function metricsSettings(port: number): string {
  return `prometheus.tcp.ip = 127.0.0.1\nprometheus.tcp.port = ${port}\n`;
}

function tlsSettings({ port, certificate, key }: NonNullable<RabbitInstance['tls']>): string {
  return `listeners.ssl.local = 127.0.0.1:${port}
ssl_options.certfile = ${certificate}
ssl_options.keyfile = ${key}
`;
}

function clusterSettings({ nodes }: RabbitCluster): string {
  const discovery = 'cluster_formation.peer_discovery_backend = classic_config\n';
  const found = nodes.map(
    (node, index) => `cluster_formation.classic_config.nodes.${index + 1} = ${node}\n`,
  );
  return `# A node that sees no majority closes its connections, so that clients go on to another node. Quorum
# queues confirm nothing there anyway.
cluster_partition_handling = pause_minority
${nodes.length > 0 ? discovery : ''}${found.join('')}`;
}

function settings({ ports, password, cluster, tls }: RabbitInstance): string {
  return `# Written at each start.
listeners.tcp.local = 127.0.0.1:${ports.amqp}
${tls === undefined ? '' : tlsSettings(tls)}${ports.management === undefined ? '' : managementSettings(ports.management)}${ports.metrics === undefined ? '' : metricsSettings(ports.metrics)}${cluster === undefined ? '' : clusterSettings(cluster)}# Made at the first start only, in place of the user guest and the virtual host "/".
default_user = ${RABBIT_USER}
default_pass = ${password}
default_vhost = ${RABBIT_VHOST}
# The write-ahead log is kept in memory until it is full: the default of 512 MB is for servers.
raft.wal_max_size_bytes = 67108864
disk_free_limit.absolute = 200MB
log.console.level = warning
`;
}

function environment({ folder, ports, cluster }: RabbitInstance): Record<string, string> {
  return {
    PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    LC_ALL: 'C.UTF-8',
    HOME: folder,
    ERL_EPMD_PORT: String(ports.epmd),
    ERL_EPMD_ADDRESS: '127.0.0.1',
    RABBITMQ_NODENAME: cluster?.nodeName ?? NODE_NAME,
    RABBITMQ_DIST_PORT: String(ports.distribution),
    // Paths of missing files, so that the system's settings below /etc are not read.
    RABBITMQ_CONF_ENV_FILE: join(folder, 'rabbitmq-env.conf'),
    RABBITMQ_ADVANCED_CONFIG_FILE: join(folder, 'advanced.config'),
    RABBITMQ_CONFIG_FILE: join(folder, 'rabbitmq.conf'),
    RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, 'enabled_plugins'),
    RABBITMQ_MNESIA_BASE: join(folder, 'data'),
    RABBITMQ_LOG_BASE: join(folder, 'log'),
    RABBITMQ_PID_FILE: join(folder, 'rabbitmq.pid'),
    RABBITMQ_LOGS: '-',
    // Schedulers that spin while idle would take CPU time from other processes on a small machine.
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: `+sbwt none +sbwtdcpu none +sbwtdio none -kernel inet_dist_use_interface {127,0,0,1}${cluster === undefined ? '' : ` -kernel net_ticktime ${NET_TICK_S}`}`,
    // Makes the start script exec the server, so that there is only one process to signal.
    RUNNING_UNDER_SYSTEMD: 'true',
  };
}

export function rabbitUrls(
  ports: RabbitPorts,
  password: string,
): { amqp: string; management?: string } {
  const login = `${RABBIT_USER}:${password}@127.0.0.1`;
  return {
    amqp: `amqp://${login}:${ports.amqp}/${RABBIT_VHOST}`,
    ...(ports.management !== undefined && { management: `http://${login}:${ports.management}` }),
  };
}

/** Whether an AMQP 0-9-1 server answers. RabbitMQ opens the port only when it is ready. */
export async function greetsAmqp(host: string, port: number): Promise<boolean> {
  const answer = await exchange({ host, port }, AMQP_HELLO, CONTACT_TIMEOUT_MS);
  // 1 is a method frame (Connection.Start). Anything else is another server or protocol version.
  return answer?.[0] === 1;
}

/** Writes a wrapper for rabbitmqctl, which needs the server's environment to find this node. */
function writeControlScript(instance: RabbitInstance, programs: RabbitPrograms): void {
  const variables = Object.entries(environment(instance))
    .filter(([name]) => name !== 'RUNNING_UNDER_SYSTEMD')
    .map(([name, value]) => `export ${name}='${value}'`);
  const tool = programs.server.replace(/rabbitmq-server$/, 'rabbitmqctl');
  const script = `#!/bin/sh\n# rabbitmqctl for this node. Written at each start.\n${variables.join('\n')}\nexec ${tool} "$@"\n`;
  writeFileSync(join(instance.folder, 'rabbitmqctl'), script, { mode: 0o700 });
}

function writeCookie(folder: string, cookie: string): void {
  const path = join(folder, '.erlang.cookie');
  // Erlang refuses a file that others can read, and does not let its owner write it either.
  rmSync(path, { force: true });
  writeFileSync(path, cookie, { mode: 0o400 });
}

/** Writes the settings and returns how to run the port mapper and, after it, the broker. */
export function prepareRabbit(instance: RabbitInstance, programs: RabbitPrograms) {
  const { folder, ports, logFolder } = instance;
  mkdirSync(join(folder, 'log'), { recursive: true, mode: 0o700 });
  writeFileSync(join(folder, 'rabbitmq.conf'), settings(instance), { mode: 0o600 });
  const plugins = [
    ...(ports.management === undefined ? [] : ['rabbitmq_management']),
    ...(ports.metrics === undefined ? [] : ['rabbitmq_prometheus']),
  ];
  if (instance.cluster !== undefined) writeCookie(folder, instance.cluster.cookie);
  writeFileSync(join(folder, 'enabled_plugins'), `[${plugins.join(',')}].\n`);
  writeControlScript(instance, programs);
  const env = environment(instance);

  const mapper: ProcessSpec = {
    name: 'epmd',
    command: programs.epmd,
    args: ['-port', String(ports.epmd), '-address', '127.0.0.1'],
    env,
    cwd: folder,
    logFile: join(logFolder, 'epmd.log'),
    stopSignal: 'SIGTERM',
    stopGraceMs: 2_000,
    readyTimeoutMs: 300_000,
    notReady: async () =>
      (await accepts('127.0.0.1', ports.epmd, CONTACT_TIMEOUT_MS)) ? undefined : 'no answer',
  };
  const broker: ProcessSpec = {
    name: instance.cluster?.nodeName.split('@')[0] ?? 'rabbitmq',
    command: programs.server,
    args: [],
    env,
    cwd: folder,
    logFile: join(logFolder, 'rabbitmq.log'),
    stopSignal: 'SIGTERM',
    stopGraceMs: 20_000,
    readyTimeoutMs: 300_000,
    notReady: async () =>
      (await greetsAmqp('127.0.0.1', ports.amqp)) ? undefined : `no answer on ${ports.amqp}`,
  };
  return { mapper, broker };
}
