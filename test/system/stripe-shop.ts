import { expect } from 'vitest';
import { newRehearsal, skuOfRehearsal } from '../../contracts/rehearsal.ts';
import { installation, orderDetails } from '../../db/calls.ts';
import { type Answer, Shopper } from '../shopper.ts';
import {
  type RefundFacts,
  refundEvent,
  type SessionFacts,
  STRIPE_KEY,
  STRIPE_WEBHOOK_SECRET,
  sessionEvent,
  signature,
  startStripeDouble,
} from '../stripe-double.ts';
import { startSystem } from '../system.ts';
import { until } from '../until.ts';

/**
 * A shop with all processes whose shoppers pay by Stripe. A double stands in for Stripe's API,
 * which tests cannot reach. Webhooks are signed with Stripe's own code.
 */

export const WEBHOOK = '/api/v1/payments/stripe';

export type StripeShop = Awaited<ReturnType<typeof openStripeShop>>;

export async function openStripeShop({ webNodes }: { readonly webNodes: number }) {
  const double = await startStripeDouble();
  const system = await startSystem({
    webNodes,
    environment: {
      PAYMENT_PROVIDER: 'stripe',
      STRIPE_SECRET_KEY: STRIPE_KEY,
      STRIPE_WEBHOOK_SECRET,
      STRIPE_API_URL: double.url,
      SHOP_URL: 'https://shop.example',
      LOG_LEVEL: 'trace',
    },
  });
  const { databases } = system;
  await databases.home('hot').query({
    text: `SELECT catalog.set_tunable('refund_retry_s', 1), catalog.set_tunable('checkout_retry_s', 1)`,
  });
  const shopper = () => new Shopper(system.url, system.jwtSecret);
  const stateOf = async (who: Shopper, orderNo: string) =>
    (await who.call('GET', `/api/v1/orders/${orderNo}`)).body.status;
  const say = (payload: string, sign: (payload: string) => string = signature): Promise<Answer> =>
    shopper().call('POST', WEBHOOK, payload, { 'stripe-signature': sign(payload) });
  let sales = 0;
  return {
    system,
    double,
    shopper,
    stateOf,

    async onSale(units: number) {
      sales += 1;
      const sku = `Card${sales}`;
      return { sku, sale: await system.createSale([{ sku, units }]) };
    },

    /** The shadow of a sale, as a rehearsal puts it on. */
    async rehearsed(units: number) {
      const sale = newRehearsal('cards');
      const sku = skuOfRehearsal(sale, 1);
      return { sku, sale: await system.createSale([{ sku, units }], { sale }) };
    },

    async ordered(who: Shopper, { sale, sku }: { sale: string; sku: string }) {
      const { body } = await who.buy(sale, sku);
      expect(body.status).toBe('ordered');
      return body.order.orderNo as string;
    },

    /** Sets the payment deadline to the past and waits until a worker has expired the order. */
    async expired(who: Shopper, orderNo: string): Promise<void> {
      await databases.home('hot').query({
        text: 'UPDATE hot.orders SET pay_before = now() WHERE order_no = $1',
        values: [orderNo],
      });
      await until('it expires', async () => (await stateOf(who, orderNo)) === 'expired');
    },

    checkout: (who: Shopper, orderNo: string) =>
      who.call('POST', `/api/v1/orders/${orderNo}/checkout`),

    /** Sends a callback as Stripe does, by default about a session of this shop. */
    async stripeSays(facts: SessionFacts, sign?: (payload: string) => string): Promise<Answer> {
      const { orderNo } = facts;
      const order = orderNo === undefined ? undefined : await orderDetails(databases, orderNo);
      const ours = {
        installation: await installation(databases, 'hot'),
        ...(order !== undefined && { requestId: order.requestId }),
      };
      return say(sessionEvent({ ...ours, ...facts }), sign);
    },

    /** Sends a callback as Stripe does, about any session. */
    anyoneSays: (facts: SessionFacts): Promise<Answer> => say(sessionEvent(facts)),

    refundFailed: (facts: RefundFacts) => say(refundEvent(facts)),

    /** A separate payment for each test. */
    intentOf: (name: string) => `pi_${name}_${sales}`,

    givenBack: (intent: string) =>
      until(`${intent} is given back`, async () => {
        const [row] = await databases.home('hot').query<{ state: string }>({
          text: 'SELECT state FROM hot.refunds WHERE payment_ref = $1',
          values: [`stripe:${intent}`],
        });
        return row?.state === 'done' && double.refunded.has(intent);
      }),

    async close() {
      await system.stop();
      await double.close();
    },
  };
}
