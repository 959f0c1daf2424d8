import { createPublicKey, type JsonWebKeyInput, type KeyObject } from 'node:crypto';
import { TimeoutStrategy, timeout } from 'cockatiel';
import { Circuit } from '../../process/circuit.ts';

/**
 * Reads the public keys of the shop from its JWKS. A failure to read them says nothing about a
 * token, so it is an error of its own. After several failures in a row a circuit breaker opens, so
 * that callers do not wait for the same timeout again.
 *
 * The key set is read and remembered as a whole. Anybody can write any key id into a token: if keys
 * were read one by one, each invented id would cause a request to the shop and could push real keys
 * out of memory.
 */

/**
 * A set of this age is read again. Its keys stay valid for as long once more, so that nobody has to
 * wait for the new set.
 */
const KEYS_TTL_MS = 600_000;
/** Minimum age of the set before it is read again for a key that it does not have. */
const MISSING_TTL_MS = 2_000;
const ANSWER_TIMEOUT_MS = 3_000;
const FAILURES_MAX = 5;
const OPEN_MS = 2_000;
/** Size limit of the whole set. Large shops have some dozens of keys of 2 KB each. */
const KEY_SET_BYTES_MAX = 262_144;
/** RFC 7518 §3.3. */
const RSA_BITS_MIN = 2_048;

/** The shop's JWKS does not answer or has no keys, so nothing can be said about a token. */
export class KeysUnavailable extends Error {
  override name = 'KeysUnavailable';
}

interface ShopKey {
  readonly kid: string;
  /** Algorithms of the signatures that this key can verify. */
  readonly algorithms: readonly string[];
  readonly pem: string;
}

interface KeySet {
  readonly keys: readonly ShopKey[];
  /** Monotonic time at which the request was sent, so that no newer state counts as known. */
  readonly askedAtMs: number;
}

/**
 * @returns function that reads one key as PEM; it rejects with KeysUnavailable, or with another
 *   error if there is no such key
 */
export function createKeyReader(url: string): (alg: string, kid: string) => Promise<string> {
  const circuit = new Circuit({ failuresMax: FAILURES_MAX, openMs: OPEN_MS });
  const inTime = timeout(ANSWER_TIMEOUT_MS, TimeoutStrategy.Aggressive);
  let known: KeySet | undefined;
  let reading: Promise<KeySet> | undefined;

  async function ask(): Promise<KeySet> {
    const set = await circuit.run(() => inTime.execute(({ signal }) => readKeys(url, signal)));
    if (set === undefined) throw new Error('the JWKS has failed several times in a row');
    known = set;
    return set;
  }

  /** All callers share one request that is under way. */
  function read(): Promise<KeySet> {
    reading ??= ask().finally(() => {
      reading = undefined;
    });
    return reading;
  }

  return async (alg, kid) => {
    const remembered = known && keyOf(known, alg, kid);
    const ageMs = known ? performance.now() - known.askedAtMs : Number.POSITIVE_INFINITY;
    if (remembered && ageMs < 2 * KEYS_TTL_MS) {
      // If this fails, the next caller tries again.
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
  // A redirect could lead to a server that somebody else controls.
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

/** Returns no key for a JWK that is not a public signing key of a known kind. */
function shopKeyOf(jwk: Jwk): ShopKey[] {
  try {
    const { kid, use = 'sig', key_ops: operations = ['verify'], alg } = jwk;
    const isForSigning =
      use === 'sig' && Array.isArray(operations) && operations.includes('verify');
    // A private key that is published can be used by anybody to sign.
    if (typeof kid !== 'string' || kid === '' || !isForSigning || 'd' in jwk) return [];
    const key = createPublicKey({ key: jwk, format: 'jwk' });
    const algorithms = algorithmsOf(key).filter((one) => alg === undefined || one === alg);
    return [{ kid, algorithms, pem: key.export({ type: 'spki', format: 'pem' }).toString() }];
  } catch {
    return [];
  }
}

/** Algorithms of the tokens that a key of this kind and size can verify. */
function algorithmsOf({ asymmetricKeyType: kind, asymmetricKeyDetails: details }: KeyObject) {
  if (kind === 'rsa' && (details?.modulusLength ?? 0) >= RSA_BITS_MIN) return ['RS256', 'PS256'];
  if (kind === 'ec' && details?.namedCurve === 'prime256v1') return ['ES256'];
  return kind === 'ed25519' ? ['EdDSA'] : [];
}
