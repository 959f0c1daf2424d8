import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import Stripe from 'stripe';

/**
 * Replaces Stripe's API, which tests cannot reach: Checkout sessions and their states, refunds, and
 * the rules of its idempotency keys. Webhooks are signed with Stripe's own code.
 */

export const STRIPE_KEY = 'sk_test_51ThisIsNoRealKeyAtAll';
export const STRIPE_WEBHOOK_SECRET = 'whsec_ThisIsNoRealSecretEither1234';

interface Call {
  readonly path: string;
  readonly key: string;
  readonly fields: URLSearchParams;
}

/** A session as the API shows it. */
export interface DoubleSession {
  readonly id: string;
  readonly object: 'checkout.session';
  readonly metadata: Readonly<Record<string, string>>;
  readonly expires_at: number;
  readonly amount_total: number;
  readonly currency: string;
  status: 'open' | 'complete' | 'expired';
  payment_status: 'unpaid' | 'paid';
  payment_intent: string | null;
  /** Only an open session has a page. */
  url: string | null;
}

interface Reply {
  readonly status: number;
  readonly body: object;
}

const SESSION_S_MIN = 30 * 60;
const SESSION_S_MAX = 24 * 3_600;

export type StripeDouble = Awaited<ReturnType<typeof startStripeDouble>>;

/** @param pageMax the largest page of a list */
export async function startStripeDouble({ pageMax = 100 } = {}) {
  const calls: Call[] = [];
  const known = new Map<string, { readonly text: string; readonly reply: Reply }>();
  /** Replies for the next calls instead of the normal ones. */
  const failures: Reply[] = [];
  /** Payments whose refund is made or under way, with the refund of each. */
  const refunded = new Map<string, string>();
  const sessions = new Map<string, DoubleSession>();
  let count = 0;

  function answer({ path, key, fields }: Call): Reply {
    if (key === '') return failures.shift() ?? make(path, fields);
    const text = `${path}?${fields}`;
    const before = known.get(key);
    if (before) return before.text === text ? before.reply : refusal(400, 'idempotency_error');
    const reply = failures.shift() ?? make(path, fields);
    // Failures are stored too. Only a request that was not begun is not stored.
    if (![401, 409, 429].includes(reply.status)) known.set(key, { text, reply });
    return reply;
  }

  function make(path: string, fields: URLSearchParams): Reply {
    count += 1;
    const { pathname, searchParams } = new URL(path, 'http://stripe');
    if (pathname === '/v1/refunds' && searchParams.has('payment_intent')) return list(searchParams);
    if (pathname === '/v1/refunds' && searchParams.has('limit')) {
      return pageOf(searchParams, [...refunded].map(refundOf));
    }
    if (pathname === '/v1/checkout/sessions' && searchParams.has('limit')) {
      const status = searchParams.get('status');
      return pageOf(
        searchParams,
        [...sessions.values()].filter((one) => one.status === status),
      );
    }
    const [, id, action] = /^\/v1\/checkout\/sessions\/(\w+)(\/expire)?$/.exec(path) ?? [];
    if (id !== undefined) return action === undefined ? retrieve(id) : expire(id);
    if (path === '/v1/checkout/sessions') return create(fields);
    const intent = fields.get('payment_intent') ?? '';
    if (refunded.has(intent)) return refusal(400, 'charge_already_refunded');
    refunded.set(intent, `re_${count}`);
    const metadata = fieldsOf('metadata', fields);
    return {
      status: 200,
      body: { id: `re_${count}`, object: 'refund', status: 'pending', metadata },
    };
  }

  function refundOf([intent, id]: [string, string]) {
    const session = [...sessions.values()].find((one) => one.payment_intent === intent);
    const { amount_total: amount = 0, currency = 'eur' } = session ?? {};
    return { id, object: 'refund', status: 'succeeded', payment_intent: intent, amount, currency };
  }

  /** A page of a list, the newest first. */
  function pageOf(query: URLSearchParams, all: readonly { readonly id: string }[]): Reply {
    const newest = all.toReversed();
    const from = newest.findIndex(({ id }) => id === query.get('starting_after')) + 1;
    const until = from + Math.min(Number(query.get('limit')), pageMax);
    const page = {
      object: 'list',
      data: newest.slice(from, until),
      has_more: until < newest.length,
    };
    return { status: 200, body: page };
  }

  function create(fields: URLSearchParams): Reply {
    const now = Math.floor(Date.now() / 1_000);
    const expiresAt = Number(fields.get('expires_at') ?? now + SESSION_S_MAX);
    if (expiresAt < now + SESSION_S_MIN || expiresAt > now + SESSION_S_MAX) {
      return refusal(400, 'parameter_invalid_integer');
    }
    const id = `cs_test_${count}`;
    const session: DoubleSession = {
      id,
      object: 'checkout.session',
      metadata: fieldsOf('metadata', fields),
      expires_at: expiresAt,
      amount_total: Number(fields.get('line_items[0][price_data][unit_amount]')),
      currency: fields.get('line_items[0][price_data][currency]') ?? '',
      status: 'open',
      payment_status: 'unpaid',
      payment_intent: null,
      url: `https://checkout.stripe.com/c/pay/${id}`,
    };
    sessions.set(id, session);
    // The session as it was created: the answer to its idempotency key does not change with it.
    return { status: 200, body: { ...session } };
  }

  function retrieve(id: string): Reply {
    const session = sessions.get(id);
    return session ? { status: 200, body: { ...session } } : refusal(404, 'resource_missing');
  }

  function expire(id: string): Reply {
    const session = sessions.get(id);
    if (session === undefined) return refusal(404, 'resource_missing');
    if (session.status !== 'open') {
      // Stripe has no code for it.
      const message = `Only Checkout Sessions with a status in ["open"] can be expired. This Checkout Session has a status of \`${session.status}\`.`;
      return { status: 400, body: { error: { type: 'invalid_request_error', message } } };
    }
    Object.assign(session, { status: 'expired', url: null });
    return { status: 200, body: { ...session } };
  }

  /** A shopper pays on the page of a session. A payment under way arrives later, or never. */
  function pay(url: string, intent: string, payment_status: 'paid' | 'unpaid' = 'paid'): boolean {
    const session = [...sessions.values()].find((each) => each.url === url);
    if (session === undefined) return false;
    Object.assign(session, { status: 'complete', url: null, payment_status });
    session.payment_intent = intent;
    return true;
  }

  const sessionsOf = (orderNo: string) =>
    [...sessions.values()].filter(({ metadata }) => metadata['flashsale_order'] === orderNo);

  /** A failed refund stands first, as the newest one does at Stripe. */
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
    sessionsOf,
    pay,
    expire,
    close: () => new Promise((resolve) => server.close(resolve)),
  };
}

/** The values of `name[key]`. */
function fieldsOf(name: string, fields: URLSearchParams): Record<string, string> {
  return Object.fromEntries(
    [...fields].flatMap(([field, value]) => {
      const [, key] = new RegExp(`^${name}\\[(\\w+)\\]$`).exec(field) ?? [];
      return key === undefined ? [] : [[key, value]];
    }),
  );
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
  /** Without it, the session belongs to a shop that does not use this system. */
  readonly installation?: string;
  readonly orderNo?: string;
  /** The request of the order. */
  readonly requestId?: string;
  readonly session?: string;
  readonly intent?: string;
  readonly amount?: number;
  readonly currency?: string;
  readonly paymentStatus?: string;
  readonly type?: string;
  readonly livemode?: boolean;
  /** The age of the event in seconds. */
  readonly ageS?: number;
}

/** The body of an event about a Checkout session, as Stripe sends it. */
export function sessionEvent(facts: SessionFacts): string {
  const { installation, orderNo, requestId, intent = 'pi_1' } = facts;
  const { amount = 990, currency = 'eur', ageS = 0 } = facts;
  return JSON.stringify({
    id: 'evt_1',
    object: 'event',
    livemode: facts.livemode ?? false,
    created: Math.floor(Date.now() / 1_000) - ageS,
    type: facts.type ?? 'checkout.session.completed',
    data: {
      object: {
        id: facts.session ?? 'cs_test_none',
        object: 'checkout.session',
        metadata: {
          ...(installation !== undefined && { flashsale_installation: installation }),
          ...(orderNo !== undefined && { flashsale_order: orderNo }),
          ...(requestId !== undefined && { flashsale_request: requestId }),
        },
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
  /** Undefined for a refund that was made by hand. */
  readonly installation?: string;
  readonly type?: string;
  readonly status?: string;
  readonly livemode?: boolean;
}

/** The body of an event about a refund, as Stripe sends it. */
export function refundEvent({ intent, refund, installation, ...facts }: RefundFacts): string {
  const { type = 'refund.failed', status = 'failed', livemode = false } = facts;
  const reason = status === 'failed' ? { failure_reason: 'expired_or_canceled_card' } : {};
  const metadata = installation === undefined ? {} : { flashsale_installation: installation };
  const made = { id: refund, object: 'refund', payment_intent: intent, status, metadata };
  const object = { ...made, ...reason };
  return JSON.stringify({ id: 'evt_2', object: 'event', livemode, type, data: { object } });
}

/** Signs as Stripe does. */
export function signature(payload: string, { secret = STRIPE_WEBHOOK_SECRET, ageS = 0 } = {}) {
  const timestamp = Math.floor(Date.now() / 1_000) - ageS;
  return Stripe.webhooks.generateTestHeaderString({ payload, secret, timestamp });
}
