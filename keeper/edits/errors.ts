import type { Operation } from '../../zk/client/result.ts';
import type { ZkSession } from '../../zk/client/session.ts';
import { encodePath, type Paths } from '../../zk/tree/paths.ts';
import type { Refusal } from '../../zk/tree/values.ts';
import type { Problem } from './settings.ts';

/**
 * The notes below /errors that tell operators why an edit has no effect. A note is also the memory
 * of the value in force: a process that starts while garbage stands there reads it.
 */
export class EditErrors {
  #session: ZkSession;
  #paths: Paths;
  #epoch: Operation;
  /** What stands there, by encoded path, without its time. */
  #written: Map<string, string> | undefined;

  /** `epoch` is checked by each write. */
  constructor(session: ZkSession, paths: Paths, epoch: Operation) {
    this.#session = session;
    this.#paths = paths;
    this.#epoch = epoch;
  }

  /** Makes the notes say exactly these problems; false when it has to be tried again. */
  async write(problems: readonly Problem[]): Promise<boolean> {
    const written = this.#written ?? (await this.#read());
    if (!written) return false;
    this.#written = written;
    const wanted = new Map(problems.map((problem) => [encodePath(problem.path), problem]));
    for (const [name, problem] of wanted) {
      const { path: _, ...facts } = problem;
      const text = JSON.stringify(facts);
      if (written.get(name) === text) continue;
      const note: Refusal = { ...facts, at: new Date().toISOString() };
      const done = await this.#put(name, JSON.stringify(note), written.has(name));
      if (!done) return this.#fail();
      written.set(name, text);
    }
    for (const name of [...written.keys()]) {
      if (wanted.has(name)) continue;
      const path = `${this.#paths.errors}/${name}`;
      const done = await this.#session.multi([this.#epoch, { op: 'delete', path, version: -1 }]);
      if (!done.ok && done.error !== 'no_node') return this.#fail();
      written.delete(name);
    }
    return true;
  }

  async #put(name: string, text: string, isThere: boolean): Promise<boolean> {
    const path = `${this.#paths.errors}/${name}`;
    const operation: Operation = isThere
      ? { op: 'set', path, text, version: -1 }
      : { op: 'create', path, text };
    return (await this.#session.multi([this.#epoch, operation])).ok;
  }

  /** What is there is not known any more: it is read again next time. */
  #fail(): false {
    this.#written = undefined;
    return false;
  }

  async #read(): Promise<Map<string, string> | undefined> {
    const names = await this.#session.children(this.#paths.errors);
    if (!names.ok) return undefined;
    const written = new Map<string, string>();
    for (const name of names.value) {
      const note = await this.#session.get(`${this.#paths.errors}/${name}`);
      if (!note.ok) return undefined;
      written.set(name, withoutTime(note.value.text));
    }
    return written;
  }
}

function withoutTime(text: string): string {
  try {
    const { refused, reason, inForce } = JSON.parse(text) as Refusal;
    return JSON.stringify({ refused, reason, inForce });
  } catch {
    return '';
  }
}
