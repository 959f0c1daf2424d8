import { createHmac, randomBytes } from 'node:crypto';

/**
 * What stands for people and things in a recording. Users and addresses become hashes with a salt that is made
 * for one recording and kept nowhere. So nobody can try users out, and two recordings have nothing in common.
 */

/** 48 bits: among a million users, two hardly ever share a hash. */
const HASH_LENGTH = 8;

export class Hashes {
  readonly #salt = randomBytes(32);

  of(kind: 'user' | 'address' | 'connection' | 'request' | 'order', text: string): string {
    const mac = createHmac('sha256', this.#salt).update(`${kind}\0${text}`).digest('base64url');
    return mac.slice(0, HASH_LENGTH);
  }
}

/** A map with a limit: what was not used for longest is forgotten first. */
export class Remembered<Value> {
  readonly #entries = new Map<string, Value>();
  readonly #max: number;
  readonly #onForgotten: (value: Value) => void;

  constructor(max: number, onForgotten: (value: Value) => void = () => {}) {
    this.#max = max;
    this.#onForgotten = onForgotten;
  }

  get(key: string): Value | undefined {
    const value = this.#entries.get(key);
    if (value === undefined) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, value);
    return value;
  }

  set(key: string, value: Value): void {
    this.#entries.delete(key);
    this.#entries.set(key, value);
    if (this.#entries.size <= this.#max) return;
    const [oldest] = this.#entries;
    if (oldest === undefined) return;
    this.#entries.delete(oldest[0]);
    this.#onForgotten(oldest[1]);
  }

  values(): IterableIterator<Value> {
    return this.#entries.values();
  }
}
