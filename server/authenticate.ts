import type { IncomingMessage } from 'node:http';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ClientAddress } from '../process/client-address.ts';
import type { Visitor } from '../zk/tree/lists.ts';
import type { Context } from './context.ts';
import type { Identity } from './gate/identity.ts';
import { CALL_STEPS } from './gate/steps.ts';
import { Problem } from './http/problems.ts';
import { rawHeader } from './http/raw-header.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** The user of the bearer token; empty before authentication. */
    userId: string;
  }
}

/** Returns a function that reads what is known of a visitor before authentication. */
export function visitorReader(addressOf: ClientAddress) {
  return (request: IncomingMessage): Visitor => ({
    ip: addressOf(request),
    agent: rawHeader(request, 'user-agent'),
  });
}

/** An `onRequest` hook that lets only known users pass. It forbids caching of the answers. */
function authenticate(identity: Identity) {
  return async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    const userId = await identity.userOf(request.headers.authorization);
    if (userId === undefined) throw new Problem('unauthenticated');
    request.userId = userId;
    reply.header('cache-control', 'no-store');
  };
}

/**
 * The hooks of routes, which apply the limits and identify the user. They are `onRequest` hooks
 * unless noted.
 */
export function guards(context: Pick<Context, 'gate' | 'identity' | 'visitorOf'>) {
  const { gate, identity, visitorOf } = context;
  const isKnown = authenticate(identity);
  const shopperOf = (request: FastifyRequest) => ({
    ...visitorOf(request.raw),
    userId: request.userId,
  });
  const ofAddress = async (request: FastifyRequest) =>
    gate.check(CALL_STEPS.issue, visitorOf(request.raw));
  const ofUser = async (request: FastifyRequest) => gate.check(CALL_STEPS.user, shopperOf(request));
  const ofOwner = async (request: FastifyRequest) => gate.check(CALL_STEPS.own, shopperOf(request));
  return {
    /** For calls of anybody, limited by address alone. */
    stranger: [ofAddress],
    /** For what a user needs for a purchase. */
    issue: [ofAddress, isKnown, ofUser],
    /** For calls that only a participant of the sale may make. */
    user: [isKnown, ofUser],
    /** `preHandler` hook: checks again when the body has been read, which may take seconds. */
    unblocked: [
      async (request: FastifyRequest) => gate.check(CALL_STEPS.blocked, shopperOf(request)),
    ],
    /** For the user's own requests and orders, also if the user was blocked meanwhile. */
    owner: [isKnown, ofOwner],
  };
}
