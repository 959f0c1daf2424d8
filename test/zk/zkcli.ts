import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { ensureServerPackages } from '../../ops/stack/native.ts';
import { findZookeeper, type Machine } from '../../ops/stack/programs.ts';
import { createProgress } from '../../ops/stack/progress.ts';

/** ZooKeeper's own command line, as operators use it: lines are typed, what it says is returned. */

const SCRIPT = '/usr/share/zookeeper/bin/zkCli.sh';

async function command(): Promise<readonly [string, ...string[]]> {
  const machine: Machine = { path: process.env['PATH'] ?? '', root: '/' };
  const progress = createProgress(() => {});
  await ensureServerPackages({ wanted: ['zookeeper'], machine, progress });
  if (existsSync(SCRIPT)) return [SCRIPT];
  const programs = findZookeeper(machine);
  if (!programs) throw new Error('ZooKeeper is not installed');
  // What the script ends with.
  return [programs.java, '-cp', programs.classPath, 'org.apache.zookeeper.ZooKeeperMain'];
}

/** Types the lines into one session; everything that it prints. */
export async function zkCli(server: string, lines: readonly string[]): Promise<string> {
  const [program, ...args] = await command();
  const child = spawn(program, [...args, '-server', server], {
    env: { PATH: process.env['PATH'] ?? '', JVMFLAGS: '-XX:TieredStopAtLevel=1 -Xmx64m' },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let said = '';
  child.stdout.on('data', (data) => {
    said += data;
  });
  child.stderr.on('data', (data) => {
    said += data;
  });
  child.stdin.end(`${[...lines, 'quit'].join('\n')}\n`);
  await new Promise((resolve) => child.once('close', resolve));
  return said;
}
