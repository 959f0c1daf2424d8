import { ConfigError } from '../contracts/config.ts';

/**
 * How a process of this system starts and ends: one abort signal for SIGTERM and SIGINT, resources
 * closed in the reverse order of their opening, a deadline on the whole shutdown.
 */

/** Time that a shutdown may take before the process exits anyway. */
const SHUTDOWN_TIMEOUT_MS = 20_000;

/** Exit codes, from sysexits.h: 64 and up are left to programs by the shell. */
const EXIT_CONFIG = 78;
const EXIT_SOFTWARE = 70;

export interface Lifecycle {
  /** Aborted by the first SIGTERM or SIGINT. */
  readonly stopping: AbortSignal;
  /** `close` runs at shutdown, last registered first. */
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
 * Runs `main` until a signal asks for the end, then closes what it opened and exits: 0 after a
 * clean end, 78 when the environment is wrong, 70 on a bug.
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
    // A signal during start-up ends the start-up: what was opened until then is closed below.
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
