import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, readSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { giveWay } from './give-way.ts';

/** Starts processes of the local stack apart from the terminal, identifies them later and ends them. */

/** A pid may be reused by another process; together with the start time it is unique. */
export interface ProcessIdentity {
  readonly pid: number;
  readonly started: string;
}

/** The user of this machine as which a process runs. */
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

/** State letter and start time (clock ticks since boot) from /proc; the name may contain anything. */
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
    // Without an init process that reaps, the zombie of an orphan stays for ever; it has ended.
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

/** The parent's pid, or undefined if it is unknown. */
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
    // The process ended between the check and the signal.
  }
}

/** Launched processes lead their own group, so that their children end with them. */
function killGroup(pid: number): void {
  signal(-pid, 'SIGKILL');
  signal(pid, 'SIGKILL');
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
 * Asks a process to end, and kills it with its group after `graceMs`. Does nothing when the process
 * has ended, also if its pid belongs to another process now.
 *
 * @returns whether it ended by itself
 */
export async function endProcess(
  identity: ProcessIdentity,
  how: { signal: NodeJS.Signals; graceMs: number },
): Promise<boolean> {
  if (!isRunning(identity)) return true;
  if (how.signal === 'SIGKILL') killGroup(identity.pid);
  else signal(identity.pid, how.signal);
  if (await ended(identity, how.graceMs)) return true;
  killGroup(identity.pid);
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
  /** Added to the starter's own niceness, 0 to 19; a higher value lowers the priority. */
  readonly niceness?: number;
}

export interface Launched {
  readonly identity: ProcessIdentity;
  readonly child: ChildProcess;
  /** Resolves when the process has ended, with the way it ended. Never rejects. */
  readonly exited: Promise<string>;
}

/**
 * Starts a process in its own session. A terminal's Ctrl-C does not reach it, so the stack decides in
 * which order processes stop.
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
