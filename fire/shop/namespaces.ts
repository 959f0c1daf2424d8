import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { TRIAL } from './wires.ts';

/**
 * A run apart: it has a network and a folder of named networks of its own, and no way to any other network. Both go
 * with the last process of the run, however that ends, so a killed run leaves nothing.
 */

const FOLDER = '/run/netns';
const SOURCE = 'flashsale-fire-netns';

/** The command as it runs apart. */
export function apart(...command: readonly string[]): string[] {
  const prepare = [
    `mkdir -p ${FOLDER}`,
    `mount -t tmpfs ${SOURCE} ${FOLDER}`,
    'ip link set lo up',
    'exec "$@"',
  ];
  return ['unshare', '--net', '--mount', '--', 'sh', '-ec', prepare.join('\n'), 'sh', ...command];
}

/** The reason for which a run cannot be apart and lay wires on this machine; undefined if it can. The trial leaves nothing. */
export function whyNotApart(): string | undefined {
  if (process.getuid?.() !== 0) return 'this user is not root';
  const [program = '', ...args] = apart('sh', '-ec', TRIAL);
  const { status, stderr, error } = spawnSync(program, args, { encoding: 'utf8' });
  return status === 0 ? undefined : (error?.message ?? stderr.trim());
}

/** Whether this process is apart already. */
export function isApart(): boolean {
  const mounts = '/proc/self/mounts';
  return existsSync(mounts) && readFileSync(mounts, 'utf8').includes(`${SOURCE} ${FOLDER} `);
}

/** This process becomes one that is apart, with the same program and arguments. */
export function goApart(environment: NodeJS.ProcessEnv): never {
  const command = apart(process.execPath, ...process.execArgv, ...process.argv.slice(1));
  if (process.execve === undefined) throw new Error('this system has no execve');
  // `env` looks for the program.
  return process.execve('/usr/bin/env', ['env', ...command], environment);
}
