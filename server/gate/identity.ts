import { createSigner, createVerifier, TokenError } from 'fast-jwt';
import buildGetJwks from 'get-jwks';
import { USER_ID_LENGTH_MAX } from '../../contracts/names.ts';

/** Who is asking: the shop's bearer JWT, of which only `sub` matters here. */

/** Verified tokens that are remembered, so that a shopper who polls costs one check. */
const TOKEN_CACHE_ENTRIES_MAX = 20_000;
const TOKEN_CACHE_TTL_MS = 60_000;
const JWKS_CACHE_ENTRIES_MAX = 16;
const JWKS_CACHE_TTL_MS = 600_000;
const GUEST_TOKEN_TTL_MS = 24 * 3_600_000;
/** Longer bearer tokens are refused unread. */
const TOKEN_LENGTH_MAX = 4_096;

export type IdentityConfig =
  | { readonly kind: 'secret'; readonly secret: string }
  | { readonly kind: 'jwks'; readonly url: string };

export interface Identity {
  /** The user id of `Authorization: Bearer …`; undefined when there is none that can be believed. */
  userOf(authorization: string | undefined): Promise<string | undefined>;
}

type Claims = { sub?: unknown };

function verifier(config: IdentityConfig): (token: string) => Promise<Claims> {
  const options = {
    cache: TOKEN_CACHE_ENTRIES_MAX,
    cacheTTL: TOKEN_CACHE_TTL_MS,
    requiredClaims: ['sub', 'exp'],
  };
  if (config.kind === 'secret') {
    const verify = createVerifier({ ...options, key: config.secret, algorithms: ['HS256'] });
    return async (token) => verify(token);
  }
  const { origin, pathname } = new URL(config.url);
  const jwks = buildGetJwks({
    max: JWKS_CACHE_ENTRIES_MAX,
    ttl: JWKS_CACHE_TTL_MS,
    jwksPath: pathname,
  });
  return createVerifier({
    ...options,
    algorithms: ['RS256', 'PS256', 'ES256', 'EdDSA'],
    key: async ({ header }: { header: Record<string, string> }) =>
      jwks.getPublicKey({ domain: origin, alg: header['alg'] ?? '', kid: header['kid'] ?? '' }),
  });
}

export function createIdentity(config: IdentityConfig): Identity {
  const verify = verifier(config);
  return {
    async userOf(authorization) {
      if (authorization === undefined || authorization.length > TOKEN_LENGTH_MAX) return undefined;
      const [, token] = /^Bearer ([\w.-]+)$/i.exec(authorization) ?? [];
      if (token === undefined) return undefined;
      try {
        const { sub } = await verify(token);
        return isUserId(sub) ? sub : undefined;
      } catch (error) {
        if (error instanceof TokenError) return undefined;
        throw error;
      }
    },
  };
}

/** NUL would end up in the text that tickets sign and cannot be stored in PostgreSQL. */
function isUserId(sub: unknown): sub is string {
  return (
    typeof sub === 'string' &&
    sub.length > 0 &&
    sub.length <= USER_ID_LENGTH_MAX &&
    !sub.includes('\0')
  );
}

/** Signs guest identities for the demo. */
export function createGuestSigner(secret: string): (userId: string) => string {
  const sign = createSigner({ key: secret, algorithm: 'HS256', expiresIn: GUEST_TOKEN_TTL_MS });
  return (sub) => sign({ sub });
}
