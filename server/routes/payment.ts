import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { FastifyRequest } from 'fastify';
import { isSameAmount } from '../../contracts/money.ts';
import {
  canHaveOrder,
  endCheckout,
  failRefund,
  installation,
  installationOf,
  isDroppedPayment,
  isLegacyOrder,
  type Order,
  orderDetails,
  refusePayment,
} from '../../db/calls.ts';
import { noAnswer } from '../../db/client/errors.ts';
import { askHomes } from '../../db/client/homes.ts';
import {
  type FailedRefund,
  ForgedCallback,
  PaymentError,
  type PaymentProvider,
  type SessionOver,
  type SessionPaid,
  type StrayReason,
  UnknownCallback,
} from '../../payment/provider.ts';
import { PaymentCallback, type StandardProvider } from '../../payment/standard.ts';
import type { StripeProvider } from '../../payment/stripe.ts';
import type { Context } from '../context.ts';
import { refundJson } from '../http/order-json.ts';
import { CallbackAnswer, StripeEvent } from '../http/payment-schemas.ts';
import { Problem } from '../http/problems.ts';
import { OrderParams, problems } from '../http/schemas.ts';
import { compileValidator } from '../http/validation.ts';
import { ignore, notBooked, tellResult, tellStray } from '../orders/unbooked.ts';

/** An event of Stripe has all metadata of its object, which other users of the account may have filled. */
const BODY_BYTES_MAX = 131_072;

/**
 * Signed callbacks of the payment provider. The signature covers the bytes of the body, so these
 * routes, unlike all others, take the body unparsed.
 */
export const paymentRoutes: FastifyPluginAsyncTypebox<Context> = async (app, context) => {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(
    'application/json',
    { parseAs: 'string', bodyLimit: BODY_BYTES_MAX },
    (_request: FastifyRequest, body: string | Buffer, done) => done(null, body),
  );

  // The schema only describes the body; the body is validated after its signature.
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
  const { cashier, databases, orderPages } = context;
  app.post(
    '/api/v1/orders/:orderNo/payment',
    {
      schema: {
        summary: "The payment provider's signed callback (Standard Webhooks)",
        params: OrderParams,
        body: PaymentCallback,
        response: { 200: CallbackAnswer, ...problems(400, 403, 404, 413, 415, 503) },
      },
    },
    async (request) => {
      const { orderNo } = request.params;
      const callback = verify(context, request);
      if (callback.orderNo !== orderNo) {
        throw new Problem('bad_request', { detail: 'Not a payment callback for this order' });
      }
      const { installation, reference, requestId } = callback;
      const isHere = await canHaveOrder(databases, orderNo);
      const order = isHere ? await orderDetails(databases, orderNo) : undefined;
      const here = isHere ? await installationOf(databases, orderNo) : undefined;
      if (installation !== undefined && installation !== here)
        return notBooked(context, callback, 'other_installation');
      if (order === undefined) {
        const isDropped = isHere && (await isDroppedPayment(databases, orderNo, reference));
        if (isDropped) return ignore(context, 'sale_dropped');
        tellStray(context, callback, 'no_such_order');
        throw new Problem('not_found');
      }
      if (requestId !== undefined && requestId !== order.requestId) {
        return notBooked(context, callback, 'other_order');
      }
      // Nothing is booked. The provider gets an error and has to handle the case.
      if (!isAmountOf(order, callback)) {
        tellStray(context, callback, 'other_amount');
        throw new Problem('bad_request', { detail: 'The amount is not that of the order' });
      }
      const status = await cashier.pay(order, reference);
      tellResult(context, callback, status);
      orderPages.forget(order.userId);
      return { orderNo, status, ...(await refundOf(context, order, status)) };
    },
  );
};

/**
 * Stripe repeats an event for three days. An older event was sent again by hand. Its order may have
 * been paid, delivered and dropped so long ago that `is_dropped_payment` has forgotten it.
 */
const FRESH_MS = 3 * 86_400_000;

const stripeRoute: Route<StripeProvider> = async (app, context) => {
  const { cashier, databases, log, orderPages } = context;
  app.post(
    '/api/v1/payments/stripe',
    {
      schema: {
        summary: "Stripe's signed webhook",
        body: StripeEvent,
        response: { 200: CallbackAnswer, ...problems(400, 403, 404, 413, 415, 503) },
      },
    },
    async (request) => {
      const callback = verify(context, request);
      if (callback.kind === 'ignored') return ignore(context, callback.reason);
      if (callback.kind === 'refund_failed') return refundAgain(context, callback);
      const { orderNo, sessionRef } = callback;
      if (!(await canHaveOrder(databases, orderNo))) return foreign(context, callback);
      if (callback.kind === 'session_over') {
        if (callback.installation !== (await installationOf(databases, orderNo))) {
          return ignore(context, 'other_installation');
        }
        await endCheckout(databases, orderNo, sessionRef, 'ended');
        return ignore(context, 'session_over');
      }
      const { reference } = callback;
      const order = await orderDetails(databases, orderNo);
      const reason = await strayReason(context, callback, order);
      if (reason !== undefined) return stray(context, callback, reason);
      if (order === undefined) throw new Problem('not_found');
      // The payment has already been made, so one with a wrong amount is booked and refunded.
      const isRight = isAmountOf(order, callback);
      if (!isRight) log.error({ orderNo, reference }, 'Stripe has another amount than the order');
      const status = isRight
        ? await cashier.pay(order, reference)
        : await refusePayment(databases, orderNo, reference, callback);
      tellResult(context, callback, status);
      // This must follow the booking, because another session of the order could be paid until
      // then.
      await endCheckout(databases, orderNo, sessionRef, 'ended');
      orderPages.forget(order.userId);
      return { orderNo, status, ...(await refundOf(context, order, status)) };
    },
  );
};

/** News of a session whose order is in a home that this installation does not have. */
function foreign(context: Context, callback: SessionPaid | SessionOver) {
  if (callback.kind === 'session_over') return ignore(context, 'other_installation');
  return notBooked(
    context,
    callback,
    callback.installation ? 'other_installation' : 'no_installation',
  );
}

/** Returns why the payment is not for an order here; undefined if it is for this order. */
async function strayReason(
  { databases }: Context,
  paid: SessionPaid,
  order: Order | undefined,
): Promise<StrayReason | undefined> {
  const { installation, orderNo, requestId } = paid;
  if (installation === undefined) {
    const isLegacy = order !== undefined && (await isLegacyOrder(databases, order));
    return isLegacy && isAmountOf(order, paid) ? undefined : 'no_installation';
  }
  if (installation !== (await installationOf(databases, orderNo))) return 'other_installation';
  if (order === undefined) return 'no_such_order';
  return requestId === order.requestId ? undefined : 'other_order';
}

/**
 * Handles a payment that cannot be booked for any order here. If it was made to this installation,
 * it is refunded at once, unless it was booked before its sale was dropped.
 */
async function stray(
  context: Context & { readonly provider: StripeProvider },
  paid: SessionPaid,
  reason: StrayReason,
) {
  const { databases, log, metrics, provider } = context;
  const { installation, orderNo, reference, paidAt } = paid;
  const isOurs = reason === 'no_such_order' || reason === 'other_order';
  if (isOurs && (await isDroppedPayment(databases, orderNo, reference))) {
    return ignore(context, 'sale_dropped');
  }
  if (!isOurs || installation === undefined || Date.now() - paidAt.getTime() > FRESH_MS) {
    return notBooked(context, paid, reason);
  }
  metrics.strayPayments.inc({ reason });
  const facts = { orderNo, reference, reason };
  const refundRef = await provider.refund(reference, installation).catch((error: unknown) => {
    if (!(error instanceof PaymentError)) throw error;
    log.error(
      { ...facts, err: error },
      'money without an order was not given back; Stripe asks again',
    );
    throw new Problem('overloaded');
  });
  log.error({ ...facts, refundRef }, 'money without an order was given back');
  return { status: 'refunded', reason };
}

/**
 * Reads the refund for the answer, which the provider may show. Nothing is read for a correct
 * payment.
 */
async function refundOf({ databases }: Context, { orderNo }: Order, status: string) {
  const order = status === 'refund_due' ? await orderDetails(databases, orderNo) : undefined;
  return order === undefined ? {} : refundJson(order.refund, order.currency);
}

/** The provider does not name the order; the schema that has the payment knows it. */
async function refundAgain(context: Context, failed: FailedRefund) {
  const { databases, log } = context;
  const { installation: asked, reference, refundRef, reason } = failed;
  const { rows, missing } = await askHomes(databases, 'fail_refund', async (schema) => {
    const isOurs = asked === undefined || asked === (await installation(databases, schema));
    const facts = { refundRef, error: reason };
    const state = isOurs ? await failRefund(databases, schema, reference, facts) : 'none';
    return [{ isOurs, state }];
  });
  const states = rows.map(({ state }) => state);
  if (!states.includes('due')) {
    // The money has gone by another refund since.
    if (states.includes('done')) return ignore(context, 'refund_not_due');
    // The provider will call again.
    if (missing.length > 0) throw noAnswer(missing);
    const isOurs = rows.some((home) => home.isOurs);
    if (isOurs && asked !== undefined) {
      // The payment was refunded without an order, so no worker tries again.
      context.metrics.strayPayments.inc({ reason: 'refund_failed' });
      log.error({ reference, refundRef, reason }, 'the refund of a stray payment has failed');
    }
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
  { provider, metrics }: Context & { readonly provider: P },
  { body, headers }: FastifyRequest,
): ReturnType<P['verify']> {
  const count = (result: 'signed' | 'forged') => metrics.paymentCallbacks.inc({ result });
  try {
    const callback = provider.verify(String(body), headers as Record<string, string>);
    count('signed');
    return callback as ReturnType<P['verify']>;
  } catch (error) {
    count(error instanceof ForgedCallback ? 'forged' : 'signed');
    if (error instanceof ForgedCallback) {
      throw new Problem('bad_request', { detail: 'The signature does not match', status: 403 });
    }
    if (error instanceof UnknownCallback) {
      throw new Problem('bad_request', { detail: 'Not a payment callback' });
    }
    throw error;
  }
}
