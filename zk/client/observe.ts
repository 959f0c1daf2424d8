import type { Observed, Result, Stat } from './result.ts';

/**
 * One watched node. ZooKeeper's watches fire once and can be lost with a connection. A value is
 * therefore read again after each event, on each new connection, and now and then in turn with others. Events make
 * it fast; the repeated reads make it correct.
 */

export type Observer = (
  | { kind: 'value'; handler: (value: Observed | undefined) => void }
  | { kind: 'children'; handler: (names: readonly string[]) => void }
) & {
  path: string;
  /** Called when ZooKeeper says that this process has no right to read the node, until it may read it again once. */
  onRefused?: () => void;
};

interface Reader {
  get(path: string, onEvent: () => void): Promise<Result<Observed>>;
  exists(path: string, onEvent: () => void): Promise<Result<Stat | undefined>>;
  children(path: string, onEvent: () => void): Promise<Result<string[]>>;
  /** No event of the node is awaited any more. */
  forget(path: string, onEvent: () => void): void;
}

type Read =
  | { readonly value: Observed | undefined }
  | { readonly names: readonly string[] }
  | 'refused';

export class Observation {
  /** Resolves after the first read, or when the observation is closed. */
  readonly first: Promise<void>;
  #seen: () => void = () => {};
  /** Resolves after the first answer, also if it says that there is no right to read the node. */
  readonly answered: Promise<void>;
  #heard: () => void = () => {};
  #reader: Reader;
  #observer: Observer;
  #onClose: () => void;
  #last: string | undefined;
  #reading = false;
  #again = false;
  #closed = false;
  #hasFailed = false;
  #isRefused = false;
  #isRead = false;
  /**
   * One function for all reads, because the client keeps each distinct function until its event
   * comes.
   */
  #onEvent = () => this.read();

  constructor(reader: Reader, observer: Observer, onClose: () => void) {
    this.#reader = reader;
    this.#observer = observer;
    this.#onClose = onClose;
    this.first = new Promise((resolve) => {
      this.#seen = resolve;
    });
    this.answered = new Promise((resolve) => {
      this.#heard = resolve;
    });
  }

  /** Whether the last read brought no answer, for want of rights for example: no event follows it. */
  get hasFailed(): boolean {
    return this.#hasFailed;
  }

  /** Whether ZooKeeper said at the last read that this process has no right to it. It is tried again now and then. */
  get isRefused(): boolean {
    return this.#isRefused;
  }

  /** Whether the node, or its absence, was read at some time. */
  get isRead(): boolean {
    return this.#isRead;
  }

  /** Requests a new read. Requests during a read share the next one. */
  read(): void {
    if (this.#closed) return;
    if (this.#reading) {
      this.#again = true;
      return;
    }
    this.#reading = true;
    this.#again = false;
    this.#readOnce().then((read) => {
      this.#reading = false;
      if (this.#closed) return this.#forget();
      this.#hasFailed = read === undefined || read === 'refused';
      if (read === 'refused') this.#refuse();
      else if (read) this.#deliver(read);
      if (this.#again) this.read();
    });
  }

  /**
   * Undefined when ZooKeeper did not answer. A later connection or the next interval reads again.
   */
  async #readOnce(): Promise<Read | undefined> {
    const { path, kind } = this.#observer;
    const result =
      kind === 'value'
        ? await this.#reader.get(path, this.#onEvent)
        : await this.#reader.children(path, this.#onEvent);
    if (result.ok) {
      return Array.isArray(result.value) ? { names: result.value.sort() } : { value: result.value };
    }
    if (result.error === 'no_auth') return 'refused';
    if (result.error !== 'no_node') return undefined;
    const found = await this.#reader.exists(path, this.#onEvent);
    if (!found.ok) return undefined;
    if (found.value) {
      // The node was created between the two calls. Nothing is reported until it has been read.
      this.#again = true;
      return undefined;
    }
    return kind === 'value' ? { value: undefined } : { names: [] };
  }

  #refuse(): void {
    const isNew = !this.#isRefused;
    this.#isRefused = true;
    // The next read is news, even if it brings what was read before.
    this.#last = undefined;
    if (isNew) this.#observer.onRefused?.();
    this.#heard();
  }

  #deliver(read: Exclude<Read, 'refused'>): void {
    const observer = this.#observer;
    this.#isRefused = false;
    this.#isRead = true;
    if ('names' in read && observer.kind === 'children') {
      if (this.#isNew(read.names.join('/'))) observer.handler(read.names);
    } else if ('value' in read && observer.kind === 'value') {
      const stat = read.value?.stat;
      const facts = stat ? `${stat.created} ${stat.modified} ${stat.children}` : 'none';
      if (this.#isNew(facts)) observer.handler(read.value);
    }
    this.#seen();
    this.#heard();
  }

  #isNew(facts: string): boolean {
    const isNew = facts !== this.#last;
    this.#last = facts;
    return isNew;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#onClose();
    this.#forget();
    this.#seen();
    this.#heard();
  }

  #forget(): void {
    this.#reader.forget(this.#observer.path, this.#onEvent);
  }
}

/** The observations of one session. */
export class Observations {
  readonly #reader: Reader;
  readonly #all = new Set<Observation>();

  constructor(reader: Reader) {
    this.#reader = reader;
  }

  begin(observer: Observer): Observation {
    const observation = new Observation(this.#reader, observer, () =>
      this.#all.delete(observation),
    );
    this.#all.add(observation);
    observation.read();
    return observation;
  }

  readAll(): void {
    for (const observation of this.#all) observation.read();
  }

  /** Reads the next ones in turn, and those whose last read failed. One that is put into the Set again becomes its last. */
  readNext(count: number): void {
    for (const observation of this.#all) if (observation.hasFailed) observation.read();
    for (const observation of [...this.#all.values().take(count)]) {
      this.#all.delete(observation);
      this.#all.add(observation);
      observation.read();
    }
  }

  closeAll(): void {
    for (const observation of [...this.#all]) observation.close();
  }
}
