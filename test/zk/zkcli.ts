import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { ensureServerPackages } from '../../ops/stack/native.ts';
import { findZookeeper, type Machine } from '../../ops/stack/programs.ts';
import { createProgress } from '../../ops/stack/progress.ts';

/** ZooKeeper's own command line, used as operators do: it takes lines and returns the output. */

const SCRIPT = '/usr/share/zookeeper/bin/zkCli.sh';

async function command(): Promise<readonly [string, ...string[]]> {
  const machine: Machine = { path: process.env['PATH'] ?? '', root: '/' };
  const progress = createProgress(() => {});
  await ensureServerPackages({ wanted: ['zookeeper'], machine, progress });
  if (existsSync(SCRIPT)) return [SCRIPT];
  const programs = findZookeeper(machine);
  if (!programs) throw new Error('ZooKeeper is not installed');
  // The last arguments of the script.
  return [programs.java, '-cp', programs.classPath, 'org.apache.zookeeper.ZooKeeperMain'];
}

/** A session that takes lines one after the other. */
export class ZkCli {
  /** The whole output so far. */
  said = '';
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #closed: Promise<unknown>;

  private constructor(child: ChildProcessWithoutNullStreams) {
    this.#child = child;
    this.#closed = new Promise((resolve) => child.once('close', resolve));
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (data) => {
        this.said += data;
      });
    }
    // It may exit before it has read everything.
    child.stdin.on('error', () => {});
  }

  static async open(server: string): Promise<ZkCli> {
    const [program, ...args] = await command();
    const env = { PATH: process.env['PATH'] ?? '', JVMFLAGS: '-XX:TieredStopAtLevel=1 -Xmx64m' };
    return new ZkCli(spawn(program, [...args, '-server', server], { env }));
  }

  /** Types a line. Its effect shows in the tree. */
  type(...lines: readonly string[]): void {
    this.#child.stdin.write(lines.map((line) => `${line}\n`).join(''));
  }

  /** Ends the session after everything typed has been executed. */
  async close(): Promise<string> {
    this.type('quit');
    this.#child.stdin.end();
    await this.#closed;
    return this.said;
  }
}

/** Types the lines into a new session and returns the whole output. */
export async function zkCli(server: string, lines: readonly string[]): Promise<string> {
  const session = await ZkCli.open(server);
  session.type(...lines);
  return session.close();
}
