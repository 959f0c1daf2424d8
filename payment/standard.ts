import { Ajv } from 'ajv';
import { Webhook, WebhookVerificationError } from 'standardwebhooks';
import { ORDER_NO_PATTERN } from '../contracts/ids.ts';
import { AMOUNT_PATTERN } from '../contracts/money.ts';
import { type Static, Type } from '../contracts/schema-types.ts';
import {
  type Checkout,
  ForgedCallback,
  type PayableOrder,
  type Payment,
  type PaymentProvider,
  UnknownCallback,
} from './provider.ts';

/**
 * A provider whose callbacks are signed as Standard Webhooks specifies. The demo's pay button uses it:
 * it takes no money, but its callback is handled like that of any provider.
 */

/** The JSON body of a callback. */
export const PaymentCallback = Type.Object({
  type: Type.Literal('payment.succeeded'),
  data: Type.Object({
    orderNo: Type.String({ pattern: ORDER_NO_PATTERN }),
    reference: Type.String({
      minLength: 1,
      maxLength: 200,
      description: "The provider's own id of the payment: the same one pays once",
    }),
    amount: Type.String({ pattern: AMOUNT_PATTERN }),
    currency: Type.String({ pattern: '^[A-Z]{3}$' }),
    installation: Type.Optional(
      Type.String({
        maxLength: 64,
        description: 'The installation that the money is for; another one ignores the callback',
      }),
    ),
    requestId: Type.Optional(
      Type.String({
        maxLength: 64,
        description: 'The request of the order; an order of another request is not paid',
      }),
    ),
  }),
});

const isPaymentCallback = new Ajv().compile<Static<typeof PaymentCallback>>(PaymentCallback);

export class StandardProvider implements PaymentProvider {
  readonly #webhook: Webhook;

  /** @param secret `whsec_…` */
  constructor(secret: string) {
    this.#webhook = new Webhook(secret);
  }

  async begin({ orderNo }: PayableOrder): Promise<Checkout> {
    return { method: 'POST', url: `/api/v1/demo/orders/${orderNo}/pay` };
  }

  verify(body: string, headers: Readonly<Record<string, string | undefined>>): Payment {
    const callback = this.#open(body, headers);
    if (!isPaymentCallback(callback)) throw new UnknownCallback('not a payment callback');
    // References with Stripe's prefix must come from Stripe.
    if (callback.data.reference.startsWith('stripe:')) {
      throw new UnknownCallback('the reference belongs to another provider');
    }
    return { kind: 'paid', ...callback.data };
  }

  /** Returns the headers and the body of a signed callback for a payment. */
  sign(id: string, sentAt: Date, data: Omit<Payment, 'kind'>) {
    const payload = JSON.stringify({ type: 'payment.succeeded', data });
    const headers = {
      'content-type': 'application/json',
      'webhook-id': id,
      'webhook-timestamp': String(Math.floor(sentAt.getTime() / 1_000)),
      'webhook-signature': this.#webhook.sign(id, sentAt, payload),
    };
    return { payload, headers };
  }

  #open(body: string, headers: Readonly<Record<string, string | undefined>>): unknown {
    try {
      return this.#webhook.verify(body, headers as Record<string, string>);
    } catch (error) {
      if (error instanceof WebhookVerificationError) throw new ForgedCallback(error.message);
      if (error instanceof SyntaxError) throw new UnknownCallback('not JSON');
      throw error;
    }
  }
}
