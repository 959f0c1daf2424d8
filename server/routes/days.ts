import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { guards } from '../authenticate.ts';
import type { Context } from '../context.ts';
import { Problem } from '../http/problems.ts';
import { problems, SkuParams, Today } from '../http/schemas.ts';

/** Daily goods: whether I have today's unit, and how many days in a row. */
export const dayRoutes: FastifyPluginAsyncTypebox<Context> = async (app, context) => {
  app.get(
    '/api/v1/sales/:sale/skus/:sku/today',
    {
      onRequest: guards(context).owner,
      schema: {
        summary: 'Whether I have the unit of today of daily goods, and the days in a row',
        security: [{ bearer: [] }],
        params: SkuParams,
        response: { 200: Today, ...problems(400, 401, 404, 429, 503) },
      },
    },
    async ({ params, userId }, reply) => {
      const row = context.catalogue.sku(params.sku);
      if (row?.sale !== params.sale || row.zone === null) throw new Problem('not_found');
      return reply
        .header('cache-control', 'private, no-cache')
        .send(await context.days.today(row, userId));
    },
  );
};
