import { setTimeout as delay } from 'node:timers/promises';
import { signalFamily } from '../../ops/stack/process-family.ts';
import { endProcess, isRunning } from '../../ops/stack/processes.ts';
import { type ProcessSpec, Supervisor } from '../../ops/stack/supervisor.ts';
import { SERVERS } from '../kinds.ts';
import type { Primary } from './primary.ts';

/** The processes and servers of a run, which it kills, freezes and starts again by name. */

const KILL_GRACE_MS = 10_000;
const POLL_MS = 20;
const RESTART_MS = 500;

/** Keeps how each process was started, so that it can be started again. */
class Keeper extends Supervisor {
  readonly specs = new Map<string, ProcessSpec>();

  override start(spec: ProcessSpec): Promise<void> {
    this.specs.set(spec.name, spec);
    return super.start(spec);
  }
}

export class Parts {
  readonly supervisor: Keeper;
  /** PostgreSQL, if it has standbys. */
  primary: Primary | undefined;
  /** Not those that a fault has killed. */
  readonly #watched = new Set<string>();
  readonly #starting = new Set<string>();
  #timer: NodeJS.Timeout | undefined;

  constructor(options: ConstructorParameters<typeof Supervisor>[0]) {
    this.supervisor = new Keeper(options);
  }

  /**
   * From now on a process that ends by itself is started again, as `npm start` and systemd do: one that
   * starts while PostgreSQL takes no connections ends, and tries again.
   */
  watch(names: readonly string[]): void {
    for (const name of names) this.#watched.add(name);
    this.#timer = setInterval(() => {
      for (const name of this.#watched) {
        if (!isRunning(this.#record(name))) void this.start(name).catch(() => {});
      }
    }, RESTART_MS);
  }

  unwatch(): void {
    clearInterval(this.#timer);
  }

  has(name: string): boolean {
    return this.supervisor.specs.has(name) || this.#primary(name) !== undefined;
  }

  #primary(name: string): Primary | undefined {
    return name === 'postgres' ? this.primary : undefined;
  }

  #record(name: string) {
    const record = this.supervisor.records().find((one) => one.name === name);
    if (record === undefined) throw new Error(`${name} does not run`);
    return record;
  }

  /** Like a power failure. PostgreSQL is stopped immediately: killed backends would leave its memory behind. */
  async kill(name: string): Promise<void> {
    const primary = this.#primary(name);
    if (primary !== undefined) return primary.kill();
    this.#watched.delete(name);
    const { pid, started } = this.#record(name);
    const signal = name === 'postgres' ? 'SIGQUIT' : 'SIGKILL';
    await endProcess({ pid, started }, { signal, graceMs: KILL_GRACE_MS });
  }

  /** A process of the shop, in this very moment. `kill` waits for its end. */
  killAtOnce(name: string): void {
    this.#watched.delete(name);
    const record = this.#record(name);
    if (isRunning(record)) process.kill(record.pid, 'SIGKILL');
  }

  /** Resolves when a server serves, and when a process runs. Does nothing if it runs already. */
  async start(name: string): Promise<void> {
    const primary = this.#primary(name);
    if (primary !== undefined) return primary.start();
    const spec = this.supervisor.specs.get(name);
    if (spec === undefined) throw new Error(`there is no ${name}`);
    const before = this.#record(name);
    if (isRunning(before) || this.#starting.has(name)) return;
    this.#starting.add(name);
    try {
      const ready = this.supervisor.start(spec);
      if (SERVERS.some((server) => server === name)) return await ready;
      this.#watched.add(name);
      // It may be killed again before it is ready.
      ready.catch(() => {});
      while (this.#record(name).started === before.started) await delay(POLL_MS);
    } finally {
      this.#starting.delete(name);
    }
  }

  async freeze(name: string): Promise<void> {
    const primary = this.#primary(name);
    if (primary !== undefined) return primary.freeze();
    signalFamily(this.#record(name).pid, 'SIGSTOP');
  }

  async thaw(name: string): Promise<void> {
    const primary = this.#primary(name);
    if (primary !== undefined) return primary.thaw();
    signalFamily(this.#record(name).pid, 'SIGCONT');
  }
}
