import { randomUUID } from 'node:crypto';
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { installationOf, orderDetails } from '../../db/calls.ts';
import { guards } from '../authenticate.ts';
import type { Context } from '../context.ts';
import { createGuestSigner } from '../gate/identity.ts';
import { PaymentAnswer } from '../http/payment-schemas.ts';
import { Problem } from '../http/problems.ts';
import { GuestAnswer, OrderParams, problems } from '../http/schemas.ts';

/** Guest identities and a pay button, if the demo is switched on. */
export const demoRoutes: FastifyPluginAsyncTypebox<Context> = async (app, context) => {
  const { config, databases, payments } = context;
  if (config.identity.kind !== 'secret') throw new Error('the demo signs guests with JWT_SECRET');
  const signGuest = createGuestSigner(config.identity.secret, config.identity);

  app.post(
    '/api/v1/demo/guest',
    {
      onRequest: guards(context).stranger,
      schema: {
        summary: 'A guest identity (demo)',
        response: { 201: GuestAnswer, ...problems(429) },
      },
    },
    async (_request, reply) => {
      const user = `guest-${randomUUID()}`;
      return reply
        .code(201)
        .header('cache-control', 'no-store')
        .send({ user, token: signGuest(user) });
    },
  );

  // With a real provider, pressing the button must not count as a payment.
  if (payments.kind !== 'demo') return;
  const { provider } = payments;
  app.post(
    '/api/v1/demo/orders/:orderNo/pay',
    {
      onRequest: guards(context).owner,
      schema: {
        summary: 'Pay my order with the demo payment provider',
        security: [{ bearer: [] }],
        params: OrderParams,
        response: { 200: PaymentAnswer, ...problems(400, 401, 404, 429, 503) },
      },
    },
    async ({ params: { orderNo }, userId }, reply) => {
      const order = await orderDetails(databases, orderNo);
      if (order === undefined || order.userId !== userId) throw new Problem('not_found');
      const { amount, currency, requestId } = order;
      const installation = await installationOf(databases, orderNo);
      // The demo's provider works as every provider does: with a signed callback.
      const reference = `demo-${orderNo}`;
      const data = { orderNo, amount, currency, reference, installation, requestId };
      const callback = provider.sign(`msg_${randomUUID()}`, new Date(), data);
      const url = `/api/v1/orders/${orderNo}/payment`;
      const answer = await app.inject({ method: 'POST', url, ...callback });
      const { 'retry-after': retryAfter } = answer.headers;
      if (retryAfter !== undefined) reply.header('retry-after', retryAfter);
      return reply
        .code(answer.statusCode as 200)
        .type(String(answer.headers['content-type']))
        .send(answer.json());
    },
  );
};
