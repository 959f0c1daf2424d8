import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ensureServerPackages } from '../../ops/stack/native.ts';
import { freePort } from '../../ops/stack/ports.ts';
import { endProcess } from '../../ops/stack/processes.ts';
import { findRabbit } from '../../ops/stack/programs.ts';
import { createProgress } from '../../ops/stack/progress.ts';
import { prepareRabbit, rabbitUrls } from '../../ops/stack/rabbitmq.ts';
import { Supervisor } from '../../ops/stack/supervisor.ts';
import { TestFolder } from '../../ops/stack/test-folder.ts';
import { makeCertificate } from '../certificate.ts';

/** A private broker of one test file, which may be killed and starved of memory. */
export interface PrivateBroker {
  readonly url: string;
  /** The same with TLS, without the parameter that names the authority. */
  readonly tlsUrl: string;
  /** The file of the authority. */
  readonly certificate: string;
  rabbitmqctl(...args: string[]): Promise<void>;
  /**
   * Makes RabbitMQ 3.10 write the names of new quorum queues, which it keeps in memory for some
   * seconds. A broker killed before that restarts with queues that never elect a leader.
   */
  flush(): Promise<void>;
  /** Kills the broker like a power failure; resolves when it has ended. */
  kill(): Promise<void>;
  start(): Promise<void>;
  remove(): Promise<void>;
}

const PASSWORD = 'private';
const KILL_GRACE_MS = 10_000;
const run = promisify(execFile);

export async function startPrivateBroker(): Promise<PrivateBroker> {
  const machine = { path: process.env['PATH'] ?? '', root: '/' };
  const progress = createProgress(() => {});
  await ensureServerPackages({ wanted: ['rabbitmq'], machine, progress });
  const programs = findRabbit(machine);
  if (programs === undefined) throw new Error('RabbitMQ is not installed');
  const home = new TestFolder();
  const folder = home.path;
  const ports = {
    amqp: await freePort(),
    epmd: await freePort(),
    distribution: await freePort(),
  };
  const supervisor = new Supervisor({
    say: () => {},
    onChange: (processes) => home.note(processes),
    restart: false,
  });
  const tls = { port: await freePort(), ...makeCertificate(join(folder, 'tls')) };
  const instance = { folder, ports, tls, password: PASSWORD, logFolder: join(folder, 'logs') };
  const { mapper, broker } = prepareRabbit(instance, programs);
  await supervisor.start(mapper);
  await supervisor.start(broker);
  const rabbitmqctl = async (...args: string[]) => {
    await run(join(folder, 'rabbitmqctl'), args);
  };
  return {
    url: rabbitUrls(ports, PASSWORD).amqp,
    tlsUrl: rabbitUrls({ ...ports, amqp: tls.port }, PASSWORD).amqp.replace('amqp:', 'amqps:'),
    certificate: tls.certificate,
    rabbitmqctl,
    flush: () => rabbitmqctl('eval', '[ok = dets:sync(Table) || Table <- dets:all()].'),
    async kill() {
      const record = supervisor.records().find(({ name }) => name === broker.name);
      if (record === undefined) return;
      process.kill(-record.pid, 'SIGKILL');
      await endProcess(record, { signal: 'SIGKILL', graceMs: KILL_GRACE_MS });
    },
    start: () => supervisor.start(broker),
    async remove() {
      await supervisor.stop([broker.name]);
      await supervisor.stop([mapper.name]);
      home.remove();
    },
  };
}
