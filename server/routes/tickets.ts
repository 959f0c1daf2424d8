import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { authenticate, visitorOf } from '../authenticate.ts';
import type { Context } from '../context.ts';
import { issueTicket } from '../gate/ticket.ts';
import { Problem } from '../problems.ts';
import { untilOpening } from './opening.ts';
import { problems, SaleParams, TicketAnswer, TicketBody } from './schemas.ts';

/**
 * Tickets make the purchase URL unknown until the sale opens: they are signed with a key that does
 * not exist before.
 */
export const ticketRoute: FastifyPluginAsyncTypebox<Context> = async (app, context) => {
  const { catalogue, config, gate, identity } = context;
  app.post(
    '/api/v1/sales/:sale/tickets',
    {
      onRequest: [
        async (request) => gate.checkIssue(visitorOf(request)),
        authenticate(identity),
        async (request) => gate.checkUser(request.userId, visitorOf(request)),
      ],
      schema: {
        summary: 'A short-lived ticket to buy a SKU',
        security: [{ bearer: [] }],
        params: SaleParams,
        body: TicketBody,
        response: { 201: TicketAnswer, ...problems(400, 401, 403, 404, 410, 425, 429, 503) },
      },
    },
    async (request, reply) => {
      const row = catalogue.sku(request.body.sku);
      if (row === undefined || row.sale !== request.params.sale) throw new Problem('not_found');
      const state = catalogue.skuState(row);
      if (state === 'scheduled') throw untilOpening(catalogue, row);
      if (state !== 'open') throw new Problem(state);
      if (catalogue.availability(row) === 'sold_out') throw new Problem('sold_out');
      const key = await catalogue.ticketKeys.signingNow(row.sale);
      // By the database's clock it is not open yet, by an instant.
      if (key === undefined) throw new Problem('overloaded', { retryAfterSeconds: 1 });
      const expiresAtMs = Math.round(catalogue.nowMs()) + config.ticketTtlSeconds * 1_000;
      const owner = { sale: row.sale, userId: request.userId };
      const ticket = issueTicket(key, owner, row.sku, expiresAtMs);
      return reply
        .code(201)
        .header('cache-control', 'no-store')
        .send({
          ticket,
          purchaseUrl: `/api/v1/buy/${ticket}`,
          expiresAt: new Date(expiresAtMs).toISOString(),
        });
    },
  );
};
