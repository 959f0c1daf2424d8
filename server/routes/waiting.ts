import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { Static } from '../../contracts/schema-types.ts';
import {
  type JoinResult,
  joinWaitlist,
  leaveWaitlist,
  type WaitlistEntry,
} from '../../db/calls.ts';
import { guards } from '../authenticate.ts';
import type { SkuOnSale } from '../catalogue/catalogue.ts';
import type { Context } from '../context.ts';
import { untilOpening } from '../gate/opening.ts';
import { goneSignal } from '../http/gone.ts';
import { orderJson } from '../http/order-json.ts';
import { Problem, type ProblemVerdict, VERDICT_HEADER } from '../http/problems.ts';
import {
  problems,
  SkuParams,
  WAIT_SECONDS_MAX,
  WaitingAnswer,
  WaitingBody,
  WaitQuery,
} from '../http/schemas.ts';

const PATH = '/api/v1/sales/:sale/skus/:sku/waiting';

const REFUSALS: Readonly<Record<Exclude<JoinResult, 'waiting'>, ProblemVerdict>> = {
  units_available: 'units_available',
  limit_reached: 'limit_reached',
  line_full: 'line_full',
  not_open: 'not_open',
  paused: 'paused',
  closed: 'closed',
  unknown_sku: 'not_found',
  bad_units: 'bad_request',
};

/** The shopper's place in the waitlist: one for each SKU. */
export const waitingRoutes: FastifyPluginAsyncTypebox<Context> = async (app, context) => {
  const { databases, waitlistWaits, orderPages, stopping } = context;
  const onRequest = guards(context).user;
  const security = [{ bearer: [] }];

  app.post(
    PATH,
    {
      onRequest,
      preHandler: guards(context).unblocked,
      schema: {
        summary: 'Wait for a unit that comes back; asking again changes nothing',
        security,
        params: SkuParams,
        body: WaitingBody,
        response: {
          201: WaitingAnswer,
          ...problems(400, 401, 403, 404, 409, 410, 425, 429, 503),
        },
      },
    },
    async ({ params, body, userId }, reply) => {
      const row = rowOf(context, params);
      const refusal = await join(context, row, userId, body?.quantity ?? 1);
      const entry = await waitlistWaits.read({ sku: row.sku, userId });
      const place = entry && answerOf(context, row, entry);
      // A user who has a place keeps it, even if others are refused now.
      if (refusal !== undefined && place?.status !== 'waiting') throw refusal;
      // The place was taken and given up again in between.
      if (place === undefined) throw new Problem('overloaded');
      return reply
        .code(201)
        .headers({ location: urlOf(row), [VERDICT_HEADER]: place.status })
        .send(place);
    },
  );

  app.get(
    PATH,
    {
      onRequest,
      schema: {
        summary: 'My place in the waitlist, or how it ended; waits up to `wait` seconds for news',
        security,
        params: SkuParams,
        querystring: WaitQuery,
        response: { 200: WaitingAnswer, ...problems(400, 401, 403, 404, 429, 503) },
      },
    },
    async ({ params, query, userId }, reply) => {
      const row = rowOf(context, params);
      const waitMs = Math.min(query.wait ?? 0, WAIT_SECONDS_MAX) * 1_000;
      const entry = await waitlistWaits.wait(
        { sku: row.sku, userId },
        waitMs,
        goneSignal(reply, stopping),
      );
      if (entry === undefined) throw new Problem('not_found');
      if (entry.state === 'served') orderPages.forget(userId);
      const place = answerOf(context, row, entry);
      reply.header(VERDICT_HEADER, place.status);
      return place;
    },
  );

  app.delete(
    PATH,
    {
      onRequest,
      schema: {
        summary: 'Leave the waitlist; an order that was made for me stays',
        security,
        params: SkuParams,
        response: { 204: { type: 'null' }, ...problems(400, 401, 403, 404, 429, 503) },
      },
    },
    async ({ params, userId }, reply) => {
      await leaveWaitlist(databases, rowOf(context, params).sku, userId);
      return reply.code(204).send(null);
    },
  );
};

function urlOf({ sale, sku }: SkuOnSale): string {
  return `/api/v1/sales/${sale}/skus/${sku}/waiting`;
}

function rowOf(
  { catalogue }: Context,
  { sale, sku }: { readonly sale: string; readonly sku: string },
): SkuOnSale {
  const row = catalogue.sku(sku);
  if (row === undefined || row.sale !== sale) throw new Problem('not_found');
  return row;
}

/**
 * Asks the database whether units are free and whether the quota holds them back, because the
 * memory of a web node is a moment old.
 */
async function join(
  { catalogue, databases, waitlistWaits }: Context,
  row: SkuOnSale,
  userId: string,
  units: number,
): Promise<Problem | undefined> {
  const state = catalogue.skuState(row);
  if (state === 'scheduled') return untilOpening(catalogue, row);
  if (state !== 'open') return new Problem(state);
  if (!catalogue.hasWaitlist(row)) return new Problem('no_waitlist');
  const result = await joinWaitlist(databases, row.schema, { sku: row.sku, userId, units });
  if (result === 'waiting') return undefined;
  const now = result === 'units_available' ? await waitlistWaits.unitsNow(row.sku) : undefined;
  const isWithheld = now !== undefined && catalogue.isWithheld(now);
  return new Problem(isWithheld ? 'quota_spent' : REFUSALS[result]);
}

function answerOf(
  { catalogue }: Context,
  row: SkuOnSale,
  entry: WaitlistEntry,
): Static<typeof WaitingAnswer> {
  // The operators' switch closes the SKU as well; the database knows only its own switch.
  const isClosed = entry.state === 'waiting' && catalogue.skuState(row) === 'closed';
  const { order, ahead, inLine } = entry;
  return {
    sale: row.sale,
    sku: row.sku,
    status: isClosed ? 'closed' : entry.state,
    quantity: entry.units,
    rank: entry.rank,
    claims: entry.claims,
    ...(ahead !== null && inLine !== null && { ahead, inLine }),
    askedAt: entry.askedAt.toISOString(),
    waitingUrl: urlOf(row),
    ...(order !== null && {
      order: orderJson({ ...order, sale: row.sale, sku: row.sku }),
    }),
  };
}
