import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, readSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { giveWay } from './give-way.ts';

/** Processes of the local stack: started apart from the terminal, known again later, ended for sure. */

/** A pid alone may belong to another process by now; with the start time it names one for good. */
export interface ProcessIdentity {
  readonly pid: number;
  readonly started: string;
}

/** A user of this machine that a process runs as. */
export interface UserIds {
  readonly uid: number;
  readonly gid: number;
}

const POLL_MS = 50;
const KILL_TIMEOUT_MS = 5_000;
const LOG_TAIL_BYTES = 8_192;

function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').slice(0, 8);
  } catch {
    return '';
  }
}

/** State letter and start time (clock ticks since boot) from /proc; the name before may hold anything. */
function procStat(pid: number): { state: string; startTicks: string } | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    const [state, startTicks] = [fields[0], fields[19]];
    return state && startTicks ? { state, startTicks } : undefined;
  } catch {
    return undefined;
  }
}

/** The process that has this pid now; undefined when there is none, or only its zombie. */
export function identify(pid: number): ProcessIdentity | undefined {
  if (process.platform === 'linux') {
    const stat = procStat(pid);
    // Without an init that reaps, the zombie of an orphan stays for ever: it runs no more.
    if (stat === undefined || stat.state === 'Z' || stat.state === 'X') return undefined;
    return { pid, started: `${bootId()}:${stat.startTicks}` };
  }
  const ps = spawnSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' });
  const started = ps.stdout?.trim();
  return started ? { pid, started } : undefined;
}

export function isRunning(identity: ProcessIdentity): boolean {
  return identify(identity.pid)?.started === identity.started;
}

/** The parent's pid, or undefined where it cannot be told. */
export function parentOf(pid: number): number | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return Number(text.slice(text.lastIndexOf(')') + 2).split(' ')[1]) || undefined;
  } catch {
    return undefined;
  }
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It ended between the look and the call.
  }
}

async function ended(identity: ProcessIdentity, timeoutMs: number): Promise<boolean> {
  const deadline = performance.now() + timeoutMs;
  while (isRunning(identity)) {
    if (performance.now() > deadline) return false;
    await delay(POLL_MS);
  }
  return true;
}

/**
 * Asks a process to end, and after `graceMs` kills it with its group. Nothing happens when the
 * process is gone or its pid belongs to another one by now.
 *
 * @returns whether it ended by itself
 */
export async function endProcess(
  identity: ProcessIdentity,
  how: { signal: NodeJS.Signals; graceMs: number },
): Promise<boolean> {
  if (!isRunning(identity)) return true;
  signal(identity.pid, how.signal);
  if (await ended(identity, how.graceMs)) return true;
  // Launched processes lead a group of their own, so that what they started ends with them.
  signal(-identity.pid, 'SIGKILL');
  signal(identity.pid, 'SIGKILL');
  await ended(identity, KILL_TIMEOUT_MS);
  return false;
}

export interface LaunchOptions {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly logFile: string;
  readonly user?: UserIds | undefined;
  /** Added to the starter's own priority, 0 to 19: more gives way to others. */
  readonly niceness?: number;
}

export interface Launched {
  readonly identity: ProcessIdentity;
  readonly child: ChildProcess;
  /** Settles when the process has ended, with how. Never rejects. */
  readonly exited: Promise<string>;
}

/**
 * Starts a process in a session of its own: a terminal's Ctrl-C does not reach it, so that the order
 * of a shutdown is ours.
 *
 * @throws {Error} when the program cannot be started
 */
export async function launch(options: LaunchOptions): Promise<Launched> {
  mkdirSync(dirname(options.logFile), { recursive: true });
  const log = openSync(options.logFile, 'a', 0o600);
  const child = spawn(options.command, [...options.args], {
    cwd: options.cwd,
    env: { ...options.env },
    stdio: ['ignore', log, log],
    detached: true,
    ...options.user,
  });
  closeSync(log);
  const exited = new Promise<string>((resolve) => {
    child.once('exit', (code, by) => resolve(by === null ? `exit code ${code}` : by));
  });
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', (error) =>
      reject(new Error(`${options.command} cannot be started: ${error.message}`)),
    );
  });
  const pid = child.pid ?? 0;
  if (options.niceness !== undefined) giveWay(pid, options.niceness);
  return { identity: identify(pid) ?? { pid, started: 'ended at once' }, child, exited };
}

/** The last lines of a log, for an error message. */
export function logTail(path: string, lines = 15): string {
  try {
    const size = statSync(path).size;
    const length = Math.min(size, LOG_TAIL_BYTES);
    const bytes = Buffer.alloc(length);
    const file = openSync(path, 'r');
    readSync(file, bytes, 0, length, size - length);
    closeSync(file);
    return bytes.toString('utf8').trimEnd().split('\n').slice(-lines).join('\n');
  } catch {
    return '(no log)';
  }
}

/** The ids of a user of this machine, or undefined when there is no such user. */
export function userIds(name: string): UserIds | undefined {
  const ask = (flag: string) => spawnSync('id', [flag, name], { encoding: 'utf8' }).stdout?.trim();
  const [uid, gid] = [ask('-u'), ask('-g')];
  return uid && gid ? { uid: Number(uid), gid: Number(gid) } : undefined;
}
