import type { FastifyPluginAsync } from 'fastify';
import type { OidcConfig } from '../config.ts';
import type { Context } from '../context.ts';
import { Problem } from '../http/problems.ts';
import { NoRole, OidcLogin } from '../login/oidc.ts';

const CALLBACK_PATH = '/login/callback';

/**
 * The browser comes from another site and has no session cookie to send, also not to a redirect:
 * SameSite=Strict. This page goes on from this site, and then the cookie is sent.
 */
const GO_ON = `<!doctype html><html lang="en"><title>Signed in</title>
<meta http-equiv="refresh" content="0; url=/"><p><a href="/">Go on to the console</a></p></html>`;

/** Signing in at a provider of OpenID Connect. */
export const oidcRoutes: FastifyPluginAsync<Context & { readonly oidc: OidcConfig }> = async (
  app,
  { oidc, config, cookies, sessions, log, signIns },
) => {
  const login = new OidcLogin(oidc, `${config.url}${CALLBACK_PATH}`);
  const { flow: name, flowOptions, session: sessionName, sessionOptions } = cookies;

  app.addHook('onRequest', async (_request, reply) => {
    reply.header('referrer-policy', 'no-referrer');
  });

  app.get('/login/oidc', { config: { role: 'nobody' } }, async (_request, reply) => {
    try {
      const { url, flow } = await login.begin();
      return reply.setCookie(name, flow, flowOptions).redirect(url, 302);
    } catch (error) {
      log.error({ err: error }, 'the provider of sign-ins does not answer');
      throw new Problem('unavailable', 'The provider of sign-ins does not answer.');
    }
  });

  app.get(CALLBACK_PATH, { config: { role: 'nobody' } }, async (request, reply) => {
    const search = request.url.slice(CALLBACK_PATH.length);
    reply.clearCookie(name, { path: '/' });
    try {
      const person = await login.end(request.cookies[name] ?? '', search);
      const session = sessions.start(person);
      signIns.inc({ result: 'oidc' });
      log.info({ login: person.login, roles: person.roles }, 'signed in at the provider');
      return reply
        .setCookie(sessionName, session.id, sessionOptions)
        .header('content-security-policy', "default-src 'none'")
        .type('text/html; charset=utf-8')
        .send(GO_ON);
    } catch (error) {
      signIns.inc({ result: 'refused' });
      log.warn({ err: error }, 'a sign-in at the provider was refused');
      return reply.redirect(`/login?refused=${error instanceof NoRole ? 'role' : 'failed'}`, 302);
    }
  });
};
