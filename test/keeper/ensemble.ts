import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ensureServerPackages } from '../../ops/stack/native.ts';
import { exchange, freePort } from '../../ops/stack/ports.ts';
import { type Launched, launch } from '../../ops/stack/processes.ts';
import { findZookeeper, type Machine } from '../../ops/stack/programs.ts';
import { createProgress } from '../../ops/stack/progress.ts';
import { TestFolder } from '../../ops/stack/test-folder.ts';
import { until } from '../until.ts';

/** An ensemble of three real, private ZooKeeper servers that can be killed. */

const SIZE = 3;
const TICK_MS = 500;
const AT_ONCE = { stopSignal: 'SIGKILL', stopGraceMs: 1_000 } as const;

interface Member {
  readonly folder: string;
  readonly clientPort: number;
  readonly peerPort: number;
  readonly electionPort: number;
  process: Launched | undefined;
}

export class RealEnsemble {
  readonly #folder = new TestFolder();
  readonly #members: Member[];

  private constructor(ports: readonly number[]) {
    this.#members = Array.from({ length: SIZE }, (_, index) => ({
      folder: join(this.#folder.path, String(index)),
      clientPort: ports[index * 3] ?? 0,
      peerPort: ports[index * 3 + 1] ?? 0,
      electionPort: ports[index * 3 + 2] ?? 0,
      process: undefined,
    }));
  }

  static async start(): Promise<RealEnsemble> {
    const ports: number[] = [];
    for (let count = 0; count < SIZE * 3; count++) {
      ports.push(await freePort());
    }
    const ensemble = new RealEnsemble(ports);
    await Promise.all(ensemble.#members.map((_, index) => ensemble.#launch(index)));
    await until('a leader', () => ensemble.leader());
    await ensemble.#allServe();
    return ensemble;
  }

  get addresses(): string {
    return this.#members.map(({ clientPort }) => `127.0.0.1:${clientPort}`).join(',');
  }

  async #launch(index: number): Promise<void> {
    const machine: Machine = { path: process.env['PATH'] ?? '', root: '/' };
    const progress = createProgress(() => {});
    await ensureServerPackages({ wanted: ['zookeeper'], machine, progress });
    const programs = findZookeeper(machine);
    const member = this.#members[index];
    if (!programs || !member) throw new Error('ZooKeeper is not installed');
    mkdirSync(join(member.folder, 'data'), { recursive: true });
    writeFileSync(join(member.folder, 'data', 'myid'), String(index + 1));
    const peers = this.#members.map(
      ({ peerPort, electionPort }, at) => `server.${at + 1}=127.0.0.1:${peerPort}:${electionPort}`,
    );
    const settings = [
      `dataDir=${join(member.folder, 'data')}`,
      `clientPort=${member.clientPort}`,
      'clientPortAddress=127.0.0.1',
      `tickTime=${TICK_MS}`,
      'initLimit=20',
      'syncLimit=4',
      'minSessionTimeout=1000',
      'maxClientCnxns=0',
      'admin.enableServer=false',
      '4lw.commands.whitelist=srvr',
      ...peers,
    ];
    writeFileSync(join(member.folder, 'zoo.cfg'), `${settings.join('\n')}\n`);
    member.process = await launch({
      command: programs.java,
      args: [
        ...['-Xmx128m', '-XX:+UseSerialGC', '-XX:-UsePerfData', '-XX:TieredStopAtLevel=1'],
        ...['-Dorg.slf4j.simpleLogger.defaultLogLevel=warn', '-Dzookeeper.jmx.log4j.disable=true'],
        ...['-cp', programs.classPath, 'org.apache.zookeeper.server.quorum.QuorumPeerMain'],
        join(member.folder, 'zoo.cfg'),
      ],
      env: { PATH: '/usr/bin:/bin', LC_ALL: 'C.UTF-8' },
      cwd: member.folder,
      logFile: join(member.folder, 'log'),
    });
    const running = this.#members.flatMap(({ process }) => process?.identity ?? []);
    this.#folder.note(running.map((one) => ({ name: 'zookeeper', ...one, ...AT_ONCE })));
  }

  async #mode(index: number): Promise<string | undefined> {
    const member = this.#members[index];
    if (!member?.process) return undefined;
    const answer = await exchange({ host: '127.0.0.1', port: member.clientPort }, 'srvr', 1_000);
    return /Mode: (\w+)/.exec(answer?.toString() ?? '')?.[1];
  }

  async #allServe(): Promise<void> {
    await until('every server serves', async () => {
      const modes = await Promise.all(this.#members.map((_, index) => this.#mode(index)));
      return modes.every((mode) => mode !== undefined);
    });
  }

  /** Index of the leading server; undefined while there is none. */
  async leader(): Promise<number | undefined> {
    const modes = await Promise.all(this.#members.map((_, index) => this.#mode(index)));
    const index = modes.indexOf('leader');
    return index < 0 ? undefined : index;
  }

  signal(index: number, signal: NodeJS.Signals): void {
    const pid = this.#members[index]?.process?.identity.pid;
    if (pid !== undefined) process.kill(pid, signal);
  }

  async kill(index: number): Promise<void> {
    const member = this.#members[index];
    this.signal(index, 'SIGKILL');
    await member?.process?.exited;
    if (member) member.process = undefined;
  }

  /** Restarts stopped servers on their data and waits until every server answers. */
  async restore(): Promise<void> {
    await Promise.all(
      this.#members.map(({ process }, index) => (process ? undefined : this.#launch(index))),
    );
    await this.#allServe();
  }

  async close(): Promise<void> {
    await Promise.all(this.#members.map((_, index) => this.kill(index)));
    this.#folder.remove();
  }
}
