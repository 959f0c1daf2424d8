import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { FastifyReply, FastifyRequest } from 'fastify';
import fresh from 'fresh';
import type { Context } from '../context.ts';
import { Problem } from '../http/problems.ts';
import { Sale, SaleList } from '../http/sale-schemas.ts';
import { problems, SaleParams } from '../http/schemas.ts';

const CACHE_SECONDS = 1;

/**
 * The catalogue, from memory. It is rendered at most ten times a second, however many clients ask.
 */
export const saleRoutes: FastifyPluginAsyncTypebox<Context> = async (app, { catalogue }) => {
  app.get(
    '/api/v1/sales',
    { schema: { summary: 'All sales', response: { 200: SaleList } } },
    async (request, reply) => sendRendering(request, reply, catalogue.renderSales()),
  );

  app.get(
    '/api/v1/sales/:sale',
    {
      schema: {
        summary: 'One sale with its SKUs',
        params: SaleParams,
        response: { 200: Sale, ...problems(404) },
      },
    },
    async (request, reply) => {
      const rendering = catalogue.renderSale(request.params.sale);
      if (rendering === undefined) throw new Problem('not_found');
      return sendRendering(request, reply, rendering);
    },
  );
};

function sendRendering(
  request: FastifyRequest,
  reply: FastifyReply,
  { body, etag }: { body: string; etag: string },
): FastifyReply {
  reply.header('etag', etag).header('cache-control', `public, max-age=${CACHE_SECONDS}`);
  if (fresh(request.headers, { etag })) return reply.code(304).send();
  return reply.type('application/json').send(body);
}
