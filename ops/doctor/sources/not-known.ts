import { DatabaseError } from '../../../db/client/errors.ts';

export const IS_NOT_SET = 'is not set';

/** A source that cannot be asked, and what would let it be asked. */
export class NotKnown extends Error {
  override name = 'NotKnown';
  readonly command: string;

  constructor(reason: string, command: string) {
    super(reason);
    this.command = command;
  }
}

const MAY_NOT = '42501';
const PREPARE = 'run prepare of this release, and give DATABASE_URL the login flashsale_ops';

/**
 * Turns the refusal of a database into what would let it be known. Other errors stay what they are.
 *
 * @param what the login may not see
 */
export async function allowed<T>(what: string, ask: Promise<T>): Promise<T> {
  try {
    return await ask;
  } catch (error) {
    if (!(error instanceof DatabaseError) || error.sqlstate !== MAY_NOT) throw error;
    throw new NotKnown(`the login of DATABASE_URL may not see ${what}`, PREPARE);
  }
}

/** Keeps the one promise of a call, also if it is rejected. */
export function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make();
    // Whoever asks handles it.
    made.catch(() => {});
    return made;
  };
}

/** @throws {Error} after `limitMs` */
export async function within<T>(limitMs: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not within ${limitMs} ms`)), limitMs);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
    work.catch(() => {});
  }
}
