import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import Provider from 'oidc-provider';
import { freePort } from '../../ops/stack/ports.ts';

/** A real provider of OpenID Connect on loopback. Its login form takes any name. */

export interface TestProvider {
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: string;
  close(): Promise<void>;
}

/** @param claimsOf the claims of a person, by the name that is typed into the form */
export async function startProvider(
  redirectUri: string,
  claimsOf: (name: string) => Record<string, unknown>,
): Promise<TestProvider> {
  const port = await freePort();
  // Another site than 127.0.0.1 for a browser, as a provider is.
  const issuer = `http://localhost:${port}`;
  const [clientId, clientSecret] = ['console', randomBytes(24).toString('hex')];
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const provider = new Provider(issuer, {
    clients: [{ client_id: clientId, client_secret: clientSecret, redirect_uris: [redirectUri] }],
    jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'RS256' }] },
    cookies: { keys: [randomBytes(24).toString('hex')] },
    pkce: { required: () => true },
    claims: { openid: ['sub', 'groups'], email: ['email', 'email_verified'], profile: [] },
    // Claims of the person stand in the ID token itself.
    conformIdTokenClaims: false,
    findAccount: (_context, name) => ({
      accountId: name,
      claims: async () => ({ sub: name, ...claimsOf(name) }),
    }),
    features: { devInteractions: { enabled: true } },
  });
  const server = createServer(provider.callback());
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return {
    issuer,
    clientId,
    clientSecret,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
