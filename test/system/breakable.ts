import { join } from 'node:path';
import { ensureServerPackages } from '../../ops/stack/native.ts';
import { freePort } from '../../ops/stack/ports.ts';
import { postgresUrl, preparePostgres } from '../../ops/stack/postgres.ts';
import { signalFamily } from '../../ops/stack/process-family.ts';
import { endProcess, userIds } from '../../ops/stack/processes.ts';
import { findPostgres, findRabbit, findZookeeper } from '../../ops/stack/programs.ts';
import { createProgress } from '../../ops/stack/progress.ts';
import { prepareRabbit, rabbitUrls } from '../../ops/stack/rabbitmq.ts';
import { SERVER_NAMES, type ServerName, type Servers } from '../../ops/stack/servers.ts';
import { type ProcessSpec, Supervisor } from '../../ops/stack/supervisor.ts';
import { TestFolder } from '../../ops/stack/test-folder.ts';
import { prepareZookeeper } from '../../ops/stack/zookeeper.ts';

/** Separate servers for one test file, which it can stop, freeze and start again. */
export interface BreakableServers extends Servers {
  /** Port of RabbitMQ's own metrics, if asked for. */
  readonly rabbitMetrics: number | undefined;
  stop(name: ServerName): Promise<void>;
  start(name: ServerName): Promise<void>;
  /** Suspends every process of the server: its sockets stay open and nothing answers. */
  freeze(name: ServerName): void;
  thaw(name: ServerName): void;
  remove(): Promise<void>;
}

const PASSWORD = 'breakable';

export async function startBreakableServers({
  withRabbitMetrics = false,
}: {
  readonly withRabbitMetrics?: boolean;
} = {}): Promise<BreakableServers> {
  const machine = { path: process.env['PATH'] ?? '', root: '/' };
  await ensureServerPackages({ wanted: SERVER_NAMES, machine, progress: createProgress(() => {}) });
  const [rabbit, zookeeper] = [findRabbit(machine), findZookeeper(machine)];
  if (!rabbit || !zookeeper) throw new Error('RabbitMQ or ZooKeeper is not installed');
  const home = new TestFolder();
  const at = (name: string) => join(home.path, name);
  const supervisor = new Supervisor({
    say: () => {},
    onChange: (processes) => home.note(processes),
    restart: false,
  });
  const ports = {
    amqp: await freePort(),
    management: undefined,
    metrics: withRabbitMetrics ? await freePort() : undefined,
    epmd: await freePort(),
    distribution: await freePort(),
  };
  const zookeeperPort = await freePort();
  const database = {
    folder: at('postgres'),
    port: await freePort(),
    password: PASSWORD,
    logFile: at('postgres.log'),
    user: process.getuid?.() === 0 ? userIds('postgres') : undefined,
    sharedBuffersMb: 128,
  };
  const instance = { folder: at('rabbitmq'), ports, password: PASSWORD, logFolder: at('logs') };
  const { mapper, broker } = prepareRabbit(instance, rabbit);
  const specs: Record<ServerName, ProcessSpec> = {
    postgres: await preparePostgres(database, findPostgres(machine)),
    rabbitmq: broker,
    zookeeper: prepareZookeeper(
      { folder: at('zookeeper'), port: zookeeperPort, logFile: at('zookeeper.log') },
      zookeeper,
    ),
  };
  const record = (name: ServerName) => {
    const found = supervisor.records().find((each) => each.name === specs[name].name);
    if (found === undefined) throw new Error(`${name} does not run`);
    return found;
  };
  const signal = (name: ServerName, how: NodeJS.Signals) => signalFamily(record(name).pid, how);
  const remove = async () => {
    await supervisor.stop(
      SERVER_NAMES.map((name) => specs[name].name),
      { discard: true },
    );
    await supervisor.stop([mapper.name]);
    home.remove();
  };
  try {
    await supervisor.start(mapper);
    await Promise.all(Object.values(specs).map((spec) => supervisor.start(spec)));
  } catch (error) {
    await remove();
    throw error;
  }
  return {
    databaseUrl: postgresUrl(database),
    rabbitMetrics: ports.metrics,
    amqpUrl: rabbitUrls(ports, PASSWORD).amqp,
    zookeeper: `127.0.0.1:${zookeeperPort}`,
    async stop(name) {
      const { stopSignal, stopGraceMs, ...identity } = record(name);
      await endProcess(identity, { signal: stopSignal, graceMs: stopGraceMs });
    },
    start: (name) => supervisor.start(specs[name]),
    freeze: (name) => signal(name, 'SIGSTOP'),
    thaw: (name) => signal(name, 'SIGCONT'),
    remove,
  };
}
