import { timingSafeEqual } from 'node:crypto';
import { hashOfToken, type TokenEntry } from '../../contracts/console.ts';
import type { Person } from './sessions.ts';

/** The tokens that the console takes, by their hashes. */
export class Tokens {
  readonly #entries: readonly { readonly person: Person; readonly hash: Buffer }[];

  constructor(entries: readonly TokenEntry[]) {
    this.#entries = entries.map(({ login, roles, sha256 }) => ({
      person: { login, roles },
      hash: Buffer.from(sha256, 'hex'),
    }));
  }

  get isEmpty(): boolean {
    return this.#entries.length === 0;
  }

  /** Compares with every entry, so that the time tells nothing. */
  personOf(token: string): Person | undefined {
    const given = Buffer.from(hashOfToken(token), 'hex');
    let found: Person | undefined;
    for (const { person, hash } of this.#entries) {
      if (timingSafeEqual(given, hash)) found = person;
    }
    return found;
  }
}
