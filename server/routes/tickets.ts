import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { guards } from '../authenticate.ts';
import type { Context } from '../context.ts';
import { rowForTickets } from '../gate/opening.ts';
import { issueTicket } from '../gate/ticket.ts';
import { Problem } from '../http/problems.ts';
import { problems, SaleParams, TicketAnswer, TicketBody } from '../http/schemas.ts';

/**
 * Tickets keep the purchase URL unknown until the sale opens: they are signed with a key that does
 * not exist before.
 */
export const ticketRoute: FastifyPluginAsyncTypebox<Context> = async (app, context) => {
  const { catalogue, challenges, config, visitorOf } = context;
  app.post(
    '/api/v1/sales/:sale/tickets',
    {
      onRequest: guards(context).issue,
      preHandler: guards(context).unblocked,
      schema: {
        summary: 'A short-lived ticket to buy a SKU',
        description:
          'Where the shop asks for a proof of work the answer is 403 `ticket_invalid` with `reason` ' +
          '(`challenge_required`, `_failed`, `_expired`, `_used`), `causes` and a `challenge` to ' +
          'solve; the same request with the solution in `challenge` gets the ticket.',
        security: [{ bearer: [] }],
        params: SaleParams,
        body: TicketBody,
        response: { 201: TicketAnswer, ...problems(400, 401, 403, 404, 410, 425, 429, 503) },
      },
    },
    async (request, reply) => {
      const { userId, headers } = request;
      const row = rowForTickets(catalogue, request.params.sale, request.body.sku);
      const asked = { row, userId, visitor: visitorOf(request.raw), headers };
      await challenges.pass(asked, request.body.challenge);
      const key = await catalogue.ticketKeys.signingNow(row.sale, catalogue.nowMs());
      // By the database's clock the sale opens a moment later.
      if (key === undefined) throw new Problem('overloaded', { retryAfterSeconds: 1 });
      // The challenge and the key may have taken a while, so the sale may be closed by now.
      rowForTickets(catalogue, row.sale, row.sku);
      const expiresAtMs = Math.round(catalogue.nowMs()) + config.ticketTtlSeconds * 1_000;
      const owner = { sale: row.sale, userId };
      const ticket = issueTicket(key, owner, row.sku, expiresAtMs);
      return reply.code(201).send({
        ticket,
        purchaseUrl: `/api/v1/buy/${ticket}`,
        expiresAt: new Date(expiresAtMs).toISOString(),
      });
    },
  );
};
