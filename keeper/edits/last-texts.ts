import { setTimeout as delay } from 'node:timers/promises';
import type { ZkSession } from '../../zk/client/session.ts';
import { readHistory } from '../../zk/tree/history.ts';
import type { Paths } from '../../zk/tree/paths.ts';

/**
 * The values that were in force when the last keeper led, according to the history. An edit that was made while no keeper ran has no edit
 * error, so that if it is invalid, nothing else tells of the last valid value.
 */

const RETRY_MS = 200;
/** By then the session has ended, or there is no right to read the history. */
const TRIES_MAX = 50;

export class LastTexts {
  readonly #session: ZkSession;
  readonly #paths: Paths;
  #texts: Promise<ReadonlyMap<string, string | null>> | undefined;
  #isClosed = false;

  constructor(session: ZkSession, paths: Paths) {
    this.#session = session;
    this.#paths = paths;
  }

  /** The history is read when it is first needed: most leaders find all values. */
  async of(path: string): Promise<string | undefined> {
    this.#texts ??= this.#read();
    return (await this.#texts).get(path) ?? undefined;
  }

  /** Names below a folder that had a text. */
  async below(folder: string): Promise<string[]> {
    this.#texts ??= this.#read();
    const texts = [...(await this.#texts)].filter(([, text]) => text !== null);
    const start = `${folder}/`;
    return texts.flatMap(([path]) => (path.startsWith(start) ? [path.slice(start.length)] : []));
  }

  async #read(): Promise<ReadonlyMap<string, string | null>> {
    for (let tries = 0; tries < TRIES_MAX && !this.#isClosed; tries++) {
      const entries = await readHistory(this.#session, this.#paths);
      if (entries) return new Map(entries.map(({ path, to }) => [path, to]));
      await delay(RETRY_MS);
    }
    return new Map();
  }

  close(): void {
    this.#isClosed = true;
  }
}
