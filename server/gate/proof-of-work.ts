import { createHmac, type KeyObject, randomInt } from 'node:crypto';
import { type Challenge as AltchaChallenge, createChallenge, verifySolution } from 'altcha-lib';
import { deriveKey } from 'altcha-lib/algorithms/pbkdf2';
import { type Static, Type } from '../../contracts/schema-types.ts';
import type { AcceptedKey } from '../catalogue/ticket-keys.ts';
import { compileValidator } from '../http/validation.ts';
import { ExpiryTable } from './expiry-table.ts';

/**
 * ALTCHA proofs of work (version 2, deterministic). The node picks a number up to `rounds` and
 * shows half of the key that PBKDF2 derives from the number. A client that finds the number can
 * show the other half. This costs the client `rounds / 2` key derivations on average and never more
 * than `rounds`. It costs the node one derivation to issue and none to check.
 *
 * The signing secrets are derived from the sale's ticket key, the sale, the SKU and the user. A
 * solution is therefore valid only for that user and SKU, and no solution can exist before the
 * opening. The rounds are signed with it: what was solved while little work was asked for does not pass when
 * more is.
 */

/**
 * PBKDF2 iterations for each key: enough that a browser spends its time on them and not on the
 * calls.
 */
const KEY_ITERATIONS = 250;
const ALGORITHM = 'PBKDF2/SHA-256';
/**
 * Time from issuing a challenge to the ticket. The most expensive challenge takes a slow phone part
 * of it.
 */
export const CHALLENGE_TTL_MS = 120_000;
/** Rounds of an ordinary challenge: about a fifth of a second in a browser on two cores. */
const ROUNDS_USUAL = 2_000;
const ROUNDS_MAX = 64 * ROUNDS_USUAL;
const roundsOf = (times: number) => Math.min(ROUNDS_MAX, Math.round(ROUNDS_USUAL * times));
/**
 * Used solutions that are remembered: bounded by the number that can be solved within their life.
 */
const USED_MAX = 262_144;

export interface Challenge extends AltchaChallenge {
  readonly parameters: AltchaChallenge['parameters'] & {
    readonly data: { readonly rounds: number };
  };
}

export interface Bond {
  readonly sale: string;
  readonly sku: string;
  readonly userId: string;
}

const PROOF_FAULTS = ['failed', 'expired', 'used'] as const;
export type ProofFault = (typeof PROOF_FAULTS)[number];

const hex = (length: number) => Type.String({ pattern: `^[0-9a-f]{${length}}$` });
const whole = Type.Integer({ minimum: 0, maximum: 2 ** 32 });

const Payload = Type.Object(
  {
    challenge: Type.Object(
      {
        parameters: Type.Object(
          {
            algorithm: Type.Literal(ALGORITHM),
            cost: whole,
            expiresAt: whole,
            keyLength: whole,
            keyPrefix: Type.String({ maxLength: 64 }),
            keySignature: hex(64),
            nonce: hex(32),
            salt: hex(32),
            data: Type.Optional(Type.Object({ rounds: whole }, { additionalProperties: false })),
          },
          { additionalProperties: false },
        ),
        signature: hex(64),
      },
      { additionalProperties: true },
    ),
    solution: Type.Object(
      { counter: whole, derivedKey: hex(64), time: Type.Optional(Type.Number()) },
      { additionalProperties: true },
    ),
  },
  { additionalProperties: true },
);
const isPayload = compileValidator({ schema: Payload });
type Payload = Static<typeof Payload>;

function secrets(key: KeyObject, { sale, sku, userId }: Bond) {
  const derive = (purpose: string) =>
    createHmac('sha256', key).update([purpose, sale, sku, userId].join('\0')).digest('hex');
  return {
    hmacSignatureSecret: derive('challenge'),
    hmacKeySignatureSecret: derive('challenge key'),
  };
}

export class ProofOfWork {
  readonly #used = new ExpiryTable(USED_MAX);

  /** @param times multiple of the usual work; it has an upper bound */
  issue(key: KeyObject, bond: Bond, times: number): Promise<Challenge> {
    const rounds = roundsOf(times);
    const challenge = createChallenge({
      algorithm: ALGORITHM,
      cost: KEY_ITERATIONS,
      counter: randomInt(1, rounds + 1),
      deriveKey,
      expiresAt: Math.floor((Date.now() + CHALLENGE_TTL_MS) / 1_000),
      data: { rounds },
      ...secrets(key, bond),
    });
    return challenge as Promise<Challenge>;
  }

  /**
   * Checks a solution and marks it as used.
   *
   * @param text base64 of JSON, as the widget returns it
   * @param times the work that is asked for now
   * @returns why the solution is not valid, `required` if it took less work; undefined if it is
   */
  async redeem(
    keys: readonly AcceptedKey[],
    bond: Bond,
    text: string,
    nowMs: number,
    times: number,
  ): Promise<ProofFault | 'required' | undefined> {
    const payload = payloadOf(text);
    if (payload === undefined) return 'failed';
    const { challenge, solution } = payload;
    for (const { key, untilMs } of keys) {
      if (nowMs >= untilMs) continue;
      const options = { challenge, solution, deriveKey, ...secrets(key, bond) };
      const { verified, expired } = await verifySolution(options);
      if (expired) return 'expired';
      if (!verified) continue;
      // A web node of an older version does not say how many.
      const { rounds = 0 } = challenge.parameters.data ?? {};
      if (rounds < roundsOf(times)) return 'required';
      return this.#use(challenge.parameters) ? undefined : 'used';
    }
    return 'failed';
  }

  /**
   * Identifies a solution by its signed nonce, because the same solution can be spelled in several
   * ways.
   */
  #use({ nonce, expiresAt }: Payload['challenge']['parameters']): boolean {
    const nowMs = Date.now();
    if (this.#used.get(nonce, nowMs) > 0) return false;
    this.#used.set(nonce, (expiresAt + 1) * 1_000, nowMs);
    return true;
  }
}

function payloadOf(text: string): Payload | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(text, 'base64').toString());
    return isPayload(value) ? (value as Payload) : undefined;
  } catch {
    return undefined;
  }
}
