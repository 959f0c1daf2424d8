import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { isRehearsal } from '../../contracts/rehearsal.ts';
import {
  endCheckout,
  installationOf,
  keepCheckout,
  liveCheckout,
  type NewSession,
  orderDetails,
} from '../../db/calls.ts';
import { PaymentError } from '../../payment/provider.ts';
import { guards } from '../authenticate.ts';
import type { Context } from '../context.ts';
import { CheckoutAnswer } from '../http/payment-schemas.ts';
import { Problem } from '../http/problems.ts';
import { OrderParams, problems } from '../http/schemas.ts';

/**
 * Allows for the difference between our clock and the provider's, and for the time that the shopper
 * needs to get there.
 */
const NEAR_END_MS = 60_000;
const BEING_BOOKED = 'Your payment has arrived at the provider and is being booked';

/** Returns where the shopper goes to pay: a page of the provider, or the demo's own call. */
export const checkoutRoute: FastifyPluginAsyncTypebox<Context> = async (app, context) => {
  const { catalogue, databases, log, payments } = context;

  const ask = <T>(orderNo: string, asked: Promise<T>): Promise<T> =>
    asked.catch((error: unknown) => {
      if (!(error instanceof PaymentError)) throw error;
      log.warn({ err: error, orderNo }, 'the payment provider did not begin');
      throw new Problem(error.isTransient ? 'overloaded' : 'internal_error');
    });

  /**
   * Near the end of a session only the provider knows its state, because the callback that reported
   * it may be lost.
   *
   * @throws {Problem} somebody has paid in the session
   */
  async function canPayIn(orderNo: string, { ref, endsAt }: NewSession): Promise<boolean> {
    const isNearEnd = endsAt.getTime() - NEAR_END_MS <= catalogue.nowMs();
    if (payments.kind !== 'stripe' || !isNearEnd) return true;
    const status = await ask(orderNo, payments.provider.statusOf(ref));
    if (status === 'complete') throw new Problem('not_allowed_now', { detail: BEING_BOOKED });
    if (status === 'open') return true;
    await endCheckout(databases, orderNo, ref, 'ended');
    return false;
  }

  app.post(
    '/api/v1/orders/:orderNo/checkout',
    {
      // The provider limits the calls of the whole shop, and one user must not use them up.
      onRequest: guards(context).user,
      preHandler: guards(context).unblocked,
      schema: {
        summary: 'Where I pay my order; asking again leads to the same place',
        security: [{ bearer: [] }],
        params: OrderParams,
        response: { 200: CheckoutAnswer, ...problems(400, 401, 403, 404, 409, 429, 500, 503) },
      },
    },
    async ({ params: { orderNo }, userId }) => {
      const order = await orderDetails(databases, orderNo);
      if (order === undefined || order.userId !== userId) throw new Problem('not_found');
      // The shop takes payments elsewhere, and only the callback comes here.
      if (payments.kind === 'standard') throw new Problem('not_found');
      // A rehearsal moves no money.
      if (payments.kind === 'stripe' && isRehearsal(order.sale)) throw new Problem('not_found');
      if (order.status !== 'ordered' || order.payBefore.getTime() <= catalogue.nowMs()) {
        throw ended();
      }
      const { session: live, nextAttempt: attempt } = await liveCheckout(databases, orderNo);
      if (live !== undefined && (await canPayIn(orderNo, live))) {
        return { method: 'GET' as const, url: live.url };
      }
      const title = catalogue.sku(order.sku)?.title ?? order.sku;
      const installation = await installationOf(databases, orderNo);
      const begun = await ask(
        orderNo,
        payments.provider.begin({ ...order, title, installation, attempt }),
      );
      const { method, session } = begun;
      if (session === undefined) return { method, url: begun.url };
      const kept = await keepCheckout(databases, orderNo, session);
      if (kept === undefined) throw ended();
      return { method, url: kept };
    },
  );
};

function ended(): Problem {
  return new Problem('not_allowed_now', { detail: 'The order cannot be paid any more' });
}
