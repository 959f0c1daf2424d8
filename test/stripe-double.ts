import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import Stripe from 'stripe';

/**
 * Stands for Stripe's API, which tests cannot reach: the shapes of a Checkout session and a refund, and
 * the rule of its idempotency keys. Webhooks are signed with Stripe's own code.
 */

export const STRIPE_KEY = 'sk_test_51ThisIsNoRealKeyAtAll';
export const STRIPE_WEBHOOK_SECRET = 'whsec_ThisIsNoRealSecretEither1234';

interface Call {
  readonly path: string;
  readonly key: string;
  readonly fields: URLSearchParams;
}

interface Reply {
  readonly status: number;
  readonly body: object;
}

export type StripeDouble = Awaited<ReturnType<typeof startStripeDouble>>;

export async function startStripeDouble() {
  const calls: Call[] = [];
  const known = new Map<string, { readonly text: string; readonly reply: Reply }>();
  /** Answers of the next calls instead of its own. */
  const failures: Reply[] = [];
  /** Payments whose money is given back, or on its way, with the refund of each. */
  const refunded = new Map<string, string>();
  let count = 0;

  function answer({ path, key, fields }: Call): Reply {
    const failure = failures.shift();
    if (failure) return failure;
    if (key === '') return make(path, fields);
    const text = `${path}?${fields}`;
    const before = known.get(key);
    if (before) return before.text === text ? before.reply : refusal(400, 'idempotency_error');
    const reply = make(path, fields);
    known.set(key, { text, reply });
    return reply;
  }

  function make(path: string, fields: URLSearchParams): Reply {
    count += 1;
    if (path.startsWith('/v1/refunds?')) return list(new URL(path, 'http://stripe').searchParams);
    if (path === '/v1/checkout/sessions') {
      const id = `cs_test_${count}`;
      const url = `https://checkout.stripe.com/c/pay/${id}`;
      return { status: 200, body: { id, object: 'checkout.session', url } };
    }
    const intent = fields.get('payment_intent') ?? '';
    if (refunded.has(intent)) return refusal(400, 'charge_already_refunded');
    refunded.set(intent, `re_${count}`);
    return { status: 200, body: { id: `re_${count}`, object: 'refund', status: 'pending' } };
  }

  /** A failed one stands before those that count, as the newest does at Stripe. */
  function list(query: URLSearchParams): Reply {
    const id = refunded.get(query.get('payment_intent') ?? '');
    const known = id === undefined ? [] : [{ id, object: 'refund', status: 'succeeded' }];
    const data = [{ id: 're_failed', object: 'refund', status: 'failed' }, ...known];
    return { status: 200, body: { object: 'list', has_more: false, data } };
  }

  const server = createServer(async (request, response) => {
    const call = {
      path: request.url ?? '',
      key: String(request.headers['idempotency-key'] ?? ''),
      fields: new URLSearchParams(await textOf(request)),
    };
    const isKnown = request.headers.authorization === `Bearer ${STRIPE_KEY}`;
    if (isKnown) calls.push(call);
    const { status, body } = isKnown ? answer(call) : refusal(401, 'invalid_api_key');
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    calls,
    failures,
    refunded,
    close: () => new Promise((resolve) => server.close(resolve)),
  };
}

export function refusal(status: number, code: string): Reply {
  return { status, body: { error: { type: 'invalid_request_error', code, message: code } } };
}

async function textOf(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request) text += chunk;
  return text;
}

export interface SessionFacts {
  readonly orderNo?: string;
  readonly intent?: string;
  readonly amount?: number;
  readonly currency?: string;
  readonly paymentStatus?: string;
  readonly type?: string;
}

/** The body of an event about a Checkout session, as Stripe sends it. */
export function sessionEvent(facts: SessionFacts): string {
  const { orderNo, intent = 'pi_1', amount = 990, currency = 'eur' } = facts;
  return JSON.stringify({
    id: 'evt_1',
    object: 'event',
    type: facts.type ?? 'checkout.session.completed',
    data: {
      object: {
        id: 'cs_test_1',
        object: 'checkout.session',
        metadata: orderNo === undefined ? {} : { flashsale_order: orderNo },
        payment_intent: intent,
        amount_total: amount,
        currency,
        payment_status: facts.paymentStatus ?? 'paid',
      },
    },
  });
}

export interface RefundFacts {
  readonly intent: string;
  readonly refund: string;
  readonly type?: string;
  readonly status?: string;
}

/** The body of an event about a refund, as Stripe sends it. */
export function refundEvent({ intent, refund, ...facts }: RefundFacts): string {
  const { type = 'refund.failed', status = 'failed' } = facts;
  const reason = status === 'failed' ? { failure_reason: 'expired_or_canceled_card' } : {};
  const object = { id: refund, object: 'refund', payment_intent: intent, status, ...reason };
  return JSON.stringify({ id: 'evt_2', object: 'event', type, data: { object } });
}

/** Signed as Stripe signs. */
export function signature(payload: string, { secret = STRIPE_WEBHOOK_SECRET, ageS = 0 } = {}) {
  const timestamp = Math.floor(Date.now() / 1_000) - ageS;
  return Stripe.webhooks.generateTestHeaderString({ payload, secret, timestamp });
}
