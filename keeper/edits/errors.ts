import type { Operation, Result } from '../../zk/client/result.ts';
import type { ZkSession } from '../../zk/client/session.ts';
import { encodePath, type Paths } from '../../zk/tree/paths.ts';
import type { Refusal } from '../../zk/tree/values.ts';
import type { Problem } from './problems.ts';

/** In place of the text of an edit error that is none, or that the keeper has no right to read. */
const UNREAD = '';

/**
 * The edit errors below /errors, which tell operators why an edit has no effect. An edit error also
 * stores the value in force: a process that starts while the node holds an invalid text reads the
 * value from there.
 */
export class EditErrors {
  #session: ZkSession;
  #paths: Paths;
  #epoch: Operation;
  /** The texts below /errors by encoded path, without their times. */
  #written: Map<string, string> | undefined;

  /** @param epoch the check that every write contains */
  constructor(session: ZkSession, paths: Paths, epoch: Operation) {
    this.#session = session;
    this.#paths = paths;
    this.#epoch = epoch;
  }

  /**
   * Makes /errors contain exactly these problems. An edit error that the keeper has no right to write is left out.
   *
   * @returns false when it must be tried again
   */
  async write(problems: readonly Problem[]): Promise<boolean> {
    const written = await this.#read(this.#written);
    if (!written) return false;
    this.#written = written;
    const wanted = new Map(problems.map((problem) => [encodePath(problem.path), problem]));
    for (const [name, problem] of wanted) {
      const { path: _, isUnknown, ...facts } = problem;
      const text = JSON.stringify(facts);
      if (written.get(name) === text || (isUnknown && written.get(name) === UNREAD)) continue;
      const refusal: Refusal = { ...facts, at: new Date().toISOString() };
      const done = await this.#put(name, JSON.stringify(refusal), written.has(name));
      if (!done.ok && done.error === 'no_auth') continue;
      if (!done.ok) return this.#fail();
      written.set(name, text);
    }
    for (const name of [...written.keys()]) {
      if (wanted.has(name)) continue;
      const path = `${this.#paths.errors}/${name}`;
      const done = await this.#session.multi([this.#epoch, { op: 'delete', path, version: -1 }]);
      if (!done.ok && done.error === 'no_auth') continue;
      if (!done.ok && done.error !== 'no_node') return this.#fail();
      written.delete(name);
    }
    return true;
  }

  async #put(name: string, text: string, isThere: boolean): Promise<Result<void>> {
    const path = `${this.#paths.errors}/${name}`;
    const operation: Operation = isThere
      ? { op: 'set', path, text, version: -1 }
      : { op: 'create', path, text };
    return this.#session.multi([this.#epoch, operation]);
  }

  /** The state of /errors is now unknown; the next write reads it first. */
  #fail(): false {
    this.#written = undefined;
    return false;
  }

  /** @param known texts that were read or written; somebody may have deleted them by hand since */
  async #read(known?: ReadonlyMap<string, string>): Promise<Map<string, string> | undefined> {
    const names = await this.#session.children(this.#paths.errors);
    if (!names.ok) return undefined;
    const written = new Map<string, string>();
    for (const name of names.value) {
      const text = known?.get(name);
      if (text !== undefined) {
        written.set(name, text);
        continue;
      }
      const found = await this.#session.get(`${this.#paths.errors}/${name}`);
      if (!found.ok && found.error !== 'no_auth') return undefined;
      written.set(name, found.ok ? withoutTime(found.value.text) : UNREAD);
    }
    return written;
  }
}

function withoutTime(text: string): string {
  try {
    const { refused, reason, inForce } = JSON.parse(text) as Refusal;
    return JSON.stringify({ refused, reason, inForce });
  } catch {
    return UNREAD;
  }
}
