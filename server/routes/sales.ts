import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Rendering } from '../catalogue/renderings.ts';
import type { Context } from '../context.ts';
import { Problem } from '../http/problems.ts';
import { sendPublic } from '../http/public-answer.ts';
import { Sale, SaleList } from '../http/sale-schemas.ts';
import { problems, SaleParams } from '../http/schemas.ts';

/**
 * The catalogue, from memory. It is rendered at most ten times a second, however many clients ask.
 */
export const saleRoutes: FastifyPluginAsyncTypebox<Context> = async (app, { catalogue }) => {
  const send = (
    request: FastifyRequest,
    reply: FastifyReply,
    { body, etag }: Rendering,
    keys: string,
  ) =>
    sendPublic(request, reply, {
      ...{ body, etag, keys },
      type: 'application/json',
      shopTimeMs: catalogue.nowMs(),
    });

  app.get(
    '/api/v1/sales',
    {
      config: { isPublic: true },
      schema: { summary: 'All sales', response: { 200: SaleList } },
    },
    async (request, reply) => send(request, reply, catalogue.renderSales(), 'sales'),
  );

  app.get(
    '/api/v1/sales/:sale',
    {
      config: { isPublic: true },
      schema: {
        summary: 'One sale with its SKUs',
        params: SaleParams,
        response: { 200: Sale, ...problems(404) },
      },
    },
    async (request, reply) => {
      const rendering = catalogue.renderSale(request.params.sale);
      if (rendering === undefined) throw new Problem('not_found');
      return send(request, reply, rendering, `sales sale-${request.params.sale}`);
    },
  );
};
