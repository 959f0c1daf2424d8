import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { FastifyRequest } from 'fastify';
import { isSameAmount } from '../../contracts/money.ts';
import { SCHEMAS } from '../../contracts/names.ts';
import { endRefund, type Order, orderDetails, refusePayment } from '../../db/calls.ts';
import {
  type FailedRefund,
  ForgedCallback,
  type PaymentProvider,
  UnknownCallback,
} from '../../payment/provider.ts';
import { PaymentCallback } from '../../payment/standard.ts';
import type { Context } from '../context.ts';
import { Problem } from '../problems.ts';
import { compileValidator } from '../validation.ts';
import { refundJson } from './order.ts';
import { CallbackAnswer, OrderParams, PaymentAnswer, problems, StripeEvent } from './schemas.ts';

/**
 * Signed callbacks of payment providers. The signature is over the bytes of the body, so these routes
 * alone take the body unparsed.
 */
export const paymentRoutes: FastifyPluginAsyncTypebox<Context> = async (app, context) => {
  const { cashier, databases, log, orderPages } = context;
  const { standard, stripe } = context.payments;
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(
    'application/json',
    { parseAs: 'string' },
    (_request: FastifyRequest, body: string | Buffer, done) => done(null, body),
  );

  // What is in the body is described here, and judged once its signature is known to be good.
  app.setValidatorCompiler((part) =>
    part.httpPart === 'body' ? () => true : compileValidator(part),
  );

  app.post(
    '/api/v1/orders/:orderNo/payment',
    {
      schema: {
        summary: "The payment provider's signed callback (Standard Webhooks)",
        params: OrderParams,
        body: PaymentCallback,
        response: { 200: PaymentAnswer, ...problems(400, 403, 404, 413, 415, 503) },
      },
    },
    async (request) => {
      const { orderNo } = request.params;
      const callback = verify(standard, request);
      if (callback.kind !== 'paid' || callback.orderNo !== orderNo) {
        throw new Problem('bad_request', { detail: 'Not a payment callback for this order' });
      }
      const order = await orderDetails(databases, orderNo);
      if (order === undefined) throw new Problem('not_found');
      // Nothing is booked: the provider hears that it is wrong and keeps the case.
      if (!isAmountOf(order, callback)) {
        throw new Problem('bad_request', { detail: 'The amount is not that of the order' });
      }
      const status = await cashier.pay(order, callback.reference);
      orderPages.forget(order.userId);
      return { orderNo, status, ...(await refundOf(order, status)) };
    },
  );

  /** The provider's own books may show it; nothing is asked for a payment that was right. */
  async function refundOf({ orderNo }: Order, status: string) {
    const order = status === 'refund_due' ? await orderDetails(databases, orderNo) : undefined;
    return order === undefined ? {} : refundJson(order.refund, order.currency);
  }

  if (stripe === undefined) return;
  app.post(
    '/api/v1/payments/stripe',
    {
      schema: {
        summary: "Stripe's signed webhook",
        body: StripeEvent,
        response: { 200: CallbackAnswer, ...problems(400, 403, 413, 415, 503) },
      },
    },
    async (request) => {
      const callback = verify(stripe, request);
      if (callback.kind === 'ignored') return { status: 'ignored', reason: callback.reason };
      if (callback.kind === 'refund_failed') return refundAgain(context, callback);
      const { orderNo, reference } = callback;
      const order = await orderDetails(databases, orderNo);
      if (order === undefined) {
        // Sent again for days it would not come to be: somebody has to look.
        log.error({ orderNo, reference }, 'Stripe has money for an order that is not here');
        return { status: 'ignored', reason: 'there is no such order' };
      }
      // The money is there already: what does not fit is booked, and goes back.
      const isRight = isAmountOf(order, callback);
      if (!isRight) log.error({ orderNo, reference }, 'Stripe has another amount than the order');
      const status = isRight
        ? await cashier.pay(order, reference)
        : await refusePayment(databases, orderNo, reference, callback);
      orderPages.forget(order.userId);
      return { orderNo, status, ...(await refundOf(order, status)) };
    },
  );
};

/** The provider does not say which order it is: the schema that has the payment knows. */
async function refundAgain({ databases, log }: Context, failed: FailedRefund) {
  const { reference, refundRef, reason } = failed;
  const ends = SCHEMAS.map((schema) =>
    endRefund(databases, schema, reference, { refundRef, error: reason }),
  );
  if (!(await Promise.all(ends)).includes(true)) {
    return { status: 'ignored', reason: 'nothing of that payment is to be given back' };
  }
  log.error(
    { reference, refundRef, reason },
    'a refund has failed at the provider: it is due again',
  );
  return { status: 'refund_due' };
}

function isAmountOf(order: Order, money: { amount: string; currency: string }): boolean {
  return isSameAmount(money.amount, order.amount) && money.currency === order.currency;
}

function verify(provider: PaymentProvider, { body, headers }: FastifyRequest) {
  try {
    return provider.verify(String(body), headers as Record<string, string>);
  } catch (error) {
    if (error instanceof ForgedCallback) {
      throw new Problem('bad_request', { detail: 'The signature does not fit', status: 403 });
    }
    if (error instanceof UnknownCallback) {
      throw new Problem('bad_request', { detail: 'Not a payment callback' });
    }
    throw error;
  }
}
