import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { FastifyRequest } from 'fastify';
import { Webhook, WebhookVerificationError } from 'standardwebhooks';
import { Type } from 'typebox';
import { Check } from 'typebox/value';
import { orderDetails, payOrder } from '../../db/calls.ts';
import type { Context } from '../context.ts';
import { Problem } from '../problems.ts';
import { OrderParams, PaymentAnswer, problems } from './schemas.ts';

/** What the payment provider says in its callback. */
const PaymentCallback = Type.Object({
  type: Type.Literal('payment.succeeded'),
  data: Type.Object({
    orderNo: Type.String(),
    /** The provider's own id of the payment: the same one pays once. */
    reference: Type.String({ minLength: 1, maxLength: 200 }),
    amount: Type.String({ pattern: '^[0-9]{1,10}(\\.[0-9]{1,2})?$' }),
    currency: Type.String({ pattern: '^[A-Z]{3}$' }),
  }),
});

/**
 * The payment provider's callback, signed as Standard Webhooks say. The signature is over the bytes
 * of the body, so this route alone takes the body unparsed.
 */
export const paymentRoute: FastifyPluginAsyncTypebox<Context> = async (app, context) => {
  const { config, databases, orderPages } = context;
  const webhook = new Webhook(config.paymentWebhookSecret);
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(
    'application/json',
    { parseAs: 'string' },
    (_request: FastifyRequest, body: string | Buffer, done) => done(null, body),
  );

  app.post(
    '/api/v1/orders/:orderNo/payment',
    {
      schema: {
        summary: "The payment provider's signed callback (Standard Webhooks)",
        params: OrderParams,
        response: { 200: PaymentAnswer, ...problems(400, 403, 404, 503) },
      },
    },
    async (request) => {
      const { orderNo } = request.params;
      const callback = verify(webhook, request);
      if (!Check(PaymentCallback, callback) || callback.data.orderNo !== orderNo) {
        throw new Problem('bad_request', { detail: 'Not a payment callback for this order' });
      }
      const order = await orderDetails(databases, orderNo);
      if (order === undefined) throw new Problem('not_found');
      const { reference, amount, currency } = callback.data;
      if (Number(amount) !== Number(order.amount) || currency !== order.currency) {
        throw new Problem('bad_request', { detail: 'The amount is not that of the order' });
      }
      const status = await payOrder(databases, orderNo, reference);
      orderPages.forget(order.userId);
      return { orderNo, status };
    },
  );
};

function verify(webhook: Webhook, request: FastifyRequest): unknown {
  try {
    return webhook.verify(String(request.body), request.headers as Record<string, string>);
  } catch (error) {
    if (error instanceof WebhookVerificationError) {
      throw new Problem('bad_request', { detail: 'The signature does not fit', status: 403 });
    }
    if (error instanceof SyntaxError) throw new Problem('bad_request', { detail: 'Not JSON' });
    throw error;
  }
}
