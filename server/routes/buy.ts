import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import {
  PurchaseAnswer,
  PurchaseBody,
  PurchaseHeaders,
  problems,
  TicketParams,
} from '../http/schemas.ts';
import type { PurchaseHandler } from '../purchase/handler.ts';

/**
 * The purchase as a route, which describes it for OpenAPI. The listener handles purchases before
 * the router, so only requests without a socket (tests) reach this route.
 */
export const buyRoute: FastifyPluginAsyncTypebox<PurchaseHandler> = async (app, purchases) => {
  app.post(
    '/api/v1/buy/:ticket',
    {
      onRequest(request, reply) {
        reply.hijack();
        purchases.handle(request.raw, reply.raw);
      },
      schema: {
        summary: 'Ask for units of a SKU',
        description:
          'Idempotency-Key (UUID) becomes the request id; without it, the ticket counts. ' +
          'A request that is sent again says `Idempotency-Retry: true`.',
        security: [{ bearer: [] }],
        headers: PurchaseHeaders,
        params: TicketParams,
        body: PurchaseBody,
        response: { 202: PurchaseAnswer, ...problems(400, 401, 403, 410, 413, 415, 425, 429, 503) },
      },
    },
    () => {
      throw new Error('a purchase is answered before its handler');
    },
  );
};
