import { execFile } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ensureServerPackages } from '../../ops/stack/native.ts';
import { freePort } from '../../ops/stack/ports.ts';
import { endProcess } from '../../ops/stack/processes.ts';
import { findRabbit } from '../../ops/stack/programs.ts';
import { createProgress } from '../../ops/stack/progress.ts';
import { prepareRabbit, RABBIT_USER, RABBIT_VHOST, rabbitUrls } from '../../ops/stack/rabbitmq.ts';
import { Supervisor } from '../../ops/stack/supervisor.ts';
import { TestFolder } from '../../ops/stack/test-folder.ts';

/** Private RabbitMQ nodes of one test file: first separate, then a cluster. */
export interface Brokers {
  /** URL of the first node. */
  readonly url: string;
  /** URL that names all nodes. */
  readonly clusterUrl: string;
  readonly managementUrl: string;
  readonly names: readonly string[];
  /** Node names as RabbitMQ shows them. */
  readonly nodes: readonly string[];
  /** `host:port` of each node. */
  readonly hosts: readonly string[];
  /** Runs a tool of RabbitMQ (`rabbitmqctl`, `rabbitmq-queues`) for the first node. */
  tool(name: string, ...args: string[]): Promise<string>;
  /** Runs an Erlang expression in a node. */
  evaluate(name: string, expression: string): Promise<string>;
  /** Lets a node join the first, without data. */
  join(name: string): Promise<void>;
  kill(...names: string[]): Promise<void>;
  /** Stops nodes (SIGSTOP) or lets them go on (SIGCONT). */
  signal(signal: 'SIGSTOP' | 'SIGCONT', ...names: string[]): void;
  /** Starts killed nodes, all at once: none is ready before a majority is. */
  start(...names: string[]): Promise<void>;
  /** Starts a killed node without its data and lets it join, as the node that replaces it would. */
  replace(name: string): Promise<void>;
  remove(): Promise<void>;
}

const PASSWORD = 'cluster';
const COOKIE = 'COOKIEOFTHEBROKERS';
/** Ends a tool that hangs; far longer than any machine needs. */
const TOOL_TIMEOUT_MS = 180_000;
/** How often nodes that were killed together are started together. */
const STARTS_MAX = 5;
const run = promisify(execFile);

export async function startBrokers(names: readonly [string, ...string[]]): Promise<Brokers> {
  const machine = { path: process.env['PATH'] ?? '', root: '/' };
  const progress = createProgress(() => {});
  await ensureServerPackages({ wanted: ['rabbitmq'], machine, progress });
  const programs = findRabbit(machine);
  if (programs === undefined) throw new Error('RabbitMQ is not installed');
  const home = new TestFolder();
  const supervisor = new Supervisor({
    say: () => {},
    onChange: (processes) => home.note(processes),
    restart: false,
  });
  const epmd = await freePort();
  const prepare = async (name: string, management: boolean) => {
    const folder = join(home.path, name);
    const ports = {
      amqp: await freePort(),
      management: management ? await freePort() : undefined,
      epmd,
      distribution: await freePort(),
    };
    const cluster = { nodeName: `${name}@localhost`, nodes: [], cookie: COOKIE };
    const logFolder = join(folder, 'logs');
    const instance = { folder, ports, password: PASSWORD, logFolder, cluster };
    return { ...prepareRabbit(instance, programs), folder, nodeName: cluster.nodeName, ports };
  };
  const [head, ...tail] = names;
  const first = await prepare(head, true);
  const others = await Promise.all(tail.map((name) => prepare(name, false)));
  const all = [first, ...others];
  const nodeOf = (name: string) => all[names.indexOf(name)] as typeof first;
  const remove = async () => {
    await supervisor.stop(names, { discard: true });
    await supervisor.stop([first.mapper.name]);
    home.remove();
  };
  try {
    await supervisor.start(first.mapper);
    await Promise.all(all.map(({ broker }) => supervisor.start(broker)));
  } catch (error) {
    await remove();
    throw error;
  }
  const recordsOf = (wanted: readonly string[]) =>
    supervisor.records().filter(({ name }) => wanted.includes(name));
  const control = (name: string, ...args: string[]) =>
    run(join(nodeOf(name).folder, 'rabbitmqctl'), args, { timeout: TOOL_TIMEOUT_MS });
  /** What rabbitmqctl's stop_app, reset, join_cluster and start_app call, in one start of the tool. */
  const joinFirst = (name: string) =>
    control(
      name,
      'eval',
      `ok = rabbit:stop(), ok = rabbit_mnesia:reset(),
       ok = rabbit_mnesia:join_cluster('${first.nodeName}', disc), ok = rabbit:start().`,
    );
  const kill = async (killed: readonly string[]) => {
    const end = { signal: 'SIGKILL', graceMs: 10_000 } as const;
    await Promise.all(recordsOf(killed).map((record) => endProcess(record, end)));
  };
  /**
   * Some nodes of RabbitMQ 3.10 that start at the same moment end when they agree on feature flags (`badmap`), and
   * those that go on wait for tables of the others, also if these are started once more. Then all are started anew.
   */
  const startTogether = async (started: readonly string[], starts = 1): Promise<void> => {
    const starting = started.map((name) => supervisor.start(nodeOf(name).broker));
    try {
      await Promise.all(starting);
    } catch (error) {
      if (starts >= STARTS_MAX) throw error;
      console.log(`${started.join(', ')} are started anew: ${String(error).slice(0, 200)}`);
      await kill(started);
      await Promise.allSettled(starting);
      await startTogether(started, starts + 1);
    }
  };
  const urls = rabbitUrls(first.ports, PASSWORD);
  const hosts = all.map(({ ports }) => `127.0.0.1:${ports.amqp}`);
  return {
    url: urls.amqp,
    clusterUrl: `amqp://${RABBIT_USER}:${PASSWORD}@${hosts.join(',')}/${RABBIT_VHOST}`,
    managementUrl: urls.management ?? '',
    names,
    nodes: all.map(({ nodeName }) => nodeName),
    hosts,
    async tool(name, ...args) {
      const program = programs.server.replace(/rabbitmq-server$/, name);
      const { stdout } = await run(program, ['-n', first.nodeName, ...args], {
        env: { ...first.broker.env },
        timeout: TOOL_TIMEOUT_MS,
      });
      return stdout;
    },
    async evaluate(name, expression) {
      return (await control(name, 'eval', expression)).stdout;
    },
    async join(name) {
      await joinFirst(name);
    },
    kill: (...killed) => kill(killed),
    signal(signal, ...signalled) {
      for (const { pid } of recordsOf(signalled)) process.kill(pid, signal);
    },
    start: (...started) => startTogether(started),
    async replace(name) {
      await control(head, 'forget_cluster_node', nodeOf(name).nodeName);
      rmSync(join(nodeOf(name).folder, 'data'), { recursive: true });
      await supervisor.start(nodeOf(name).broker);
      await joinFirst(name);
    },
    remove,
  };
}
