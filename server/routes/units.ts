import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { Context } from '../context.ts';
import { Problem } from '../http/problems.ts';
import { sendPublic } from '../http/public-answer.ts';
import { Units } from '../http/sale-schemas.ts';
import { problems, SkuParams } from '../http/schemas.ts';

/** Numbered goods: the seats of a section and which of them are free, for a plan of the hall. */
export const unitRoutes: FastifyPluginAsyncTypebox<Context> = async (app, context) => {
  const { catalogue, unitBoards } = context;
  app.get(
    '/api/v1/sales/:sale/skus/:sku/units',
    {
      config: { isPublic: true },
      schema: {
        summary: 'The seats of numbered goods, and which are free',
        description:
          'From memory, at most a second old. `seats` never changes. To take some of them, name them in ' +
          '`seats` of the purchase.',
        params: SkuParams,
        response: { 200: Units, ...problems(400, 404, 503) },
      },
    },
    async (request, reply) => {
      const { sale, sku } = request.params;
      const row = catalogue.sku(sku);
      const answer = row?.sale === sale && row.numbered ? await unitBoards.render(row) : undefined;
      if (answer === undefined) throw new Problem('not_found');
      return sendPublic(request, reply, {
        ...answer,
        type: 'application/json',
        keys: `sales sale-${sale}`,
        shopTimeMs: catalogue.nowMs(),
      });
    },
  );
};
