import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { createGuestSigner } from '../server/gate/identity.ts';
import { pollAfter, until } from './until.ts';

/** A shopper with a plain HTTP client. */

export interface Answer {
  readonly status: number;
  readonly retryAfter: string | null;
  readonly contentType: string | null;
  readonly cacheControl: string | null;
  /** JSON, or the text if it is not JSON. */
  // biome-ignore lint/suspicious/noExplicitAny: whatever the shop answers; tests look at it
  readonly body: any;
}

/** Ends a call that hangs. */
const DEADLINE_MS = 300_000;

/** Whether clients are told to call again. */
export const isLater = ({ status, retryAfter }: Answer) => status === 503 && retryAfter !== null;

export interface PressOptions {
  readonly quantity?: unknown;
  readonly key?: string;
  readonly ticket?: string;
}

export interface BuyOptions {
  readonly quantity?: number;
  readonly deadlineMs?: number;
  /** After this signal, a refused shopper stops pressing. */
  readonly giveUp?: AbortSignal;
}

export class Shopper {
  readonly userId: string;
  readonly #url: string;
  readonly #token: string;

  /** @param jwtSecret the shop's secret, with which the shopper signs in as any user */
  constructor(url: string, jwtSecret: string, userId = `user-${randomUUID()}`) {
    this.#url = url;
    this.userId = userId;
    this.#token = createGuestSigner(jwtSecret)(userId);
  }

  async call(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
    signal: AbortSignal | null = null,
  ): Promise<Answer> {
    const response = await fetch(new URL(path, this.#url), {
      method,
      signal,
      headers: {
        authorization: `Bearer ${this.#token}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    return {
      status: response.status,
      retryAfter: response.headers.get('retry-after'),
      contentType: response.headers.get('content-type'),
      cacheControl: response.headers.get('cache-control'),
      body: parsed(text),
    };
  }

  /** Calls again while the shop says "not now, call again", as it may on a busy machine. */
  async callUntilAnswered(method: string, path: string): Promise<Answer> {
    return until(`${method} ${path} is answered`, async () => {
      const answer = await this.call(method, path);
      return !isLater(answer) && answer;
    });
  }

  /** Returns the answer with its body unread, for streams. */
  open(path: string): Promise<Response> {
    const headers = { authorization: `Bearer ${this.#token}` };
    return fetch(new URL(path, this.#url), { headers });
  }

  async ticket(sale: string, sku: string): Promise<string> {
    const answer = await this.call('POST', `/api/v1/sales/${sale}/tickets`, { sku });
    if (answer.status !== 201) throw new NoTicket(answer);
    return answer.body.ticket;
  }

  /** Gets a ticket and presses. A ticket in the options is used instead of a new one. */
  async press(sale: string, sku: string, options: PressOptions = {}): Promise<Answer> {
    const ticket = options.ticket ?? (await this.ticket(sale, sku));
    const headers = options.key === undefined ? {} : { 'idempotency-key': options.key };
    return this.call('POST', `/api/v1/buy/${ticket}`, { quantity: options.quantity ?? 1 }, headers);
  }

  /**
   * Presses until the purchase is taken, as the page does when a refusal says "try again" or the
   * connection broke, and waits for the outcome. All presses have the same key, so the purchase
   * counts once. After a cut connection, or after an answer that it is not known whether the request
   * was taken, a refusal says nothing about the earlier press: its result is looked up.
   */
  async buy(
    sale: string,
    sku: string,
    { quantity = 1, deadlineMs = DEADLINE_MS, giveUp }: BuyOptions = {},
  ) {
    const key = randomUUID();
    const startedAt = performance.now();
    /** Where to ask for a press that may have been taken. */
    let perhapsTaken: string | undefined;
    for (;;) {
      const pressed = await this.press(sale, sku, { quantity, key }).catch((error: Error) =>
        error instanceof NoTicket ? error.answer : error,
      );
      const isOver = performance.now() - startedAt > deadlineMs || giveUp?.aborted === true;
      if (pressed instanceof Error) {
        perhapsTaken ??= `/api/v1/requests/${key}`;
        if (isOver) throw pressed;
      } else if (pressed.status === 202) return this.outcome(pressed.body.statusUrl, deadlineMs);
      else {
        perhapsTaken = pressed.body?.statusUrl ?? perhapsTaken;
        // On a slow machine a ticket may be over before it is pressed.
        const isStale = pressed.body?.verdict === 'ticket_invalid';
        if ((pressed.retryAfter === null && !isStale) || isOver) {
          const known = perhapsTaken === undefined ? pressed : await this.outcome(perhapsTaken);
          return known.status === 200 ? known : pressed;
        }
      }
      await delay(pollAfter(performance.now() - startedAt));
    }
  }

  /**
   * Polls until the request is decided. When there is no answer now, it asks again, as the page
   * does.
   */
  async outcome(statusUrl: string, deadlineMs = DEADLINE_MS): Promise<Answer> {
    const startedAt = performance.now();
    for (;;) {
      const answer = await this.call('GET', `${statusUrl}?wait=5`).catch((error: Error) => error);
      const isOver = performance.now() - startedAt > deadlineMs;
      if (answer instanceof Error) {
        if (isOver) throw answer;
      } else {
        const isOpen = answer.status === 503 || answer.body.status === 'queued';
        if (!isOpen || isOver) return answer;
        if (answer.status === 503) await delay(pollAfter(performance.now() - startedAt));
      }
    }
  }
}

class NoTicket extends Error {
  readonly answer: Answer;

  constructor(answer: Answer) {
    super(`no ticket: ${JSON.stringify(answer)}`);
    this.answer = answer;
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
