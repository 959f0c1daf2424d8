import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process';
import { identify } from '../ops/stack/processes.ts';
import { TestFolder } from '../ops/stack/test-folder.ts';

/**
 * The part of this process's environment that our programs need, without variables meant for other
 * programs.
 */
export const PROGRAM_ENVIRONMENT: Readonly<Record<string, string>> = {
  PATH: process.env['PATH'] ?? '',
  NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'] ?? '',
};

/** Processes that a test file starts. The next run ends them if this one is killed first. */
export class Children {
  readonly #folder = new TestFolder();
  readonly #children: ChildProcess[] = [];

  /** Starts one of our entry files. */
  spawn(entry: string, env: NodeJS.ProcessEnv, stdio: StdioOptions = 'inherit'): ChildProcess {
    const options = { env: { ...PROGRAM_ENVIRONMENT, ...env }, stdio };
    return this.#keep(entry, spawn(process.execPath, [entry], options));
  }

  /** Starts a program of this machine. */
  run(program: string, args: readonly string[]): ChildProcess {
    return this.#keep(program, spawn(program, args, { stdio: 'inherit' }));
  }

  #keep(name: string, child: ChildProcess): ChildProcess {
    this.#children.push(child);
    const running = this.#children.flatMap(({ pid }) => (pid && identify(pid)) || []);
    const stop = { stopSignal: 'SIGKILL', stopGraceMs: 1_000 } as const;
    this.#folder.note(running.map((one) => ({ name, ...one, ...stop })));
    return child;
  }

  close(): void {
    for (const child of this.#children) child.kill('SIGKILL');
    this.#folder.remove();
  }
}
