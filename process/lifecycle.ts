import { ConfigError } from '../contracts/config.ts';

/**
 * Start and end of a process: one abort signal for SIGTERM and SIGINT, resources closed in the
 * reverse order of their opening, and a deadline for the whole shutdown.
 */

/** Time that a shutdown may take before the process exits anyway. */
const SHUTDOWN_TIMEOUT_MS = 20_000;

/** Exit codes from sysexits.h; shells leave 64 and above to programs. */
const EXIT_CONFIG = 78;
const EXIT_SOFTWARE = 70;

export interface Lifecycle {
  /** Aborted by the first SIGTERM or SIGINT. */
  readonly stopping: AbortSignal;
  /** Registers `close` for the shutdown. The last one registered runs first. */
  onStop(name: string, close: () => Promise<void> | void): void;
}

type Closer = { name: string; close: () => Promise<void> | void };

async function closeAll(closers: Closer[]): Promise<void> {
  for (const { name, close } of closers.reverse()) {
    try {
      await close();
    } catch (error) {
      console.error(`closing ${name}: ${error instanceof Error ? error.stack : String(error)}`);
    }
  }
}

/**
 * Runs `main` until a signal arrives, closes the registered resources and exits: 0 after a clean
 * shutdown, 78 when the environment is invalid, 70 on a bug or when the shutdown exceeds its
 * deadline.
 */
export async function run(main: (lifecycle: Lifecycle) => Promise<void>): Promise<never> {
  const abort = new AbortController();
  const closers: Closer[] = [];
  const stopped = new Promise<void>((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      process.on(signal, () => {
        abort.abort();
        resolve();
      });
    }
  });
  let exitCode = 0;
  try {
    const started = main({
      stopping: abort.signal,
      onStop: (name, close) => closers.push({ name, close }),
    });
    // A signal during start-up ends it; resources opened by then are closed below.
    await Promise.race([started, stopped]);
    await stopped;
  } catch (error) {
    exitCode = error instanceof ConfigError ? EXIT_CONFIG : EXIT_SOFTWARE;
    console.error(error instanceof ConfigError ? error.message : error);
  }
  abort.abort();
  setTimeout(() => process.exit(exitCode || EXIT_SOFTWARE), SHUTDOWN_TIMEOUT_MS).unref();
  await closeAll(closers);
  process.exit(exitCode);
}
