import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { guards } from '../authenticate.ts';
import type { Context } from '../context.ts';
import { Problem, problemOf } from '../problems.ts';
import { Presence } from '../requests/pauses.ts';
import { readReceipt } from '../requests/receipt.ts';
import { type RequestStatus, type StatusQuestion, WAIT_SECONDS_MAX } from '../requests/status.ts';
import { requestJson } from './order.ts';
import { problems, RequestAnswer, RequestParams, WaitQuery } from './schemas.ts';

/** A stream ends by then, or when the outcome is known; the client may open another. */
const EVENTS_SECONDS_MAX = 300;
/** A comment line this often keeps proxies from closing the stream. */
const EVENTS_HEARTBEAT_SECONDS = 15;
/** Right after the 202, another web node may be asked before the database knows: without a receipt,
 *  "unknown" is only said after this time. */
const GRACE_MS = 2_000;

function eventOf(status: RequestStatus): string {
  return `event: status\ndata: ${JSON.stringify(requestJson(status))}\n\n`;
}

type StatusRequest = FastifyRequest<{ Params: { requestId: string } }>;

/** What became of a request: at once, by long-poll, or as a stream. Only for its owner. */
export const requestRoutes: FastifyPluginAsyncTypebox<Context> = async (app, context) => {
  const { catalogue, log, statusDesk, stopping } = context;
  const onRequest = guards(context).owner;
  const security = [{ bearer: [] }];

  function questionOf(request: StatusRequest): StatusQuestion {
    const [id = '', receipt] = request.params.requestId.split('~');
    const requestId = id.toLowerCase();
    const { userId } = request;
    const keyOf = (sale: string) => catalogue.ticketKeys.receipt(sale);
    const facts = receipt && readReceipt(keyOf, receipt, { requestId, userId });
    if (!facts) return { requestId, userId, taken: false };
    const { unknownAt } = facts;
    return { requestId, userId, taken: true, ...(unknownAt !== undefined && { unknownAt }) };
  }

  function shopperOf(reply: FastifyReply): Presence {
    const shopper = new Presence();
    // On the answer, not on its socket: that one lives on and would collect a listener a request.
    reply.raw.once('close', () => shopper.leave());
    return shopper;
  }

  app.get(
    '/api/v1/requests/:requestId',
    {
      onRequest,
      schema: {
        summary: 'The status of my request; waits up to `wait` seconds for its outcome',
        security,
        params: RequestParams,
        querystring: WaitQuery,
        response: { 200: RequestAnswer, ...problems(400, 401, 404, 429, 503) },
      },
    },
    async (request, reply) => {
      const question = questionOf(request as StatusRequest);
      const waitMs = Math.min(request.query.wait ?? 0, WAIT_SECONDS_MAX) * 1_000;
      const graceMs = question.taken ? 0 : Math.max(GRACE_MS, waitMs);
      const status = await statusDesk.wait(question, waitMs, graceMs, shopperOf(reply));
      if (status === undefined) throw new Problem('not_found');
      return reply.header('cache-control', 'no-store').send(requestJson(status));
    },
  );

  app.get(
    '/api/v1/requests/:requestId/events',
    {
      onRequest,
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
    async (request, reply) => {
      const question = questionOf(request as StatusRequest);
      const shopper = shopperOf(reply);
      let status = await statusDesk.wait(question, 0, question.taken ? 0 : GRACE_MS, shopper);
      if (status === undefined) throw new Problem('not_found');
      reply.hijack();
      const { raw } = reply;
      raw.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
      const untilMs = performance.now() + EVENTS_SECONDS_MAX * 1_000;
      const isOpen = () => !shopper.isGone && !stopping.aborted && performance.now() < untilMs;
      let line = eventOf(status);
      try {
        while (status?.status === 'queued') {
          raw.write(line);
          line = ': waiting\n\n';
          if (!isOpen()) break;
          status = await statusDesk.wait(question, EVENTS_HEARTBEAT_SECONDS * 1_000, 0, shopper);
        }
      } catch (error) {
        // No document can follow what has begun; whoever hears the end of the stream asks again.
        if (!(error instanceof Problem)) problemOf(error, log);
        status = undefined;
      }
      // The outcome and the end of the stream are one write.
      if (status === undefined || status.status === 'queued') raw.end();
      else raw.end(eventOf(status));
    },
  );
};
