import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { guards } from '../authenticate.ts';
import type { Context } from '../context.ts';
import { rowForTickets } from '../gate/opening.ts';
import { Problem } from '../http/problems.ts';
import { ChallengeAnswer, ChallengeBody, problems, SaleParams } from '../http/schemas.ts';

/**
 * Challenges for clients that want to solve one in advance. A refused request for a ticket gets its
 * challenge with the refusal.
 */
export const challengeRoute: FastifyPluginAsyncTypebox<Context> = async (app, context) => {
  const { catalogue, challenges, visitorOf } = context;
  app.post(
    '/api/v1/sales/:sale/challenges',
    {
      onRequest: guards(context).issue,
      preHandler: guards(context).unblocked,
      schema: {
        summary: 'A proof of work (ALTCHA) to solve for a ticket',
        description:
          'Bound to the user, sale and SKU, good for two minutes and one ticket. The solution goes ' +
          'into `challenge` of the request for a ticket: base64 of {"challenge":…,"solution":…}.',
        security: [{ bearer: [] }],
        params: SaleParams,
        body: ChallengeBody,
        response: { 201: ChallengeAnswer, ...problems(400, 401, 403, 404, 410, 425, 429, 503) },
      },
    },
    async (request, reply) => {
      const { userId, headers } = request;
      const row = rowForTickets(catalogue, request.params.sale, request.body.sku);
      const asked = { row, userId, visitor: visitorOf(request.raw), headers };
      const challenge = await challenges.issue(asked);
      if (challenge === undefined) throw new Problem('overloaded', { retryAfterSeconds: 1 });
      return reply.code(201).send(challenge);
    },
  );
};
