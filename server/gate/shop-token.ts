import { createSecretKey } from 'node:crypto';
import { isMacOf } from './mac.ts';

/**
 * The tokens that nearly all shoppers bring: signed with the shop's secret, with the usual header and
 * nothing in them but who, until when, for whom and from whom. Reading one costs a third of what a library takes that has
 * to be ready for anything; everything else is left to the library.
 */

const MAC_BYTES = 32;
const HEADERS: ReadonlySet<string> = new Set(
  ['{"alg":"HS256","typ":"JWT"}', '{"typ":"JWT","alg":"HS256"}', '{"alg":"HS256"}'].map((text) =>
    Buffer.from(text).toString('base64url'),
  ),
);
/** Any other claim (`nbf`, …) may forbid what these allow. */
const CLAIMS: ReadonlySet<string> = new Set(['sub', 'iat', 'exp', 'aud', 'iss']);

/** For whom a token must be, and from whom. Without an audience it must not name any (RFC 7519 §4.1.3). */
export interface Purpose {
  readonly audience: string | undefined;
  readonly issuer: string | undefined;
}

export interface ShopClaims {
  readonly sub: string;
  /** Seconds since the epoch. */
  readonly exp: number;
  readonly iat?: unknown;
}

/** Undefined for a token that is to be judged by the library, as all that are refused. */
export function createShopTokenReader(
  secret: string,
  purpose: Purpose,
): (token: string) => ShopClaims | undefined {
  const key = createSecretKey(Buffer.from(secret));
  return (token) => {
    const headerEnd = token.indexOf('.');
    const payloadEnd = token.indexOf('.', headerEnd + 1);
    if (payloadEnd < 0 || !HEADERS.has(token.slice(0, headerEnd))) return undefined;
    const signature = token.slice(payloadEnd + 1);
    if (!isMacOf(key, token.slice(0, payloadEnd), MAC_BYTES, signature)) return undefined;
    const payload = decoded(token.slice(headerEnd + 1, payloadEnd));
    return isPlain(payload, purpose) && payload.exp * 1_000 > Date.now() ? payload : undefined;
  };
}

/** The shop may sign what is no JSON. */
function decoded(part: string): unknown {
  try {
    return JSON.parse(Buffer.from(part, 'base64url').toString());
  } catch {
    return undefined;
  }
}

function isPlain(payload: unknown, { audience, issuer }: Purpose): payload is ShopClaims {
  if (typeof payload !== 'object' || payload === null || Array.isArray(payload)) return false;
  const { sub, exp, aud, iss } = payload as Record<string, unknown>;
  if (typeof sub !== 'string' || typeof exp !== 'number') return false;
  if (aud !== audience || iss !== issuer) return false;
  return Object.keys(payload).every((claim) => CLAIMS.has(claim));
}
