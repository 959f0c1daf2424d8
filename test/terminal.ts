import { type ChildProcessByStdio, spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { until } from './until.ts';

/** A command at a terminal, as a person sees and answers it. */
export class Terminal {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #ended: Promise<number | null>;
  #text = '';
  #seen = 0;

  /** `script` of util-linux, which every Debian has, gives the command a pseudo-terminal. */
  constructor(command: string, options: { cwd: string; env: NodeJS.ProcessEnv }) {
    this.#child = spawn('script', ['--quiet', '--return', '--command', command, '/dev/null'], {
      ...options,
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.#child.stdout.setEncoding('utf8').on('data', (text) => {
      this.#text += text;
    });
    this.#ended = new Promise((resolve) => this.#child.on('close', resolve));
  }

  /** Resolves when the command has written this since the last call, with what came before it. */
  async reads(text: string): Promise<string> {
    const at = await until(`the terminal says ${text}`, () => {
      const found = this.#text.indexOf(text, this.#seen);
      if (found < 0) throw new Error(this.#text.slice(this.#seen));
      return found + 1;
    });
    const before = this.#text.slice(this.#seen, at - 1);
    this.#seen = at - 1 + text.length;
    return before;
  }

  types(text: string): void {
    this.#child.stdin.write(text);
  }

  /** Waits for the end of the command. Returns its exit code and the rest of what it has written. */
  async ends(): Promise<{ code: number | null; text: string }> {
    const code = await this.#ended;
    return { code, text: this.#text.slice(this.#seen) };
  }
}
