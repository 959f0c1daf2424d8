import { timingSafeEqual } from 'node:crypto';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import fastifyPlugin from 'fastify-plugin';
import type { ConsoleRole } from '../../contracts/console.ts';
import { Problem } from '../http/problems.ts';
import { hasRole, type Session, type Sessions } from './sessions.ts';

/**
 * Decides who may call what, before anything else of a request is read. Every route names its role;
 * a route that names none is refused. A change must come from a page of this console: its Origin is
 * this console's, and it carries the token of the session.
 */

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The role that may call it: a role, one of several roles, or `nobody` for people without a session. */
    readonly role?: ConsoleRole | 'nobody' | readonly ConsoleRole[];
  }
  interface FastifyRequest {
    person: Session | undefined;
  }
}

interface GuardOptions {
  readonly sessions: Sessions;
  /** Origin of the pages. */
  readonly origin: string;
  readonly cookie: string;
}

const READS = new Set(['GET', 'HEAD']);
const CSRF_HEADER = 'x-csrf-token';

export const guard = fastifyPlugin(
  async (app: FastifyInstance, { sessions, origin, cookie }: GuardOptions) => {
    app.decorateRequest('person', undefined);
    app.addHook('onRequest', async (request, reply) => {
      // Also of refusals. Pages say something else.
      reply.header('cache-control', 'no-store');
      const id = request.cookies[cookie];
      const session = id === undefined ? undefined : sessions.find(id);
      request.person = session;
      const { role } = request.routeOptions.config;
      if (role === undefined) throw new Problem(request.is404 ? 'not_found' : 'forbidden');
      const isChange = !READS.has(request.method);
      if (isChange && request.headers.origin !== origin) {
        throw new Problem('foreign_origin', `Changes are taken only from pages at ${origin}.`);
      }
      if (role === 'nobody') return;
      if (session === undefined) throw new Problem('unauthenticated');
      const wanted = typeof role === 'string' ? [role] : role;
      if (!wanted.some((one) => hasRole(session, one))) {
        throw new Problem('forbidden', `This needs the role ${wanted.join(' or ')}.`);
      }
      if (isChange && !isSame(request.headers[CSRF_HEADER], session.csrf)) {
        throw new Problem('foreign_origin');
      }
    });
  },
);

function isSame(given: string | string[] | undefined, expected: string): boolean {
  if (typeof given !== 'string') return false;
  const [one, other] = [Buffer.from(given), Buffer.from(expected)];
  return one.length === other.length && timingSafeEqual(one, other);
}

/** The person of a route that has a role. */
export function personOf(request: FastifyRequest): Session {
  if (request.person === undefined) throw new Problem('unauthenticated');
  return request.person;
}
