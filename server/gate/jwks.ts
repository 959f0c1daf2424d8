import {
  ConsecutiveBreaker,
  circuitBreaker,
  handleWhen,
  TimeoutStrategy,
  timeout,
  wrap,
} from 'cockatiel';
import buildGetJwks from 'get-jwks';

/**
 * The public keys of the shop, from its JWKS. That they cannot be read says nothing about a token, so
 * it is an error of its own; after some of them in a row nobody waits for the same timeout.
 */

const CACHE_ENTRIES_MAX = 16;
const CACHE_TTL_MS = 600_000;
const ANSWER_TIMEOUT_MS = 3_000;
const FAILURES_MAX = 5;
const OPEN_MS = 2_000;

/** Nothing can be said about a token: the shop's JWKS does not answer, or not with keys. */
export class KeysUnavailable extends Error {
  override name = 'KeysUnavailable';
}

/** The set was read and has no such key: that is the token's fault. All else is not. */
function isMissingKey(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'JWK_NOT_FOUND';
}

/** @returns reads one key as PEM; rejects with KeysUnavailable, or when there is no such key */
export function createKeyReader(url: string): (alg: string, kid: string) => Promise<string> {
  const { origin, pathname } = new URL(url);
  const jwks = buildGetJwks({ max: CACHE_ENTRIES_MAX, ttl: CACHE_TTL_MS, jwksPath: pathname });
  const policy = wrap(
    circuitBreaker(
      handleWhen((error) => !isMissingKey(error)),
      { halfOpenAfter: OPEN_MS, breaker: new ConsecutiveBreaker(FAILURES_MAX) },
    ),
    timeout(ANSWER_TIMEOUT_MS, TimeoutStrategy.Aggressive),
  );
  return async (alg, kid) => {
    try {
      return await policy.execute(() => jwks.getPublicKey({ domain: origin, alg, kid }));
    } catch (error) {
      if (isMissingKey(error)) throw error;
      throw new KeysUnavailable('the keys that sign tokens cannot be read', { cause: error });
    }
  };
}
