import type { IncomingMessage } from 'node:http';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Visitor } from '../zk/tree/lists.ts';
import type { ClientAddress } from './client-address.ts';
import type { Context } from './context.ts';
import type { Identity } from './gate/identity.ts';
import { CALL_STEPS } from './gate/steps.ts';
import { Problem } from './problems.ts';
import { rawHeader } from './raw-header.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** The user of the bearer token; empty before authentication. */
    userId: string;
  }
}

/** Reads who asks, as far as it is known before authentication. */
export function visitorReader(addressOf: ClientAddress) {
  return (request: IncomingMessage): Visitor => ({
    ip: addressOf(request),
    agent: rawHeader(request, 'user-agent'),
  });
}

/** An `onRequest` hook that lets only known users through; what one is told is kept by no cache. */
function authenticate(identity: Identity) {
  return async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    const userId = await identity.userOf(request.headers.authorization);
    if (userId === undefined) throw new Problem('unauthenticated');
    request.userId = userId;
    reply.header('cache-control', 'no-store');
  };
}

/** The hooks of routes, `onRequest` unless said: by what is asked for, the limits of each, and who asks. */
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
    /** To anybody: counted by address alone. */
    stranger: [ofAddress],
    /** To a user, for a purchase. */
    issue: [ofAddress, isKnown, ofUser],
    /** What only who takes part in the sale may do. */
    user: [isKnown, ofUser],
    /** `preHandler` hook: the same is asked again when the body is there, which may take seconds. */
    unblocked: [
      async (request: FastifyRequest) => gate.check(CALL_STEPS.blocked, shopperOf(request)),
    ],
    /** What became of one's own requests and orders: also for who was blocked meanwhile. */
    owner: [isKnown, ofOwner],
  };
}
