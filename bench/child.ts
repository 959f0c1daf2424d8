import { type ChildProcess, fork } from 'node:child_process';

/** A child process of a benchmark that takes one command at a time and answers with one message. */
export class Child {
  readonly #process: ChildProcess;

  /** @param file absolute path of its program */
  constructor(file: string, args: readonly string[] = []) {
    this.#process = fork(file, [...args], { stdio: 'inherit' });
  }

  get pid(): number {
    return this.#process.pid ?? 0;
  }

  /** @throws {Error} when the process ends before it answers */
  ask<T>(order: number | object): Promise<T> {
    return new Promise((resolve, reject) => {
      const ended = (code: number | null) => reject(new Error(`ended early, with code ${code}`));
      this.#process.once('exit', ended);
      this.#process.once('message', (answer) => {
        this.#process.off('exit', ended);
        resolve(answer as T);
      });
      this.#process.send(order);
    });
  }

  end(): void {
    this.#process.kill('SIGKILL');
  }
}
