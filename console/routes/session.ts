import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { CONSOLE_ROLES } from '../../contracts/console.ts';
import { Type } from '../../contracts/schema-types.ts';
import { clientAddressReader } from '../../process/client-address.ts';
import type { Context } from '../context.ts';
import { Problem } from '../http/problems.ts';
import { personOf } from '../login/guard.ts';
import type { Session } from '../login/sessions.ts';

const TOKEN_LENGTH_MAX = 200;

const SessionDocument = Type.Object({
  login: Type.String(),
  roles: Type.Array(Type.Enum([...CONSOLE_ROLES])),
  csrf: Type.String(),
  endsAt: Type.String(),
});

/** Signing in with a token, who one is, and signing out. */
export const sessionRoutes: FastifyPluginAsyncTypebox<Context> = async (app, context) => {
  const { sessions, tokens, attempts, cookies, config, log, signIns } = context;
  const { session: name, sessionOptions } = cookies;
  const addressOf = clientAddressReader(config.trustedProxies);
  const documentOf = ({ login, roles, csrf, endsAt }: Session) => ({
    login,
    roles: [...roles],
    csrf,
    endsAt: endsAt.toISOString(),
  });

  app.get(
    '/api/sign-in',
    {
      config: { role: 'nobody' },
      schema: { response: { 200: Type.Object({ ways: Type.Array(Type.String()) }) } },
    },
    async () => ({
      ways: [...(tokens.isEmpty ? [] : ['token']), ...(config.oidc === undefined ? [] : ['oidc'])],
    }),
  );

  app.post(
    '/api/session',
    {
      config: { role: 'nobody' },
      schema: {
        body: Type.Object({ token: Type.String({ minLength: 1, maxLength: TOKEN_LENGTH_MAX }) }),
        response: { 201: SessionDocument },
      },
    },
    async ({ body, raw, person: before }, reply) => {
      const address = addressOf(raw);
      if (!attempts.mayTry(address)) throw new Problem('rate_limited');
      const person = tokens.personOf(body.token.trim());
      if (person === undefined) {
        attempts.failed(address);
        signIns.inc({ result: 'refused' });
        log.warn({ address }, 'a sign-in with an unknown token was refused');
        throw new Problem('token_unknown');
      }
      // The browser forgets it now, so nobody could sign out of it.
      if (before !== undefined) sessions.end(before.id);
      const session = sessions.start(person);
      signIns.inc({ result: 'token' });
      log.info({ login: person.login, roles: person.roles }, 'signed in with a token');
      reply.setCookie(name, session.id, sessionOptions);
      return reply.code(201).send(documentOf(session));
    },
  );

  app.get(
    '/api/session',
    { config: { role: 'viewer' }, schema: { response: { 200: SessionDocument } } },
    async (request) => documentOf(personOf(request)),
  );

  app.delete('/api/session', { config: { role: 'viewer' } }, async (request, reply) => {
    sessions.end(personOf(request).id);
    return reply.clearCookie(name, { path: '/' }).code(204).send();
  });
};
