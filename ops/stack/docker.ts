import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { POSTGRES_DATABASE, POSTGRES_USER } from './postgres.ts';
import { type Machine, which } from './programs.ts';
import type { Progress } from './progress.ts';
import { RABBIT_USER, RABBIT_VHOST } from './rabbitmq.ts';
import type { ServerName, Servers } from './servers.ts';

/** Runs the three servers of `npm start` in Docker with `docker compose`. */

const ENGINE_ANSWER_TIMEOUT_MS = 5_000;
/** Long, because the first start pulls the images. */
const UP_TIMEOUT_MS = 15 * 60_000;
const STOP_TIMEOUT_MS = 60_000;

const run = promisify(execFile);

/** Whether a Docker engine answers; false if there is only a client or the engine hangs. */
export async function dockerAnswers(machine: Machine): Promise<boolean> {
  const docker = which('docker', machine);
  if (docker === undefined) return false;
  try {
    const format = ['version', '--format', '{{.Server.Version}}'];
    const { stdout } = await run(docker, format, { timeout: ENGINE_ANSWER_TIMEOUT_MS });
    return /^\d/.test(stdout);
  } catch {
    return false;
  }
}

export interface ComposeOptions {
  /** Root of the project, where docker-compose.yml is. */
  readonly root: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly ports: {
    readonly postgres: number;
    readonly amqp: number;
    readonly zookeeper: number;
  };
  readonly passwords: { readonly postgres: string; readonly rabbitmq: string };
}

/** Compose project of one clone, so that clones do not share containers and volumes. */
export function composeProject(root: string): string {
  return `flashsale-${createHash('sha256').update(root).digest('hex').slice(0, 8)}`;
}

async function compose(options: ComposeOptions, args: readonly string[], timeout: number) {
  const { ports, passwords } = options;
  const env = {
    ...options.environment,
    POSTGRES_PORT: String(ports.postgres),
    AMQP_PORT: String(ports.amqp),
    ZOOKEEPER_PORT: String(ports.zookeeper),
    POSTGRES_PASSWORD: passwords.postgres,
    RABBITMQ_PASSWORD: passwords.rabbitmq,
  };
  const project = ['compose', '--project-name', composeProject(options.root)];
  try {
    await run('docker', [...project, ...args], { cwd: options.root, env, timeout });
  } catch (error) {
    const { stderr, message } = error as { stderr?: string; message: string };
    const lines = (stderr || message).trim().split('\n').slice(-10).join('\n');
    throw new Error(`docker compose ${args.join(' ')}:\n${lines}`);
  }
}

/** @throws {Error} with Docker's message when an image or a container is not available */
export async function startCompose(
  wanted: readonly ServerName[],
  options: ComposeOptions,
  progress: Progress,
): Promise<Partial<Servers>> {
  const { ports, passwords } = options;
  await progress.step(`starting ${wanted.join(', ')} with docker compose`, () =>
    compose(options, ['up', '--detach', '--wait', ...wanted], UP_TIMEOUT_MS),
  );
  const login = `${RABBIT_USER}:${passwords.rabbitmq}@127.0.0.1`;
  const database = `${POSTGRES_USER}:${passwords.postgres}@127.0.0.1:${ports.postgres}`;
  const all: Record<ServerName, Partial<Servers>> = {
    postgres: { databaseUrl: `postgres://${database}/${POSTGRES_DATABASE}` },
    rabbitmq: { amqpUrl: `amqp://${login}:${ports.amqp}/${RABBIT_VHOST}` },
    zookeeper: { zookeeper: `127.0.0.1:${ports.zookeeper}` },
  };
  return Object.assign({}, ...wanted.map((name) => all[name]));
}

/** Stops the containers; their data stay in volumes. Never throws, also if there are none. */
export async function stopCompose(options: ComposeOptions): Promise<void> {
  await compose(options, ['stop', 'rabbitmq', 'postgres', 'zookeeper'], STOP_TIMEOUT_MS).catch(
    () => {},
  );
}
