import { Type } from '../../contracts/schema-types.ts';
import { Refund } from './schemas.ts';

/** JSON schemas of the calls that shoppers and payment providers make to pay. */

export const CheckoutAnswer = Type.Object({
  method: Type.Enum(['GET', 'POST']),
  url: Type.String({ description: "GET: the provider's page; POST: a call of this shop" }),
});

export const StripeEvent = Type.Object(
  {
    type: Type.String({
      description: 'checkout.session.*: a payment; refund.*, charge.refund.updated: one given back',
    }),
    data: Type.Object({
      object: Type.Object({}, { additionalProperties: true, description: 'What it is about' }),
    }),
  },
  { additionalProperties: true, description: "An event of Stripe's API" },
);

export const CallbackAnswer = Type.Object({
  orderNo: Type.Optional(Type.String()),
  status: Type.String({ description: 'paid, refund_due, refunded, reference_taken or ignored' }),
  reason: Type.Optional(Type.String()),
  refund: Type.Optional(Refund),
});

export const PaymentAnswer = Type.Object({
  orderNo: Type.String(),
  status: Type.String({ description: 'paid, refund_due or reference_taken' }),
  refund: Type.Optional(Refund),
});
