import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { newToken } from '../../contracts/console.ts';
import { LOGIN_ROLES, type LoginRole } from '../../contracts/secrets.ts';
import { identify, isRunning, type ProcessIdentity, parentOf } from './processes.ts';
import type { ServerName, Servers } from './servers.ts';
import type { ProcessRecord } from './supervisor.ts';

/**
 * Files of a local stack, which only their owner can read. `settings.json` is permanent and holds
 * secrets, ports and where each server runs. `stack.json` exists while the stack runs.
 */

export type Source = 'environment' | 'docker' | 'system';

export interface Settings {
  readonly ports: Readonly<Record<string, number>>;
  readonly passwords: {
    /** Password of the superuser, who creates the tables. */
    readonly postgres: string;
    /** Passwords of the logins of processes and readers. */
    readonly logins: StackLogins;
    readonly rabbitmq: string;
  };
  readonly jwtSecret: string;
  readonly paymentWebhookSecret: string;
  /** Signs in to the console, with every role. */
  readonly consoleToken: string;
  /** Permanent, because the data stay where the server ran when they were written. */
  readonly sources: Readonly<Partial<Record<ServerName, Source>>>;
}

/** Passwords by role; hexadecimal, so that no character is special in a URL. */
export type StackLogins = Readonly<Record<LoginRole, string>>;

export interface StackState {
  readonly version: 1;
  readonly starter: ProcessIdentity;
  /** Ancestors of the starter. When one of them has ended, the stack is unattended. */
  readonly launchers: readonly ProcessIdentity[];
  readonly phase: 'starting' | 'running' | 'stopping';
  readonly startedAt: string;
  readonly processes: readonly ProcessRecord[];
  readonly sources: Readonly<Partial<Record<ServerName, Source>>>;
  readonly servers?: Servers;
  readonly zkRoot: string;
  readonly shopUrl?: string;
  /** The shop with TLS, if it is behind the edge. */
  readonly edgeUrl?: string;
  readonly consoleUrl?: string;
  /** Where Prometheus and Alertmanager are, if they watch the shop. */
  readonly watchUrls?: Readonly<Record<'prometheus' | 'alertmanager', string>>;
  /** Base URL of each process's monitor port, by process name. */
  readonly monitors: Readonly<Record<string, string>>;
}

const SETTINGS = 'settings.json';
export const STATE_FILE = 'stack.json';

/** Writes a file atomically: a reader, also after a crash, never sees half a file. */
function writeWhole(path: string, value: unknown): void {
  mkdirSync(dirname(path), { recursive: true });
  const draft = `${path}.${process.pid}.new`;
  writeFileSync(draft, `${JSON.stringify(value, undefined, 2)}\n`, { mode: 0o600 });
  renameSync(draft, path);
}

function readJson(path: string): unknown {
  if (!existsSync(path)) return undefined;
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    throw new Error(`${path} is not JSON. Restore it, or remove it.`);
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** @throws {Error} with the name of the file if its content is not valid */
export function readSettings(folder: string): Settings | undefined {
  const path = join(folder, SETTINGS);
  const value = readJson(path);
  if (value === undefined) return undefined;
  if (!isRecord(value) || !isRecord(value['passwords']) || !isRecord(value['ports'])) {
    throw new Error(`${path} does not hold the settings of a local stack. Remove it.`);
  }
  const { passwords } = value as unknown as Settings;
  // Settings of an older version lack logins, and the token of the console.
  const logins = { ...newLogins(), ...passwords.logins };
  const settings = value as unknown as Settings;
  const { consoleToken = newToken() } = settings;
  return { ...settings, consoleToken, passwords: { ...passwords, logins } };
}

export function writeSettings(folder: string, settings: Settings): void {
  writeWhole(join(folder, SETTINGS), settings);
}

function newPassword(): string {
  return randomBytes(16).toString('hex');
}

function newLogins(): StackLogins {
  return Object.fromEntries(LOGIN_ROLES.map((role) => [role, newPassword()])) as StackLogins;
}

export function newSettings(): Settings {
  return {
    ports: {},
    // Hexadecimal, so that no character is special in a URL or a settings file.
    passwords: { postgres: newPassword(), logins: newLogins(), rabbitmq: newPassword() },
    jwtSecret: randomBytes(32).toString('base64url'),
    consoleToken: newToken(),
    paymentWebhookSecret: `whsec_${randomBytes(32).toString('base64')}`,
    sources: {},
  };
}

/** @throws {Error} with the name of the file if its content is not valid */
export function readState(folder: string): StackState | undefined {
  const path = join(folder, STATE_FILE);
  const value = readJson(path);
  if (value === undefined) return undefined;
  if (!isRecord(value) || value['version'] !== 1 || !Array.isArray(value['processes'])) {
    throw new Error(`${path} does not hold the state of a local stack. Remove it.`);
  }
  return value as unknown as StackState;
}

export function writeState(folder: string, state: StackState): void {
  writeWhole(join(folder, STATE_FILE), state);
}

export function removeState(folder: string): void {
  rmSync(join(folder, STATE_FILE), { force: true });
}

/** The longest chain is npm → a shell → scripts/run.mjs → this process. */
const ANCESTORS_MAX = 4;

function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    return '';
  }
}

/**
 * Pids of scripts/run.mjs and, if npm started it, of all ancestors up to npm. A shell that started
 * this process directly does not count, because it may end and leave the process running on purpose.
 */
function launchersOf(pid: number): number[] {
  const ancestors: number[] = [];
  let next = parentOf(pid);
  while (next !== undefined && next > 1 && ancestors.length < ANCESTORS_MAX) {
    if (ancestors.length === 0 && !commandLine(next).includes('run.mjs')) return [];
    ancestors.push(next);
    if (/(^|[/ ])npm(-cli\.js)?\b/.test(commandLine(next))) return ancestors;
    next = parentOf(next);
  }
  return ancestors.slice(0, 1);
}

/** This process, and the ancestors that a person may kill instead of it. */
export function whoStarts(): Pick<StackState, 'starter' | 'launchers'> {
  const starter = identify(process.pid);
  if (starter === undefined) throw new Error('this process cannot be found in the process table');
  const launchers = launchersOf(process.pid)
    .map(identify)
    .filter((identity) => identity !== undefined);
  return { starter, launchers };
}

export type Holder = 'nobody' | 'running' | 'unattended' | 'stopping';

/** Who holds the stack. `unattended`: the starter runs, but one of its launchers has ended. */
export function holderOf(state: StackState | undefined): Holder {
  if (state === undefined || !isRunning(state.starter)) return 'nobody';
  if (state.phase === 'stopping') return 'stopping';
  return state.launchers.every(isRunning) ? 'running' : 'unattended';
}
