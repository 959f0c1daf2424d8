import { execFile } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ensureServerPackages } from '../../ops/stack/native.ts';
import { freePort } from '../../ops/stack/ports.ts';
import { endProcess } from '../../ops/stack/processes.ts';
import { findRabbit } from '../../ops/stack/programs.ts';
import { createProgress } from '../../ops/stack/progress.ts';
import { prepareRabbit, type RabbitPorts, rabbitUrls } from '../../ops/stack/rabbitmq.ts';
import { Supervisor } from '../../ops/stack/supervisor.ts';
import { TestFolder } from '../../ops/stack/test-folder.ts';

/** Two private RabbitMQ nodes of one test file: first separate, then a cluster. */
export interface TwoBrokers {
  /** URL of the first node. */
  readonly url: string;
  readonly managementUrl: string;
  readonly nodes: readonly [string, string];
  /** Runs a tool of RabbitMQ (`rabbitmqctl`, `rabbitmq-queues`) for the first node. */
  tool(name: string, ...args: string[]): Promise<string>;
  /** Lets the second node join the first, without data. */
  join(): Promise<void>;
  killSecond(): Promise<void>;
  startSecond(): Promise<void>;
  remove(): Promise<void>;
}

const PASSWORD = 'cluster';
const COOKIE = 'COOKIEOFTWOBROKERS';
const NAMES = ['first', 'second'] as const;
/** Ends a tool that hangs; far longer than any machine needs. */
const TOOL_TIMEOUT_MS = 180_000;
const run = promisify(execFile);

export async function startTwoBrokers(): Promise<TwoBrokers> {
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
  const prepare = async (name: string) => {
    const folder = join(home.path, name);
    mkdirSync(folder, { recursive: true });
    // The shared secret of the cluster's nodes.
    writeFileSync(join(folder, '.erlang.cookie'), COOKIE, { mode: 0o400 });
    const ports: RabbitPorts = {
      amqp: await freePort(),
      management: await freePort(),
      epmd,
      distribution: await freePort(),
    };
    const nodeName = `${name}@localhost`;
    const logFolder = join(folder, 'logs');
    const instance = { folder, ports, password: PASSWORD, logFolder, nodeName };
    const { mapper, broker } = prepareRabbit(instance, programs);
    return { mapper, broker: { ...broker, name }, folder, nodeName, ports };
  };
  const [first, second] = [await prepare(NAMES[0]), await prepare(NAMES[1])];
  const remove = async () => {
    await supervisor.stop(NAMES, { discard: true });
    await supervisor.stop([first.mapper.name]);
    home.remove();
  };
  try {
    await supervisor.start(first.mapper);
    await Promise.all([supervisor.start(first.broker), supervisor.start(second.broker)]);
  } catch (error) {
    await remove();
    throw error;
  }
  const control = async (folder: string, ...args: string[]) => {
    await run(join(folder, 'rabbitmqctl'), args, { timeout: TOOL_TIMEOUT_MS });
  };
  const urls = rabbitUrls(first.ports, PASSWORD);
  return {
    url: urls.amqp,
    managementUrl: urls.management ?? '',
    nodes: [first.nodeName, second.nodeName],
    async tool(name, ...args) {
      const program = programs.server.replace(/rabbitmq-server$/, name);
      const { stdout } = await run(program, ['-n', first.nodeName, ...args], {
        env: { ...first.broker.env },
        timeout: TOOL_TIMEOUT_MS,
      });
      return stdout;
    },
    async join() {
      await control(second.folder, 'stop_app');
      await control(second.folder, 'reset');
      await control(second.folder, 'join_cluster', first.nodeName);
      await control(second.folder, 'start_app');
      await control(second.folder, 'await_startup');
    },
    async killSecond() {
      const record = supervisor.records().find(({ name }) => name === NAMES[1]);
      if (record !== undefined) await endProcess(record, { signal: 'SIGKILL', graceMs: 10_000 });
    },
    startSecond: () => supervisor.start(second.broker),
    remove,
  };
}
