import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import type { OidcConfig } from '../../console/config.ts';
import { FLOW_MS, OidcLogin } from '../../console/login/oidc.ts';
import { startProvider, type TestProvider } from './provider.ts';

/** Sign-ins at a provider that are under way. */

const REDIRECT_URI = 'http://127.0.0.1:8090/login/callback';
let provider: TestProvider;
let config: OidcConfig;
beforeAll(async () => {
  provider = await startProvider(REDIRECT_URI, () => ({}));
  const { issuer, clientId, clientSecret } = provider;
  config = { issuer, clientId, clientSecret, rolesClaim: 'groups', roles: new Map() };
});
afterAll(async () => {
  vi.useRealTimers();
  await provider.close();
});

/** Comes back from the provider, with a code that it has not given out: it is asked, and refuses. */
function comeBack(login: OidcLogin, { url, flow }: { url: string; flow: string }) {
  const state = new URL(url).searchParams.get('state') ?? '';
  const answer = new URLSearchParams({ code: 'x', state, iss: provider.issuer });
  return login.end(flow, `?${answer}`);
}
const ASKED = { error: 'invalid_grant' };

it('strangers who begin many sign-ins end nobody’s', async () => {
  const login = new OidcLogin(config, REDIRECT_URI);
  const begun = await login.begin();
  for (let n = 0; n < 1_001; n += 1) await login.begin();
  await expect(comeBack(login, begun)).rejects.toMatchObject(ASKED);
});

it('a sign-in that this console has not begun, or that took too long, asks the provider nothing', async () => {
  const login = new OidcLogin(config, REDIRECT_URI);
  const begun = await login.begin();
  const others = await new OidcLogin(config, REDIRECT_URI).begin();
  const unknown = /not known/;
  await expect(comeBack(login, others)).rejects.toThrow(unknown);
  for (const flow of ['', '.', 'x', `${begun.flow}x`, begun.flow.replace(/^./, '_')]) {
    await expect(comeBack(login, { ...begun, flow })).rejects.toThrow(unknown);
  }
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + FLOW_MS + 1 });
  await expect(comeBack(login, begun)).rejects.toThrow(unknown);
});
