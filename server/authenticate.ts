import type { FastifyRequest } from 'fastify';
import type { Visitor } from '../zk/lists.ts';
import type { Identity } from './gate/identity.ts';
import { Problem } from './problems.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** The user of the bearer token; empty before authentication. */
    userId: string;
  }
}

/** Who asks, as far as it is known before authentication. */
export function visitorOf({ ip, headers }: FastifyRequest): Visitor {
  return { ip, agent: headers['user-agent'] };
}

/** An `onRequest` hook that lets only known users through. */
export function authenticate(identity: Identity) {
  return async (request: FastifyRequest): Promise<void> => {
    const userId = await identity.userOf(request.headers.authorization);
    if (userId === undefined) throw new Problem('unauthenticated');
    request.userId = userId;
  };
}
