import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { FastifyRequest } from 'fastify';
import { isSameAmount } from '../../contracts/money.ts';
import { askHomes } from '../../db/both-schemas.ts';
import {
  endCheckout,
  endRefund,
  installation,
  installationOf,
  type Order,
  orderDetails,
  refusePayment,
} from '../../db/calls.ts';
import { noAnswer } from '../../db/errors.ts';
import {
  type FailedRefund,
  ForgedCallback,
  type IgnoredReason,
  type PaymentProvider,
  UnknownCallback,
} from '../../payment/provider.ts';
import { PaymentCallback, type StandardProvider } from '../../payment/standard.ts';
import type { StripeProvider } from '../../payment/stripe.ts';
import type { Context } from '../context.ts';
import { Problem } from '../problems.ts';
import { compileValidator } from '../validation.ts';
import { refundJson } from './order.ts';
import { CallbackAnswer, OrderParams, PaymentAnswer, problems, StripeEvent } from './schemas.ts';

/**
 * Signed callbacks of the payment provider. The signature is over the bytes of the body, so these routes
 * alone take the body unparsed.
 */
export const paymentRoutes: FastifyPluginAsyncTypebox<Context> = async (app, context) => {
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

  const { payments } = context;
  if (payments.kind === 'stripe') {
    await app.register(stripeRoute, { ...context, provider: payments.provider });
  } else {
    await app.register(standardRoute, { ...context, provider: payments.provider });
  }
};

type Route<P> = FastifyPluginAsyncTypebox<Context & { readonly provider: P }>;

const standardRoute: Route<StandardProvider> = async (app, context) => {
  const { cashier, databases, orderPages, provider } = context;
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
      const callback = verify(provider, request);
      if (callback.orderNo !== orderNo) {
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
      return { orderNo, status, ...(await refundOf(context, order, status)) };
    },
  );
};

const stripeRoute: Route<StripeProvider> = async (app, context) => {
  const { cashier, databases, log, orderPages, provider } = context;
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
      const callback = verify(provider, request);
      if (callback.kind === 'ignored') return ignore(context, callback.reason);
      if (callback.kind === 'refund_failed') return refundAgain(context, callback);
      const { orderNo, installation, sessionRef } = callback;
      if (installation !== (await installationOf(databases, orderNo))) {
        return ignore(context, 'other_installation');
      }
      if (callback.kind === 'session_over') {
        await endCheckout(databases, orderNo, sessionRef);
        return ignore(context, 'session_over');
      }
      const { reference } = callback;
      const order = await orderDetails(databases, orderNo);
      if (order === undefined) {
        // Sent again for days it would not come to be: somebody has to look.
        log.error({ orderNo, reference }, 'Stripe has money for an order that is not here');
        return ignore(context, 'no_such_order');
      }
      // The money is there already: what does not fit is booked, and goes back.
      const isRight = isAmountOf(order, callback);
      if (!isRight) log.error({ orderNo, reference }, 'Stripe has another amount than the order');
      const status = isRight
        ? await cashier.pay(order, reference)
        : await refusePayment(databases, orderNo, reference, callback);
      // Not before the payment is booked: another session of the order could be paid until then.
      await endCheckout(databases, orderNo, sessionRef);
      orderPages.forget(order.userId);
      return { orderNo, status, ...(await refundOf(context, order, status)) };
    },
  );
};

/** The provider's own books may show it; nothing is asked for a payment that was right. */
async function refundOf({ databases }: Context, { orderNo }: Order, status: string) {
  const order = status === 'refund_due' ? await orderDetails(databases, orderNo) : undefined;
  return order === undefined ? {} : refundJson(order.refund, order.currency);
}

function ignore({ metrics }: Context, reason: IgnoredReason) {
  metrics.ignoredCallbacks.inc({ reason });
  return { status: 'ignored', reason };
}

/** The provider does not say which order it is: the schema that has the payment knows. */
async function refundAgain(context: Context, failed: FailedRefund) {
  const { databases, log } = context;
  const { installation: asked, reference, refundRef, reason } = failed;
  const { rows, missing } = await askHomes(databases, 'end_refund', async (schema) => {
    const isOurs = asked === undefined || asked === (await installation(databases, schema));
    const facts = { refundRef, error: reason };
    return [{ isOurs, isDue: isOurs && (await endRefund(databases, schema, reference, facts)) }];
  });
  if (!rows.some(({ isDue }) => isDue)) {
    // The provider calls again.
    if (missing.length > 0) throw noAnswer(missing);
    const isOurs = rows.some((home) => home.isOurs);
    return ignore(context, isOurs ? 'refund_not_due' : 'other_installation');
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

function verify<P extends PaymentProvider>(
  provider: P,
  { body, headers }: FastifyRequest,
): ReturnType<P['verify']> {
  try {
    return provider.verify(String(body), headers as Record<string, string>) as ReturnType<
      P['verify']
    >;
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
