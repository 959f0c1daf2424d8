import { join } from 'node:path';
import { ensureServerPackages } from '../../ops/stack/native.ts';
import { exchange, freePort } from '../../ops/stack/ports.ts';
import { type Launched, launch } from '../../ops/stack/processes.ts';
import { findZookeeper, type Machine } from '../../ops/stack/programs.ts';
import { createProgress } from '../../ops/stack/progress.ts';
import { TestFolder } from '../../ops/stack/test-folder.ts';
import { prepareZookeeper } from '../../ops/stack/zookeeper.ts';
import { until } from '../until.ts';

/** An ensemble of three real, private ZooKeeper servers that can be killed. */

const SIZE = 3;
const AT_ONCE = { stopSignal: 'SIGKILL', stopGraceMs: 1_000 } as const;

interface Member {
  readonly folder: string;
  readonly clientPort: number;
  readonly peer: number;
  readonly election: number;
  process: Launched | undefined;
}

export class RealEnsemble {
  readonly #folder = new TestFolder();
  readonly #members: Member[];

  private constructor(ports: readonly number[]) {
    this.#members = Array.from({ length: SIZE }, (_, index) => ({
      folder: join(this.#folder.path, String(index)),
      clientPort: ports[index * 3] ?? 0,
      peer: ports[index * 3 + 1] ?? 0,
      election: ports[index * 3 + 2] ?? 0,
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
    const spec = prepareZookeeper(
      {
        folder: member.folder,
        port: member.clientPort,
        logFile: join(member.folder, 'log'),
        ensemble: { id: index + 1, members: this.#members },
      },
      programs,
    );
    member.process = await launch(spec);
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
