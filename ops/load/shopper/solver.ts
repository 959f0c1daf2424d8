import { pbkdf2Sync } from 'node:crypto';
import { parentPort } from 'node:worker_threads';
import { type Challenge, solveChallenge } from 'altcha-lib';

/** A thread that solves the shop's challenges, as the widget of the page does in web workers. */

export interface Task {
  readonly id: number;
  readonly challenge: Challenge;
}

export interface Solved {
  readonly id: number;
  /** Base64 of JSON, as the widget returns it; null if it cannot be solved. */
  readonly payload: string | null;
}

/** The shop's challenges are valid for two minutes. */
const SOLVE_TIMEOUT_MS = 110_000;
const DIGESTS: Readonly<Record<string, string>> = { 'PBKDF2/SHA-256': 'sha256' };

async function solve(challenge: Challenge): Promise<string | null> {
  const digest = DIGESTS[challenge.parameters.algorithm];
  if (digest === undefined) return null;
  const solution = await solveChallenge({
    challenge,
    timeout: SOLVE_TIMEOUT_MS,
    // The library's own goes through the thread pool of Node for each key, which takes twice as long.
    deriveKey: async ({ cost, keyLength = 32 }, salt, password) => ({
      parameters: {},
      derivedKey: pbkdf2Sync(password, salt, cost, keyLength, digest),
    }),
  });
  if (solution === null) return null;
  return Buffer.from(JSON.stringify({ challenge, solution })).toString('base64');
}

parentPort?.on('message', async ({ id, challenge }: Task) => {
  const payload = await solve(challenge).catch(() => null);
  parentPort?.postMessage({ id, payload } satisfies Solved);
});
