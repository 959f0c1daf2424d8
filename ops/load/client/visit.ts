import { setTimeout as delay } from 'node:timers/promises';
import { type Dispatcher, Pool } from 'undici';
import type { Draws } from '../plan/draws.ts';
import type { Tally } from '../report/tally.ts';
import { type Answer, answerOf, parsed, UNANSWERED, verdictOf } from './answers.ts';
import { CALLS, type CallName } from './calls.ts';

/**
 * The connections of one shopper, as a browser has them, over the network of the plan: calls leave
 * late, and connections break. No header is sent that a browser with the page would not send.
 */

/** As the page waits for reads and writes (`api.js`). */
export const READ_TIMEOUT_MS = 8_000;
export const WRITE_TIMEOUT_MS = 15_000;
const CONNECT_TIMEOUT_MS = 8_000;
/** Browsers open at most so many to one shop. */
const CONNECTIONS_MAX = 6;
const ANSWER_BYTES_MAX = 4_194_304;
/** A connection that breaks does so within this time after the call has left. */
const BREAKS_WITHIN_MS = 400;
/** A longer timer of Node fires at once. */
const TIMER_MS_MAX = 2_147_483_647;
/** A stream without any event, comments included, is given up. The shop sends one every 15 s. */
const STREAM_SILENCE_MAX_MS = 30_000;
const STREAM_TEXT_LENGTH_MAX = 65_536;

const BROWSER_HEADERS = {
  'user-agent': 'Mozilla/5.0 (compatible; flashsale-load)',
  accept: 'application/json',
  'accept-language': 'en',
} as const;

export interface Network {
  readonly origin: string;
  readonly localAddress: string | undefined;
  readonly latencyMs: { readonly from: number; readonly to: number };
  readonly loss: number;
}

export interface Call {
  readonly name: CallName;
  readonly path: string;
  /** When the shopper wants it, by the monotonic clock; now if it is left out. */
  readonly dueMs?: number;
  readonly body?: unknown;
  readonly token?: string | undefined;
  readonly headers?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
  /** The connection of this call breaks, whatever the plan's network does. */
  readonly breaks?: boolean;
  /** The shopper waits no longer for the answer. */
  readonly leavesAfterMs?: number;
  readonly onEvent?: (data: unknown) => void;
}

interface Sent {
  readonly signal: AbortSignal;
  readonly isCut: boolean;
  readonly dueMs: number;
  readonly sentAt: number;
}

type Lost =
  | 'broken by the plan'
  | 'left'
  | 'timeout'
  | 'no connection'
  | 'certificate not trusted'
  | 'connection lost';

export class Visit {
  readonly #network: Network;
  readonly #draws: Draws;
  readonly #tally: Tally;
  readonly #latencyMs: number;
  #pool: Pool;
  #left = new AbortController();

  constructor(network: Network, draws: Draws, tally: Tally) {
    this.#network = network;
    this.#draws = draws;
    this.#tally = tally;
    const { from, to } = network.latencyMs;
    // Some shoppers are always slow.
    this.#latencyMs = draws.between(from, to);
    this.#pool = this.#open();
  }

  get latencyMs(): number {
    return this.#latencyMs;
  }

  /** Breaks all connections. Running calls get no answer. */
  leave(): void {
    this.#left.abort();
    void this.#pool.destroy().catch(() => {});
  }

  /** The next calls go over new connections. */
  comeBack(): void {
    this.leave();
    this.#left = new AbortController();
    this.#pool = this.#open();
  }

  async call(call: Call): Promise<Answer> {
    const { name, dueMs: wantedMs = performance.now() } = call;
    const left = this.#left.signal;
    const isCut = call.breaks ?? this.#draws.chance(this.#network.loss);
    const breaksAfterMs = isCut ? this.#draws.between(0, BREAKS_WITHIN_MS) : call.leavesAfterMs;
    const dueMs = wantedMs + this.#latencyMs;
    await untilMs(dueMs, left).catch(() => {});
    if (left.aborted) return UNANSWERED;
    const sentAt = performance.now();
    this.#tally.sent(name, dueMs, sentAt);
    const cut = new AbortController();
    const timer =
      breaksAfterMs === undefined ? undefined : setTimeout(() => cut.abort(), breaksAfterMs);
    const signal = breaksAfterMs === undefined ? left : AbortSignal.any([left, cut.signal]);
    try {
      const answer = await this.#exchange(call, { signal, isCut, dueMs, sentAt });
      // Without a break, this has counted itself.
      if (isCut) this.#tally.unanswered(name, 'broken by the plan' satisfies Lost);
      // An answer that was faster than the break does not arrive all the same.
      return isCut ? UNANSWERED : answer;
    } catch (error) {
      const hasLeft = left.aborted || (!isCut && cut.signal.aborted);
      const why = hasLeft ? 'left' : isCut ? 'broken by the plan' : lostBy(error);
      this.#tally.unanswered(name, why satisfies Lost);
      return UNANSWERED;
    } finally {
      clearTimeout(timer);
    }
  }

  async #exchange(call: Call, sent: Sent): Promise<Answer> {
    const { name, onEvent } = call;
    const { signal, isCut, dueMs, sentAt } = sent;
    const response = await this.#pool.request(this.#optionsOf(call, signal));
    const { statusCode: status, headers, body } = response;
    const isStream = onEvent !== undefined && status === 200;
    const text = isStream ? '{}' : await body.text();
    const receivedAt = performance.now();
    const isJson = name !== 'page' && name !== 'file';
    const answer = answerOf({ status, headers, text }, { sentAt, receivedAt }, isJson);
    if (!isCut) this.#tally.answered(name, verdictOf(answer, status), dueMs, receivedAt);
    // Its time is that until it begins. That it ends, in whatever way, is no other call.
    if (isStream) await readEvents(body, onEvent).catch(() => {});
    return answer;
  }

  #optionsOf(call: Call, signal: AbortSignal): Dispatcher.RequestOptions {
    const { name, path, body, token, timeoutMs = READ_TIMEOUT_MS } = call;
    return {
      method: CALLS[name][0],
      path,
      signal,
      headersTimeout: timeoutMs,
      bodyTimeout: call.onEvent === undefined ? timeoutMs : STREAM_SILENCE_MAX_MS,
      headers: {
        ...BROWSER_HEADERS,
        ...(name === 'page' && { accept: 'text/html' }),
        ...(name === 'file' && { accept: '*/*' }),
        ...(name === 'stream' && { accept: 'text/event-stream' }),
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...call.headers,
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    };
  }

  #open(): Pool {
    const { origin, localAddress } = this.#network;
    return new Pool(origin, {
      connections: CONNECTIONS_MAX,
      pipelining: 1,
      maxResponseSize: ANSWER_BYTES_MAX,
      connectTimeout: CONNECT_TIMEOUT_MS,
      ...(localAddress !== undefined && { localAddress }),
    });
  }
}

/** Waits until a moment of the monotonic clock. */
export async function untilMs(atMs: number, signal: AbortSignal): Promise<void> {
  for (;;) {
    // Timers cut fractions off: without rounding up, calls would leave before they are due.
    const leftMs = Math.ceil(atMs - performance.now());
    if (leftMs <= 0) return;
    await delay(Math.min(leftMs, TIMER_MS_MAX), undefined, { signal });
  }
}

/** Reads a stream to its end. */
async function readEvents(
  body: Dispatcher.ResponseData['body'],
  onEvent: (data: unknown) => void,
): Promise<void> {
  let text = '';
  body.setEncoding('utf8');
  for await (const chunk of body) {
    text += chunk;
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      const data = /^data: (.*)$/m.exec(text.slice(0, end))?.[1];
      if (data !== undefined) onEvent(parsed(data));
      text = text.slice(end + 2);
    }
    if (text.length > STREAM_TEXT_LENGTH_MAX) throw new Error('the stream sends no whole event');
  }
}

function lostBy(error: unknown): Lost {
  const { code = '', name = '' } = (error ?? {}) as { code?: string; name?: string };
  if (/HEADERS_TIMEOUT|BODY_TIMEOUT/.test(code) || name === 'TimeoutError') return 'timeout';
  if (/CONNECT_TIMEOUT|ECONNREFUSED|EHOSTUNREACH|ENETUNREACH|EADDR|ENOTFOUND|EMFILE/.test(code)) {
    return 'no connection';
  }
  return /CERT|SELF_SIGNED|UNABLE_TO/.test(code) ? 'certificate not trusted' : 'connection lost';
}
