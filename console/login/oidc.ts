import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import * as oidc from 'openid-client';
import type { ConsoleRole } from '../../contracts/console.ts';
import type { OidcConfig } from '../config.ts';
import type { Person } from './sessions.ts';

/**
 * Signing in by OpenID Connect: authorization code with PKCE, `state` and `nonce`. The browser keeps the state of its
 * sign-in, signed, while it is at the provider. Here, strangers who begin sign-ins could push out those of others.
 */

/** A sign-in has to end within this time. */
export const FLOW_MS = 600_000;
const KEY_BYTES = 32;
const SCOPE = 'openid profile email';
const LOGIN_LENGTH_MAX = 200;

interface Flow {
  readonly verifier: string;
  readonly state: string;
  readonly nonce: string;
  readonly endsAtMs: number;
}

/** The provider knows the person, and the person has no role here. */
export class NoRole extends Error {
  override name = 'NoRole';
}

export class OidcLogin {
  readonly #config: OidcConfig;
  readonly #redirectUri: string;
  /** Signs flows. A sign-in ends with the process that it began at. */
  readonly #key = randomBytes(KEY_BYTES);
  #provider: Promise<oidc.Configuration> | undefined;

  constructor(config: OidcConfig, redirectUri: string) {
    this.#config = config;
    this.#redirectUri = redirectUri;
  }

  /** Asks the provider for its description once; after a failure, the next sign-in asks again. */
  async #discover(): Promise<oidc.Configuration> {
    const { issuer, clientId, clientSecret } = this.#config;
    const url = new URL(issuer);
    const insecure = url.protocol === 'http:' ? { execute: [oidc.allowInsecureRequests] } : {};
    this.#provider ??= oidc.discovery(url, clientId, clientSecret, undefined, insecure);
    try {
      return await this.#provider;
    } catch (error) {
      this.#provider = undefined;
      throw error;
    }
  }

  /** @returns the page of the provider, and the state of this sign-in for a cookie */
  async begin(): Promise<{ readonly url: string; readonly flow: string }> {
    const provider = await this.#discover();
    const verifier = oidc.randomPKCECodeVerifier();
    const [state, nonce] = [oidc.randomState(), oidc.randomNonce()];
    const flow = this.#sealed({ verifier, state, nonce, endsAtMs: Date.now() + FLOW_MS });
    const url = oidc.buildAuthorizationUrl(provider, {
      redirect_uri: this.#redirectUri,
      scope: SCOPE,
      code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
      state,
      nonce,
    });
    return { url: url.href, flow };
  }

  /**
   * Ends a sign-in with what the provider has added to the address. A sign-in ends once: the provider takes its code once.
   *
   * @throws {NoRole | Error}
   */
  async end(flow: string, search: string): Promise<Person> {
    const known = this.#opened(flow);
    if (known === undefined) throw new Error('this sign-in is not known or took too long');
    const answer = new URL(this.#redirectUri);
    answer.search = search;
    const tokens = await oidc.authorizationCodeGrant(await this.#discover(), answer, {
      pkceCodeVerifier: known.verifier,
      expectedState: known.state,
      expectedNonce: known.nonce,
      idTokenExpected: true,
    });
    const claims = tokens.claims();
    if (claims === undefined) throw new Error('the provider sent no ID token');
    return personOf(claims, this.#config);
  }

  #sealed(flow: Flow): string {
    const text = Buffer.from(JSON.stringify(flow)).toString('base64url');
    return `${text}.${this.#mac(text)}`;
  }

  #opened(sealed: string): Flow | undefined {
    const [text = '', mac = ''] = sealed.split('.');
    const [given, expected] = [Buffer.from(mac), Buffer.from(this.#mac(text))];
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) return undefined;
    const flow = JSON.parse(Buffer.from(text, 'base64url').toString()) as Flow;
    return flow.endsAtMs > Date.now() ? flow : undefined;
  }

  #mac(text: string): string {
    return createHmac('sha256', this.#key).update(text).digest('base64url');
  }
}

/** @throws {NoRole} */
function personOf(
  claims: Readonly<Record<string, unknown>> & { readonly sub: string },
  { rolesClaim, roles: rules }: Pick<OidcConfig, 'rolesClaim' | 'roles'>,
): Person {
  const value = claimAt(claims, rolesClaim);
  const values = Array.isArray(value) ? value : [value];
  const roles = new Set<ConsoleRole>();
  for (const one of values) {
    for (const role of (typeof one === 'string' ? rules.get(one) : undefined) ?? [])
      roles.add(role);
  }
  const { email, email_verified: isVerified, sub } = claims;
  // People may write an unverified address into their profile, and so another person's name.
  const login = typeof email === 'string' && isVerified === true ? email : sub;
  if (roles.size === 0) throw new NoRole(`${login} has no role here`);
  return { login: login.slice(0, LOGIN_LENGTH_MAX), roles: [...roles] };
}

/** A claim by its name or, for nested claims, by its path: `realm_access.roles`. */
function claimAt(claims: Readonly<Record<string, unknown>>, name: string): unknown {
  if (name in claims) return claims[name];
  let value: unknown = claims;
  for (const part of name.split('.')) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = (value as Record<string, unknown>)[part];
  }
  return value;
}
