import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { paidUnits } from '../../db/door.ts';
import { guards } from '../authenticate.ts';
import type { Context } from '../context.ts';
import { Problem } from '../http/problems.ts';
import { CodeList, OrderParams, problems } from '../http/schemas.ts';
import { codesOf } from '../orders/codes.ts';
import { ownOrder } from '../orders/own-order.ts';

const NO_KEY = 'The codes cannot be made right now. They stay as they are: ask again.';

/** The codes of a shopper's numbered units. They are signed anew each time, and are always the same. */
export const codeRoutes: FastifyPluginAsyncTypebox<Context> = async (app, context) => {
  const { databases, catalogue } = context;

  app.get(
    '/api/v1/orders/:orderNo/codes',
    {
      onRequest: guards(context).owner,
      schema: {
        summary: 'The codes of the numbered units of my paid order, which are checked at the door',
        security: [{ bearer: [] }],
        params: OrderParams,
        response: { 200: CodeList, ...problems(400, 401, 404, 409, 429, 503) },
      },
    },
    async ({ params: { orderNo }, userId }) => {
      const { status, sale } = await ownOrder(databases, orderNo, userId);
      if (status !== 'paid') {
        throw new Problem('not_allowed_now', {
          detail: `The order is ${status}: only paid ones have codes`,
        });
      }
      const units = await paidUnits(databases, orderNo);
      if (units.length === 0) return { codes: [] };
      const key = catalogue.doorKeys.of(sale);
      if (key === undefined) throw new Problem('status_unavailable', { detail: NO_KEY });
      return { codes: codesOf(key, orderNo, units) };
    },
  );
};
