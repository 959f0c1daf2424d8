import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from '../../contracts/schema-types.ts';
import { guards } from '../authenticate.ts';
import type { Context } from '../context.ts';
import { problems, RequestAnswer, RequestParams, WaitQuery } from '../http/schemas.ts';
import type { StatusCalls } from '../status-calls.ts';

/**
 * The status of a request: at once, by long poll or as a stream, only for its owner. These routes
 * describe the calls for OpenAPI and serve URLs that are not in the plain form. The listener
 * handles plain URLs before the router.
 */
export const requestRoutes: FastifyPluginAsyncTypebox<
  Context & { readonly statusCalls: StatusCalls }
> = async (app, context) => {
  const { statusCalls } = context;
  const onRequest = guards(context).owner;
  const security = [{ bearer: [] }];

  app.get(
    '/api/v1/requests/:requestId',
    {
      onRequest,
      // A HEAD would wait for an outcome that its answer cannot contain.
      exposeHeadRoute: false,
      schema: {
        summary: 'The status of my request; waits up to `wait` seconds for its outcome',
        security,
        params: RequestParams,
        querystring: WaitQuery,
        response: { 200: RequestAnswer, ...problems(400, 401, 404, 429, 503) },
      },
    },
    ({ userId, params, query }, reply) => {
      reply.hijack();
      const { requestId } = params;
      const call = { requestId, isStream: false, waitSeconds: query.wait ?? 0 };
      statusCalls.answer(reply.raw, userId, call);
    },
  );

  app.get(
    '/api/v1/requests/:requestId/events',
    {
      onRequest,
      // A HEAD would wait for an outcome that its answer cannot contain.
      exposeHeadRoute: false,
      schema: {
        summary: 'The status of my request as Server-Sent Events',
        security,
        params: RequestParams,
        querystring: WaitQuery,
        response: {
          200: {
            description:
              'Events named `status`, each with a JSON answer as of /requests/{requestId}',
            content: { 'text/event-stream': { schema: Type.String() } },
          },
          ...problems(400, 401, 404, 429, 503),
        },
      },
    },
    ({ userId, params }, reply) => {
      reply.hijack();
      const { requestId } = params;
      statusCalls.answer(reply.raw, userId, { requestId, isStream: true, waitSeconds: 0 });
    },
  );
};
