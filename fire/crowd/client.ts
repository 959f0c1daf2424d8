import { createHmac, randomUUID } from 'node:crypto';
import { Agent, fetch } from 'undici';
import type { Call, CallName, SeenOrder } from '../check/history.ts';
import type { History } from './history.ts';

/** One shopper's HTTP client, which notes each call and what came back. */

const ANSWER_TIMEOUT_MS = 15_000;
/** A frozen node is left after this. */
const AGENT = { connect: { timeout: 3_000 }, keepAliveTimeout: 4_000 } as const;

type Json = Readonly<Record<string, unknown>>;

export interface Place {
  readonly nodes: readonly string[];
  readonly jwtSecret: string;
  readonly paymentSecret: string;
  readonly history: History;
  readonly agent: Agent;
}

export const newAgent = () => new Agent(AGENT);

export interface CallOptions {
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
  /** Facts for the history. */
  readonly about?: Pick<Call, 'sku' | 'requestId' | 'quantity' | 'payment'>;
}

export interface Answer {
  /** Null: no answer. */
  readonly status: number | null;
  readonly body: Json;
  readonly retryAfter: string | undefined;
}

const base64url = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
const text = (value: unknown) => (typeof value === 'string' ? value : undefined);

/** A soak may last for hours, and asks for the first request once more at its end. */
const TOKEN_SECONDS = 86_400;

/** A token of the shop's identity provider. */
function tokenOf(secret: string, user: string): string {
  const now = Math.floor(Date.now() / 1_000);
  const claims = { sub: user, iat: now, exp: now + TOKEN_SECONDS };
  const signed = `${base64url({ alg: 'HS256', typ: 'JWT' })}.${base64url(claims)}`;
  return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`;
}

function seenOrder(value: unknown): SeenOrder | undefined {
  const order = (value ?? {}) as Json;
  const [orderNo, requestId, status] = [order['orderNo'], order['requestId'], order['status']].map(
    text,
  );
  if (orderNo === undefined || requestId === undefined || status === undefined) return undefined;
  const units = order['units'] as readonly { row?: string; seat: string }[] | undefined;
  const names = units?.map(({ row, seat }) => (row === undefined ? seat : `${row}-${seat}`));
  return {
    ...{ orderNo, requestId, status, sku: text(order['sku']) ?? '' },
    quantity: Number(order['quantity']),
    ...(names !== undefined && { units: names }),
  };
}

export class Client {
  readonly user: string;
  readonly #place: Place;
  readonly #token: string;
  /** The edge sends a user to one node, and to another one when it does not answer. */
  #node: number;

  constructor(place: Place, user: string, node: number) {
    this.#place = place;
    this.user = user;
    this.#node = node;
    this.#token = tokenOf(place.jwtSecret, user);
  }

  /** The same user at another device, which another node serves. */
  elsewhere(): Client {
    return new Client(this.#place, this.user, this.#node + 1);
  }

  async call(name: CallName, method: string, path: string, options: CallOptions = {}) {
    const { history, nodes } = this.#place;
    const node = this.#node % nodes.length;
    const at = history.now();
    const answer = await this.#send(`${nodes[node]}${path}`, method, options).catch(
      (error: Error): Answer & { readonly error: string } => ({
        ...{ status: null, body: {}, retryAfter: undefined },
        error: String((error.cause as Error | undefined)?.message ?? error.message),
      }),
    );
    if (answer.status === null) this.#node += 1;
    this.#note({ name, at, node: `web-${node + 1}`, answer, about: options.about ?? {} });
    return answer;
  }

  async #send(url: string, method: string, options: CallOptions): Promise<Answer> {
    const { body, headers, timeoutMs = ANSWER_TIMEOUT_MS } = options;
    const response = await fetch(url, {
      method,
      dispatcher: this.#place.agent,
      signal: AbortSignal.timeout(timeoutMs),
      headers: {
        authorization: `Bearer ${this.#token}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const type = response.headers.get('content-type') ?? '';
    const said = await response.text();
    const retryAfter = response.headers.get('retry-after') ?? undefined;
    return { status: response.status, body: parse(type, said), retryAfter };
  }

  #note(call: {
    readonly name: CallName;
    readonly at: number;
    readonly node: string;
    readonly answer: Answer & { readonly error?: string };
    readonly about: Pick<Call, 'sku' | 'requestId' | 'quantity' | 'payment'>;
  }): void {
    const { history } = this.#place;
    const { name, at, node, about, answer } = call;
    const { status, body, retryAfter, error } = answer;
    const isRefusal = status === null || status >= 400;
    const order = seenOrder(
      body['order'] ?? (name === 'pay' || name === 'cancel' ? body : undefined),
    );
    const orders = (body['orders'] as unknown[] | undefined)?.flatMap(
      (one) => seenOrder(one) ?? [],
    );
    const verdict = text(body['verdict']);
    const state = isRefusal ? undefined : text(body['status']);
    history.add({
      ...{ kind: 'call', who: this.user, name, at, until: history.now(), node, status },
      ...about,
      ...(verdict !== undefined && { verdict }),
      ...(state !== undefined && { state }),
      ...(order !== undefined && { order }),
      ...(orders !== undefined && { orders }),
      ...(body['incomplete'] !== undefined && { isPartial: true }),
      ...(isRefusal && body['statusUrl'] !== undefined && { isOpen: true }),
      ...(retryAfter !== undefined && { retryAfter }),
      ...(error !== undefined && { error }),
    });
  }

  /** The provider's signed word that an order was paid. */
  pay(orderNo: string, reference: string, amount: string): Promise<Answer> {
    const id = randomUUID();
    const sent = Math.floor(Date.now() / 1_000);
    const data = { orderNo, reference, amount, currency: 'EUR' };
    const body = JSON.stringify({ type: 'payment.succeeded', data });
    const key = Buffer.from(this.#place.paymentSecret.replace('whsec_', ''), 'base64');
    const signature = createHmac('sha256', key).update(`${id}.${sent}.${body}`).digest('base64');
    return this.call('pay', 'POST', `/api/v1/orders/${orderNo}/payment`, {
      body,
      headers: {
        'webhook-id': id,
        'webhook-timestamp': String(sent),
        'webhook-signature': `v1,${signature}`,
      },
      about: { payment: { orderNo, reference } },
    });
  }
}

/** JSON, or the data of the last event of a stream. */
function parse(type: string, said: string): Json {
  try {
    if (!type.includes('event-stream')) return JSON.parse(said === '' ? '{}' : said) as Json;
    const data = [...said.matchAll(/^data: (.*)$/gm)].at(-1)?.[1];
    return data === undefined ? {} : (JSON.parse(data) as Json);
  } catch {
    return {};
  }
}
