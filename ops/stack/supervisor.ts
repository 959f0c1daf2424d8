import { setTimeout as delay } from 'node:timers/promises';
import {
  endProcess,
  type Launched,
  type LaunchOptions,
  launch,
  logTail,
  type ProcessIdentity,
} from './processes.ts';

/**
 * Keeps the processes of a local stack running. It starts them, waits until they are ready, restarts
 * a crashed process after a growing pause, and ends the processes by name.
 */

export interface ProcessSpec extends LaunchOptions {
  readonly name: string;
  /** Undefined when it is ready, else the reason. Called every 100 ms, so it must not wait long. */
  readonly notReady: () => Promise<string | undefined>;
  readonly readyTimeoutMs: number;
  readonly stopSignal: NodeJS.Signals;
  /** Signal that ends it when its data are not needed. Default: SIGKILL, if that leaves nothing behind. */
  readonly discardSignal?: NodeJS.Signals;
  /** Time between `stopSignal` and SIGKILL. */
  readonly stopGraceMs: number;
}

export interface ProcessRecord extends ProcessIdentity {
  readonly name: string;
  readonly stopSignal: NodeJS.Signals;
  readonly stopGraceMs: number;
}

export interface SupervisorOptions {
  readonly say: (text: string) => void;
  /** Called after each start and end with all running processes, oldest first. */
  readonly onChange: (processes: readonly ProcessRecord[]) => void;
  /** Whether a process that ends unexpectedly is restarted. */
  readonly restart: boolean;
}

const READY_POLL_MS = 100;
const RESTART_PAUSE_MIN_MS = 500;
const RESTART_PAUSE_MAX_MS = 10_000;
/** Crashes in a row, each within `STEADY_MS` of the start, after which a process is not restarted. */
const CRASHES_MAX = 10;
const STEADY_MS = 60_000;

interface Running {
  readonly spec: ProcessSpec;
  launched: Launched;
  crashes: number;
  startedAt: number;
}

export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #running = new Map<string, Running>();
  readonly #stopping = new AbortController();

  constructor(options: SupervisorOptions) {
    this.#options = options;
  }

  records(): ProcessRecord[] {
    return [...this.#running.values()].map(({ spec, launched }) => ({
      name: spec.name,
      ...launched.identity,
      stopSignal: spec.stopSignal,
      stopGraceMs: spec.stopGraceMs,
    }));
  }

  /**
   * Starts the process and waits until it is ready.
   *
   * @throws {Error} with the end of its log, when it ends early or is not ready in time
   */
  async start(spec: ProcessSpec): Promise<void> {
    if (this.#stopping.signal.aborted) throw new Error(`${spec.name}: the stack is stopping`);
    const running: Running = {
      spec,
      launched: await launch(spec),
      crashes: 0,
      startedAt: performance.now(),
    };
    this.#running.set(spec.name, running);
    this.#changed();
    if (this.#stopping.signal.aborted) await this.#end(running);
    await this.#untilReady(running);
    void this.#watch(running);
  }

  async #untilReady({ spec, launched }: Running): Promise<void> {
    let end: string | undefined;
    void launched.exited.then((how) => {
      end = how;
    });
    const deadline = performance.now() + spec.readyTimeoutMs;
    for (;;) {
      const missing = await spec.notReady();
      // Checked first: if the process has ended, another process has answered on its port.
      if (end !== undefined) {
        throw new Error(`${spec.name} ended (${end}). Its log ends:\n${logTail(spec.logFile)}`);
      }
      if (missing === undefined) return;
      if (performance.now() > deadline) {
        const seconds = spec.readyTimeoutMs / 1000;
        const tail = logTail(spec.logFile);
        throw new Error(`${spec.name} is not ready after ${seconds} s: ${missing}. Log:\n${tail}`);
      }
      await delay(READY_POLL_MS);
    }
  }

  /** Watches one process until the stack stops. Never rejects. */
  async #watch(running: Running): Promise<void> {
    const { spec } = running;
    while (!this.#stopping.signal.aborted) {
      const how = await running.launched.exited;
      if (this.#stopping.signal.aborted) return;
      this.#changed();
      if (!this.#options.restart) return;
      running.crashes = performance.now() - running.startedAt > STEADY_MS ? 1 : running.crashes + 1;
      if (running.crashes > CRASHES_MAX) {
        this.#options.say(
          `${spec.name} ended ${CRASHES_MAX} times in a row and is not restarted. ` +
            `${spec.logFile} ends:\n${logTail(spec.logFile)}`,
        );
        return;
      }
      if (!(await this.#startAgain(running, how))) return;
    }
  }

  /** @returns false when the stack is stopping */
  async #startAgain(running: Running, how: string): Promise<boolean> {
    const { spec } = running;
    const pauseMs = Math.min(
      RESTART_PAUSE_MIN_MS * 2 ** (running.crashes - 1),
      RESTART_PAUSE_MAX_MS,
    );
    this.#options.say(`${spec.name} ended (${how}); restart in ${pauseMs / 1000} s`);
    try {
      await delay(pauseMs, undefined, { signal: this.#stopping.signal });
    } catch {
      return false;
    }
    running.startedAt = performance.now();
    try {
      running.launched = await launch(spec);
      this.#changed();
      // A stop that began during the launch does not know the process yet.
      if (this.#stopping.signal.aborted) await this.#end(running);
      await this.#untilReady(running);
      this.#options.say(`${spec.name} is ready again`);
    } catch (error) {
      if (this.#stopping.signal.aborted) return false;
      this.#options.say(error instanceof Error ? error.message : String(error));
      await this.#end(running);
    }
    return true;
  }

  async #end({ spec, launched }: Running, discard = false): Promise<void> {
    const byItself = await endProcess(launched.identity, {
      signal: discard ? (spec.discardSignal ?? 'SIGKILL') : spec.stopSignal,
      graceMs: spec.stopGraceMs,
    });
    if (!byItself) this.#options.say(`${spec.name} did not end in ${spec.stopGraceMs} ms: killed`);
  }

  /**
   * Ends the named processes at the same time. Processes that these depend on are for a later call.
   * `discard`: their data are not needed any more, so no orderly shutdown is necessary.
   */
  async stop(names: readonly string[], { discard = false } = {}): Promise<void> {
    this.#stopping.abort();
    await Promise.all(
      names.map(async (name) => {
        const running = this.#running.get(name);
        if (running === undefined) return;
        await this.#end(running, discard);
        this.#running.delete(name);
        this.#changed();
      }),
    );
  }

  #changed(): void {
    this.#options.onChange(this.records());
  }
}

/** Short, because every process must survive a hard kill anyway. */
const LEFT_GRACE_MAX_MS = 2_500;

/** Ends processes that an earlier, killed start left behind. */
export async function endRecords(records: readonly ProcessRecord[]): Promise<void> {
  await Promise.all(
    records.map(({ stopSignal, stopGraceMs, ...identity }) =>
      endProcess(identity, {
        signal: stopSignal,
        graceMs: Math.min(stopGraceMs, LEFT_GRACE_MAX_MS),
      }),
    ),
  );
}
