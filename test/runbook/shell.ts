import { type ChildProcess, fork, spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';

/** A shell as an operator has it open: later lines use what earlier ones have set. */

const LINE_TIMEOUT_MS = 300_000;

/** `npx flashsale` goes to test/runbook/commands.ts, and no other program goes by `npx`. */
const NPX = `npx() {
  local status path
  exec {commands}<>/dev/tcp/127.0.0.1/$COMMANDS_PORT
  { printf '%s\\0' "$#" "$@"; env -0; printf '\\0'; } >&$commands
  IFS=' ' read -r status path <&$commands
  exec {commands}>&-
  cat "$path.out"; cat "$path.err" >&2
  return "\${status:-1}"
}
`;

export interface Typed {
  readonly status: number;
  /** Stdout and stderr, as on a screen. */
  readonly output: string;
}

export class Shell {
  readonly #bash: ChildProcess;
  readonly #commands: ChildProcess;
  readonly #folder: string;
  #screen = '';
  #typed = 0;
  #onText = () => {};

  private constructor(bash: ChildProcess, commands: ChildProcess, folder: string) {
    this.#bash = bash;
    this.#commands = commands;
    this.#folder = folder;
    bash.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.#screen += text;
      this.#onText();
    });
    bash.once('exit', () => this.#onText());
  }

  static async open(cwd: string, env: NodeJS.ProcessEnv): Promise<Shell> {
    const program = join(import.meta.dirname, 'commands.ts');
    const commands = fork(program, { cwd, env, stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
    const { port, folder } = await new Promise<{ port: number; folder: string }>(
      (resolve, reject) => {
        commands.once('message', resolve as (message: unknown) => void);
        commands.once('exit', (code) => reject(new Error(`commands.ts ended with ${code}`)));
      },
    );
    const bash = spawn('bash', ['--noprofile', '--norc'], {
      cwd,
      env: { ...env, COMMANDS_PORT: String(port) },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    bash.stdin?.write(`exec 2>&1\n${NPX}`);
    return new Shell(bash, commands, folder);
  }

  /** Types a command and waits for its end. */
  async type(command: string): Promise<Typed> {
    this.#typed += 1;
    const mark = new RegExp(`\\n@@${this.#typed} (\\d+)@@\\n`);
    this.#screen = '';
    if (this.#bash.exitCode !== null) throw new Error(`${command}\nthe shell has ended before`);
    this.#bash.stdin?.write(`${command}\nprintf '\\n@@%s %s@@\\n' ${this.#typed} $?\n`);
    const { promise, resolve, reject } = Promise.withResolvers<Typed>();
    const fail = (why: string) => reject(new Error(`${command}\n${why}\n${this.#screen}`));
    this.#onText = () => {
      const found = mark.exec(this.#screen);
      if (found) resolve({ status: Number(found[1]), output: this.#screen.slice(0, found.index) });
      else if (this.#bash.exitCode !== null) fail('the shell has ended');
    };
    const timer = setTimeout(() => fail('it does not end'), LINE_TIMEOUT_MS);
    return promise.finally(() => clearTimeout(timer));
  }

  async close(): Promise<void> {
    const children = [this.#bash, this.#commands];
    const ended = children.map((child) => new Promise((resolve) => child.once('exit', resolve)));
    this.#bash.stdin?.end();
    this.#commands.disconnect();
    await Promise.all(ended);
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
