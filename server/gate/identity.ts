import { createSigner, createVerifier } from 'fast-jwt';
import { USER_ID_LENGTH_MAX } from '../../contracts/names.ts';
import { Problem } from '../http/problems.ts';
import { createKeyReader, KeysUnavailable } from './jwks.ts';
import { Recent } from './recent.ts';
import { createShopTokenReader, type Purpose } from './shop-token.ts';

/**
 * Finds out which user makes a request: `sub` of the shop's bearer JWT. An identity provider may
 * sign tokens for several services, so a token counts only if it is meant for this shop.
 */

/**
 * Verified tokens that are remembered, so that a shopper who polls costs one check. fast-jwt has a
 * cache as well, but it hashes each token with SHA-256 for the lookup, which costs as much as the
 * check itself.
 */
const TOKEN_CACHE_ENTRIES_MAX = 20_000;
const TOKEN_CACHE_TTL_MS = 60_000;
const GUEST_TOKEN_TTL_MS = 24 * 3_600_000;
/** Longer bearer tokens are refused without being read. */
const TOKEN_LENGTH_MAX = 4_096;

/** Allowed difference between the clocks of this machine and of the signing one. */
const CLOCK_LEEWAY_MS = 5_000;
/** A token for another purpose, such as a logout token, has another type (RFC 8725 §3.11). */
const TOKEN_TYPES: ReadonlySet<string> = new Set(['jwt', 'at+jwt']);

export type IdentityConfig = Purpose &
  (
    | { readonly kind: 'secret'; readonly secret: string }
    | { readonly kind: 'jwks'; readonly url: string }
  );

type UserId = string | undefined;

export interface Identity {
  /**
   * Returns the user id of `Authorization: Bearer …`; undefined if there is no valid token. The
   * result is a promise only where I/O is needed, because a promise for each of a million presses
   * would be costly.
   *
   * @throws {Problem} overloaded, as a rejection: the shop's JWKS cannot be read
   */
  userOf(authorization: string | undefined): UserId | Promise<UserId>;
}

type Claims = { sub?: unknown; exp?: unknown; iat?: unknown; aud?: unknown };
type Complete = { header: { typ?: unknown }; payload: Claims };

function verifier(config: IdentityConfig): (token: string) => Claims | Promise<Claims> {
  const { audience, issuer } = config;
  const options = {
    requiredClaims: ['sub', 'exp', ...(audience ? ['aud'] : []), ...(issuer ? ['iss'] : [])],
    ...(audience && { allowedAud: audience }),
    ...(issuer && { allowedIss: issuer }),
    clockTolerance: CLOCK_LEEWAY_MS,
    complete: true as const,
  };
  const meant = ({ header, payload }: Complete): Claims => {
    const { typ = 'jwt' } = header;
    const type = String(typ)
      .toLowerCase()
      .replace(/^application\//, '');
    const isForOthers = audience === undefined && payload.aud !== undefined;
    return TOKEN_TYPES.has(type) && !isForOthers ? payload : {};
  };
  if (config.kind === 'secret') {
    const verify = createVerifier({ ...options, key: config.secret, algorithms: ['HS256'] });
    const read = createShopTokenReader(config.secret, config);
    return (token) => read(token) ?? meant(verify(token));
  }
  const readKey = createKeyReader(config.url);
  const verify = createVerifier({
    ...options,
    algorithms: ['RS256', 'PS256', 'ES256', 'EdDSA'],
    key: ({ header }: { header: Record<string, string> }) =>
      readKey(header['alg'] ?? '', header['kid'] ?? ''),
  });
  return (token) => verify(token).then(meant);
}

const CANNOT_TELL = {
  detail: 'It cannot be checked right now who you are. Nothing was taken: try again.',
};

export function createIdentity(config: IdentityConfig): Identity {
  const verify = verifier(config);
  const known = new Recent<{ userId: string; untilMs: number }>(TOKEN_CACHE_ENTRIES_MAX);

  function believe(authorization: string, { sub, exp, iat = 0 }: Claims): UserId {
    const isIssued = typeof iat === 'number' && iat * 1_000 <= Date.now() + CLOCK_LEEWAY_MS;
    if (!isUserId(sub) || !isIssued) return undefined;
    const untilMs = Math.min(Number(exp) * 1_000, Date.now() + TOKEN_CACHE_TTL_MS);
    known.set(authorization, { userId: sub, untilMs });
    return sub;
  }

  return {
    userOf(authorization) {
      if (authorization === undefined || authorization.length > TOKEN_LENGTH_MAX) return undefined;
      const entry = known.get(authorization);
      if (entry !== undefined && entry.untilMs > Date.now()) return entry.userId;
      const [, token] = /^Bearer ([\w.-]+)$/i.exec(authorization) ?? [];
      if (token === undefined) return undefined;
      let claims: Claims | Promise<Claims>;
      try {
        claims = verify(token);
      } catch (error) {
        return unbelieved(error);
      }
      if (!(claims instanceof Promise)) return believe(authorization, claims);
      return claims.then((value) => believe(authorization, value), unbelieved);
    },
  };
}

/** Whatever the library throws for odd claims, such as a date that no calendar has, the token is not believed. */
function unbelieved(error: unknown): undefined {
  const { originalError } = error as { readonly originalError?: unknown };
  if (originalError instanceof KeysUnavailable) throw new Problem('overloaded', CANNOT_TELL);
}

/**
 * Refuses NUL and lone surrogates. NUL would get into the text that tickets sign and cannot be
 * stored in PostgreSQL. Lone surrogates would all be stored as the same character, so different
 * users would become one.
 */
function isUserId(sub: unknown): sub is string {
  return (
    typeof sub === 'string' &&
    sub.length > 0 &&
    sub.length <= USER_ID_LENGTH_MAX &&
    !sub.includes('\0') &&
    sub.isWellFormed()
  );
}

/** Signs guest identities for the demo. */
export function createGuestSigner(
  secret: string,
  { audience, issuer }: Partial<Purpose> = {},
): (userId: string) => string {
  const sign = createSigner({
    key: secret,
    algorithm: 'HS256',
    expiresIn: GUEST_TOKEN_TTL_MS,
    ...(audience && { aud: audience }),
    ...(issuer && { iss: issuer }),
  });
  return (sub) => sign({ sub });
}
