import { createPublicKey, type JsonWebKeyInput, type KeyObject } from 'node:crypto';
import {
  ConsecutiveBreaker,
  circuitBreaker,
  handleAll,
  TimeoutStrategy,
  timeout,
  wrap,
} from 'cockatiel';

/**
 * The public keys of the shop, from its JWKS. That they cannot be read says nothing about a token, so
 * it is an error of its own; after some of them in a row nobody waits for the same timeout.
 *
 * The set is read as a whole and remembered as a whole. Which key a token names is for everyone to
 * write: by key, invented names would be a question to the shop each, and would push the real keys
 * out of memory.
 */

/** A set this old is read again. Its keys stay good for as long once more: nobody waits for the new set. */
const KEYS_TTL_MS = 600_000;
/** A key that the set did not have is not looked for again sooner. */
const MISSING_TTL_MS = 2_000;
const ANSWER_TIMEOUT_MS = 3_000;
const FAILURES_MAX = 5;
const OPEN_MS = 2_000;
/** Of the whole set; large shops have some dozens of keys, 2 KB each. */
const KEY_SET_BYTES_MAX = 262_144;
/** RFC 7518 §3.3. */
const RSA_BITS_MIN = 2_048;

/** Nothing can be said about a token: the shop's JWKS does not answer, or not with keys. */
export class KeysUnavailable extends Error {
  override name = 'KeysUnavailable';
}

interface ShopKey {
  readonly kid: string;
  /** What it may have signed with. */
  readonly algorithms: readonly string[];
  readonly pem: string;
}

interface KeySet {
  readonly keys: readonly ShopKey[];
  /** Monotonic; of the question, so that nothing newer is taken for known. */
  readonly askedAtMs: number;
}

/** @returns reads one key as PEM; rejects with KeysUnavailable, or when there is no such key */
export function createKeyReader(url: string): (alg: string, kid: string) => Promise<string> {
  const policy = wrap(
    circuitBreaker(handleAll, {
      halfOpenAfter: OPEN_MS,
      breaker: new ConsecutiveBreaker(FAILURES_MAX),
    }),
    timeout(ANSWER_TIMEOUT_MS, TimeoutStrategy.Aggressive),
  );
  let known: KeySet | undefined;
  let reading: Promise<KeySet> | undefined;

  /** One question serves all who come while it is under way. */
  function read(): Promise<KeySet> {
    reading ??= policy
      .execute(({ signal }) => readKeys(url, signal))
      .then((set) => {
        known = set;
        return set;
      })
      .finally(() => {
        reading = undefined;
      });
    return reading;
  }

  return async (alg, kid) => {
    const remembered = known && keyOf(known, alg, kid);
    const ageMs = known ? performance.now() - known.askedAtMs : Number.POSITIVE_INFINITY;
    if (remembered && ageMs < 2 * KEYS_TTL_MS) {
      // What fails is asked again by the next caller.
      if (ageMs >= KEYS_TTL_MS) read().catch(() => {});
      return remembered.pem;
    }
    try {
      const set = known && ageMs < MISSING_TTL_MS ? known : await read();
      const key = keyOf(set, alg, kid);
      if (key) return key.pem;
    } catch (error) {
      throw new KeysUnavailable('the keys that sign tokens cannot be read', { cause: error });
    }
    throw new Error('the shop has no such key');
  };
}

function keyOf({ keys }: KeySet, alg: string, kid: string): ShopKey | undefined {
  return keys.find((key) => key.kid === kid && key.algorithms.includes(alg));
}

async function readKeys(url: string, signal: AbortSignal): Promise<KeySet> {
  const askedAtMs = performance.now();
  // A redirect could lead to where anybody answers.
  const response = await fetch(url, { signal, redirect: 'error' });
  if (!response.ok) throw new Error(`the JWKS answers ${response.status}`);
  const { keys } = JSON.parse(await textOf(response)) as { keys?: unknown };
  if (!Array.isArray(keys) || keys.length === 0) throw new Error('the JWKS has no keys');
  return { keys: keys.flatMap(shopKeyOf), askedAtMs };
}

async function textOf({ body }: Response): Promise<string> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const part of body ?? []) {
    bytes += part.length;
    if (bytes > KEY_SET_BYTES_MAX) throw new Error(`the JWKS is over ${KEY_SET_BYTES_MAX} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts).toString();
}

type Jwk = JsonWebKeyInput['key'] & {
  readonly kid?: unknown;
  readonly use?: unknown;
  readonly key_ops?: unknown;
  readonly alg?: unknown;
};

/** None for what is no public key that signs, such as one of a kind that is not known here. */
function shopKeyOf(jwk: Jwk): ShopKey[] {
  try {
    const { kid, use = 'sig', key_ops: operations = ['verify'], alg } = jwk;
    const isForSigning =
      use === 'sig' && Array.isArray(operations) && operations.includes('verify');
    // A private key that stands in a public place signs for everybody.
    if (typeof kid !== 'string' || kid === '' || !isForSigning || 'd' in jwk) return [];
    const key = createPublicKey({ key: jwk, format: 'jwk' });
    const algorithms = algorithmsOf(key).filter((one) => alg === undefined || one === alg);
    return [{ kid, algorithms, pem: key.export({ type: 'spki', format: 'pem' }).toString() }];
  } catch {
    return [];
  }
}

/** The algorithms of tokens that a key of this kind and size verifies. */
function algorithmsOf({ asymmetricKeyType: kind, asymmetricKeyDetails: details }: KeyObject) {
  if (kind === 'rsa' && (details?.modulusLength ?? 0) >= RSA_BITS_MIN) return ['RS256', 'PS256'];
  if (kind === 'ec' && details?.namedCurve === 'prime256v1') return ['ES256'];
  return kind === 'ed25519' ? ['EdDSA'] : [];
}
