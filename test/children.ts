import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process';
import { identify } from '../ops/stack/processes.ts';
import { TestFolder } from '../ops/stack/test-folder.ts';

/** Processes that a test file starts; the next run ends them if this one is killed before it could. */
export class Children {
  readonly #folder = new TestFolder();
  readonly #children: ChildProcess[] = [];

  /** One of our entry files. */
  spawn(entry: string, env: NodeJS.ProcessEnv, stdio: StdioOptions = 'inherit'): ChildProcess {
    return this.#keep(entry, spawn(process.execPath, [entry], { env, stdio }));
  }

  /** A program of this machine. */
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
