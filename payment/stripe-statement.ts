import { fromMinorUnits } from './money.ts';
import { PaymentError } from './provider.ts';
import type { StatedPayment, StatedRefund } from './statement.ts';
import { isVoid, type Stripe, StripeAccount } from './stripe-account.ts';
import { STRIPE_PREFIX } from './stripe-terms.ts';

/** Lists the payments and refunds of an account that belong to this installation. */

/** Stripe gives no more at a time. */
const PAGE_MAX = 100;
/** More than any sale has; the list is held in memory. */
const OBJECTS_MAX = 2_000_000;

interface Page<T> {
  readonly data: readonly T[];
  readonly has_more: boolean;
}

interface Query {
  readonly limit: number;
  readonly starting_after?: string;
}

export class StripeStatement extends StripeAccount {
  /**
   * Lists what was paid in sessions that were created since a moment.
   *
   * @param installations those of the databases of this shop; what belongs to others is left out
   * @throws {PaymentError}
   */
  async payments(installations: ReadonlySet<string>, since: Date): Promise<StatedPayment[]> {
    const created = { gte: Math.floor(since.getTime() / 1_000) };
    const refunds = await this.#refunds(created);
    const payments: StatedPayment[] = [];
    const sessions = this.#all((query) =>
      this.stripe.checkout.sessions.list({ ...query, created, status: 'complete' }),
    );
    for await (const session of sessions) {
      const { flashsale_installation: installation = '', flashsale_order: orderNo } =
        session.metadata ?? {};
      const intent = idOf(session.payment_intent);
      const isPaid = session.payment_status === 'paid' && intent !== undefined;
      if (!isPaid || !installations.has(installation)) continue;
      const currency = (session.currency ?? '').toUpperCase();
      payments.push({
        reference: `${STRIPE_PREFIX}${intent}`,
        orderNo,
        amount: fromMinorUnits(session.amount_total ?? 0, currency),
        currency,
        refunds: refunds.get(intent) ?? [],
        again: `stripe events resend "$(stripe events list -d 'type=checkout.session.completed' -d 'created[gte]=${session.created}' --limit 100 | jq -r '.data[] | select(.data.object.id == "${session.id}") | .id')"`,
      });
    }
    return payments;
  }

  async #refunds(created: { readonly gte: number }): Promise<Map<string, StatedRefund[]>> {
    const found = new Map<string, StatedRefund[]>();
    const listed = this.#all((query) => this.stripe.refunds.list({ ...query, created }));
    for await (const refund of listed) {
      const intent = idOf(refund.payment_intent);
      if (intent === undefined || isVoid(refund)) continue;
      const currency = refund.currency.toUpperCase();
      const amount = fromMinorUnits(refund.amount, currency);
      found.set(intent, [...(found.get(intent) ?? []), { ref: refund.id, amount, currency }]);
    }
    return found;
  }

  /** Each object of a list, page by page. */
  async *#all<T extends { readonly id: string }>(
    list: (query: Query) => Promise<Page<T>>,
  ): AsyncGenerator<T> {
    let after: string | undefined;
    for (let count = 0; ; count += PAGE_MAX) {
      if (count > OBJECTS_MAX) throw new PaymentError(`more than ${OBJECTS_MAX} objects`, false);
      const query = { limit: PAGE_MAX, ...(after !== undefined && { starting_after: after }) };
      const page = await this.ask(() => list(query));
      yield* page.data;
      after = page.data.at(-1)?.id;
      if (!page.has_more || after === undefined) return;
    }
  }
}

function idOf(intent: string | Stripe.PaymentIntent | null): string | undefined {
  return typeof intent === 'string' ? intent : intent?.id;
}
