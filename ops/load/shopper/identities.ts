import { createReadStream, readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { createSigner } from 'fast-jwt';
import type { Plan } from '../plan/read.ts';

/** Who the shoppers are: guests of the demo, tokens of a file, or tokens that are signed with a key. */

export interface Identities {
  /** The token of a shopper: `guest` if the shop hands it out; undefined if there is none left. */
  tokenOf(shopper: number): Promise<string | undefined>;
}

export const GUEST = 'guest';
/** Longer than any plan. */
const TOKEN_TTL_MS = 24 * 3_600_000;

/** @param planFile paths in a plan are relative to it */
export function openIdentities(wanted: Plan['identities'], planFile: string): Identities {
  if (wanted === 'guests') return { tokenOf: async () => GUEST };
  const at = (path: string) => resolve(dirname(planFile), path);
  if ('tokens' in wanted) return tokensOfFile(at(wanted.tokens));
  const { users = 'crowd', audience, issuer, keyId } = wanted;
  // The algorithm follows from the key: HS256 of a secret, that of the private key in a PEM file.
  const sign = createSigner({
    key: readFileSync(at(wanted.key), 'utf8').trim(),
    expiresIn: TOKEN_TTL_MS,
    ...(audience !== undefined && { aud: audience }),
    ...(issuer !== undefined && { iss: issuer }),
    ...(keyId !== undefined && { kid: keyId }),
  });
  return { tokenOf: async (shopper) => sign({ sub: `${users}-${shopper + 1}` }) };
}

/**
 * The nth line is the token of the nth shopper. The file is read as shoppers arrive, so it may be
 * larger than the memory.
 */
function tokensOfFile(path: string): Identities {
  const lines = createInterface({ input: createReadStream(path) })[Symbol.asyncIterator]();
  let next = 0;
  const upTo = async (shopper: number) => {
    for (; next < shopper; next += 1) await lines.next();
    next += 1;
    const line = await lines.next();
    return line.done === true ? undefined : line.value.trim() || undefined;
  };
  let turn: Promise<unknown> = Promise.resolve();
  return {
    // In the order in which it is called, which is that of the shoppers.
    tokenOf(shopper) {
      const answer = turn.then(() => upTo(shopper));
      turn = answer.catch(() => {});
      return answer;
    },
  };
}
