import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Context } from './context.ts';
import { CALL_STEPS } from './gate/steps.ts';
import { encodingOf, HeldAnswer } from './http/held-answer.ts';
import { type HeldSockets, isWithoutBody } from './http/held-sockets.ts';
import { answerOf, Problem, problemOf, VERDICT_HEADER } from './http/problems.ts';
import { rawHeader } from './http/raw-header.ts';
import { WAIT_SECONDS_MAX } from './http/schemas.ts';
import { readReceipt } from './requests/receipt.ts';
import { type RequestStatus, type StatusQuestion, StatusWait } from './requests/status-wait.ts';

/**
 * The calls that wait for the status of a request, by long poll or as an event stream. Calls with a
 * plain URL bypass the router, as purchases do. Tens of thousands wait at once and are answered at
 * once, and the router would keep more memory for each call than the call needs.
 */

/** URLs in any other spelling go to the router, which handles or refuses them. */
const PLAIN =
  /^\/api\/v1\/requests\/([\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}(?:~[\w.-]{1,100})?)(\/events)?(?:\?wait=(\d{1,3}))?$/;
/** A stream ends after this time, or when the outcome is known. The client may open another. */
const EVENTS_MS_MAX = 300_000;
/** Interval of the comment lines that keep proxies from closing the stream. */
const EVENTS_HEARTBEAT_MS = 15_000;
/**
 * Right after the 202, a client may ask another web node before the database knows the request.
 * Without a receipt, "unknown" is therefore answered only after this time, however long the client
 * is ready to wait, because anybody can invent an id.
 */
const GRACE_MS = 2_000;

const JSON_HEADERS = [
  'content-type',
  'application/json; charset=utf-8',
  'cache-control',
  'no-store',
  VERDICT_HEADER,
];
const NONE: string[] = [];
const NO_HEADERS = {};
const STREAM_HEADERS = [
  'content-type',
  'text/event-stream',
  // A proxy that compresses would hold events back until it has enough of them.
  'cache-control',
  'no-store, no-transform',
  // nginx would hold an answer back until its buffers are full.
  'x-accel-buffering',
  'no',
];

/** The parameters of a status call. */
export interface StatusCall {
  /** As in the URL: a request id, with or without a receipt. */
  readonly requestId: string;
  readonly isStream: boolean;
  readonly waitSeconds: number;
}

export interface StatusCalls {
  /** Handles the call and returns true, or returns false to leave it to the router. */
  serve(request: IncomingMessage, response: ServerResponse): boolean;
  /** Answers now, or when the outcome is known. */
  answer(response: ServerResponse, userId: string, call: StatusCall): void;
}

export function createStatusCalls(context: Context, sockets: HeldSockets): StatusCalls {
  const { catalogue, gate, identity, log, metrics, statusWaits, stopping, visitorOf } = context;
  const keyOf = (sale: string) => catalogue.ticketKeys.receipt(sale);

  function questionOf(userId: string, idAndReceipt: string): StatusQuestion {
    const [id = '', receipt] = idAndReceipt.split('~');
    const requestId = id.toLowerCase();
    const facts = receipt && readReceipt(keyOf, receipt, { requestId, userId });
    if (!facts) return { requestId, userId, taken: false };
    const { unknownAt } = facts;
    return { requestId, userId, taken: true, ...(unknownAt !== undefined && { unknownAt }) };
  }

  function refuse(held: HeldAnswer, error: unknown): void {
    if (stopping.aborted) held.closeAfterwards();
    const problem = problemOf(error, log);
    metrics.refusals.inc({ route: '/api/v1/requests/:requestId', verdict: problem.verdict });
    held.send(answerOf(problem));
  }

  /** Never throws, because no caller would answer the error. */
  function begin(held: HeldAnswer, userId: string, call: StatusCall): void {
    try {
      const question = questionOf(userId, call.requestId);
      const answering = { held, question, refuse, stopping };
      const wait = call.isStream
        ? new EventStream(answering)
        : new LongPoll(answering, call.waitSeconds);
      // The client disconnected while its user was being identified.
      if (held.isGone) return;
      held.onGone(() => statusWaits.cancel(wait));
      statusWaits.begin(wait);
    } catch (error) {
      refuse(held, error);
    }
  }

  async function serveCall(
    request: IncomingMessage,
    held: HeldAnswer,
    call: StatusCall,
  ): Promise<void> {
    try {
      const asked = identity.userOf(rawHeader(request, 'authorization'));
      const userId = asked instanceof Promise ? await asked : asked;
      if (userId === undefined) throw new Problem('unauthenticated');
      gate.check(CALL_STEPS.own, { ...visitorOf(request), userId });
      // These would stay in memory for the whole wait, and nothing reads them again.
      request.rawHeaders = NONE;
      request.headers = NO_HEADERS;
      request.url = '';
      begin(held, userId, call);
    } catch (error) {
      refuse(held, error);
    }
  }

  return {
    answer: (response, userId, call) => begin(new HeldAnswer(sockets, response), userId, call),
    serve(request, response) {
      const [, requestId, events, wait = '0'] =
        request.method === 'GET' ? (PLAIN.exec(request.url ?? '') ?? []) : [];
      if (requestId === undefined) return false;
      const call = { requestId, isStream: events !== undefined, waitSeconds: Number(wait) };
      const held = new HeldAnswer(sockets, response);
      const mayWait = (call.isStream || call.waitSeconds > 0) && isWithoutBody(request);
      void serveCall(request, held, call);
      if (mayWait) sockets.release(request, response, held);
      return true;
    },
  };
}

/** What both kinds of waits need to answer. */
interface Answering {
  readonly held: HeldAnswer;
  readonly question: StatusQuestion;
  readonly refuse: (held: HeldAnswer, error: unknown) => void;
  readonly stopping: AbortSignal;
}

class LongPoll extends StatusWait {
  readonly #held: HeldAnswer;
  readonly #refuse: Answering['refuse'];
  readonly #stopping: AbortSignal;

  constructor({ held, question, refuse, stopping }: Answering, waitSeconds: number) {
    const waitMs = Math.min(waitSeconds, WAIT_SECONDS_MAX) * 1_000;
    super(question, waitMs, question.taken ? 0 : GRACE_MS);
    this.#held = held;
    this.#refuse = refuse;
    this.#stopping = stopping;
  }

  tell(status: RequestStatus | undefined): false {
    if (this.#stopping.aborted) this.#held.closeAfterwards();
    if (status === undefined) {
      this.#refuse(this.#held, new Problem('not_found'));
      return false;
    }
    const body = JSON.stringify(status);
    const length = Buffer.byteLength(body);
    const headers = JSON_HEADERS.concat(status.status, 'content-length', String(length));
    this.#held.send({ status: 200, headers, body, encoding: encodingOf(body, length) });
    return false;
  }

  fail(error: unknown): void {
    this.#refuse(this.#held, error);
  }
}

class EventStream extends StatusWait {
  readonly #held: HeldAnswer;
  readonly #refuse: Answering['refuse'];
  readonly #stopping: AbortSignal;
  readonly #endsAtMs = performance.now() + EVENTS_MS_MAX;
  #isBegun = false;

  constructor({ held, question, refuse, stopping }: Answering) {
    super(question, 0, question.taken ? 0 : GRACE_MS);
    this.#held = held;
    this.#refuse = refuse;
    this.#stopping = stopping;
  }

  tell(status: RequestStatus | undefined): boolean {
    if (status?.status === 'queued') return this.#goOn(status);
    if (!this.#isBegun && status === undefined) this.fail(new Problem('not_found'));
    // The outcome and the end of the stream are sent in one write.
    else this.#end(status === undefined ? '' : eventOf(status));
    return false;
  }

  /**
   * After the stream has begun, no problem document can be sent. A client that sees the end of the
   * stream asks again.
   */
  fail(error: unknown): void {
    if (this.#isBegun) this.#end('');
    else this.#refuse(this.#held, error);
  }

  #goOn(status: RequestStatus): boolean {
    const first = this.#isBegun ? ': waiting\n\n' : eventOf(status);
    this.#begin();
    const nowMs = performance.now();
    if (this.#stopping.aborted || nowMs >= this.#endsAtMs) {
      this.#end(first);
      return false;
    }
    this.#held.write(first);
    this.untilMs = nowMs + EVENTS_HEARTBEAT_MS;
    return true;
  }

  #begin(): void {
    if (this.#isBegun) return;
    this.#isBegun = true;
    if (this.#stopping.aborted) this.#held.closeAfterwards();
    this.#held.begin(200, STREAM_HEADERS);
  }

  #end(text: string): void {
    this.#begin();
    this.#held.end(text);
  }
}

function eventOf(status: RequestStatus): string {
  return `event: status\ndata: ${JSON.stringify(status)}\n\n`;
}
