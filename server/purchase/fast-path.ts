import type { IncomingMessage, ServerResponse } from 'node:http';
import { isRequestId } from '../../contracts/ids.ts';
import type { SkuOnSale } from '../catalogue.ts';
import type { AnswerCounts } from '../gate/answers.ts';
import { type Gate, LOTTERY_REFUSAL, LOTTERY_WAIT_SECONDS, lotteryRefusal } from '../gate/gate.ts';
import { idOfTicket, parseTicket, type Ticket } from '../gate/ticket.ts';
import {
  PROBLEMS,
  Problem,
  type ProblemVerdict,
  plainDocument,
  type RefusalVerdict,
} from '../problems.ts';
import { rawHeader } from '../raw-header.ts';
import type { PendingRequests } from '../requests/pending.ts';
import type { Recall } from './recall.ts';

/**
 * The fast path: a purchase request is looked at before the router, before its body, with
 * nothing but its URL. Under a stampede nearly all end here, so what is answered is ready: documents
 * and header lists are made once.
 */

const PURCHASE_PREFIX = '/api/v1/buy/';
const KEY_HEADER = 'idempotency-key';
/** Its sender does not know what became of an earlier press with this key. */
const RETRY_HEADER = 'idempotency-retry';
/** A press with a ticket older than this is hardly the first one with it. */
const FIRST_PRESS_MS = 10_000;

/** What the fast path found out about a request that it let through. */
export interface Passage {
  readonly ticket: Ticket;
  readonly row: SkuOnSale;
  /** The request id that it asks for; not necessarily a UUID yet. */
  readonly requestId: string;
  /** It was taken before, and is answered as before, whatever the gate would say now. */
  readonly isTaken: boolean;
  /** By its ticket's age or its own word. All others look like first presses. */
  readonly isRepeated: boolean;
  /** It is refused with this, unless it repeats a request that is decided already. */
  readonly refusal?: Problem;
}

type Key = string | string[] | undefined;
type Wait = readonly [min: number, max: number];
type Refused = { readonly verdict: RefusalVerdict; readonly byLottery?: true };

interface Ready {
  readonly status: number;
  readonly body: string;
  /** One list of headers for each Retry-After that may be drawn. */
  readonly headers: readonly string[][];
}

function prepare(verdict: ProblemVerdict, body = plainDocument(verdict), wait?: Wait): Ready {
  const kind: { status: number; retryAfterSeconds?: Wait } = PROBLEMS[verdict];
  const [min, max] = wait ?? kind.retryAfterSeconds ?? [];
  const headers: string[][] = [];
  if (min === undefined || max === undefined) headers.push(headersOf(body));
  else for (let s = min; s <= max; s += 1) headers.push(headersOf(body, s));
  return { status: kind.status, body, headers };
}

function headersOf(body: string, retryAfterSeconds?: number): string[] {
  return [
    'content-type',
    'application/problem+json',
    'cache-control',
    'no-store',
    ...(retryAfterSeconds === undefined ? [] : ['retry-after', String(retryAfterSeconds)]),
    'content-length',
    String(body.length),
  ];
}

const READY = new Map<ProblemVerdict, Ready>(
  (Object.keys(PROBLEMS) as ProblemVerdict[]).map((verdict) => [verdict, prepare(verdict)]),
);

const READY_DRAWN = prepare(
  'shed',
  new Problem('shed', LOTTERY_REFUSAL).document(),
  LOTTERY_WAIT_SECONDS,
);
const NO_TICKET = { verdict: 'ticket_invalid' } as const;
const CANNOT_BE_TOLD = { verdict: 'status_unavailable' } as const;

export function isPurchase(request: IncomingMessage): boolean {
  return request.method === 'POST' && request.url?.startsWith(PURCHASE_PREFIX) === true;
}

export class FastPath {
  readonly #gate: Gate;
  readonly #pending: PendingRequests;
  readonly #recall: Recall;
  readonly #answers: AnswerCounts;
  readonly #nowMs: () => number;
  /** So long before its end a ticket is too old for a first press. */
  readonly #oldMs: number;
  readonly #secondsToOpening: (sku: string) => number | undefined;

  constructor(options: {
    gate: Gate;
    pending: PendingRequests;
    recall: Recall;
    answers: AnswerCounts;
    /** The database's clock. */
    nowMs: () => number;
    ticketTtlMs: number;
    secondsToOpening: (sku: string) => number | undefined;
  }) {
    this.#nowMs = options.nowMs;
    this.#oldMs = Math.max(0, options.ticketTtlMs - FIRST_PRESS_MS);
    this.#gate = options.gate;
    this.#pending = options.pending;
    this.#recall = options.recall;
    this.#answers = options.answers;
    this.#secondsToOpening = options.secondsToOpening;
  }

  /** Lets a purchase request through, or answers it: then the result is undefined. */
  pass(request: IncomingMessage, response: ServerResponse): Passage | undefined {
    const { url = '' } = request;
    const dot = url.indexOf('.', PURCHASE_PREFIX.length);
    const sku = dot < 0 ? '' : url.slice(PURCHASE_PREFIX.length, dot);
    const look = this.#gate.look(sku, request);
    const query = url.indexOf('?');
    const text = url.slice(PURCHASE_PREFIX.length, query < 0 ? undefined : query);
    if (look.passed) {
      const ticket = parseTicket(text);
      return (ticket && this.#enter(ticket, request)) ?? this.#refuse(response, NO_TICKET, sku);
    }
    const found = this.#known(request, text, look);
    return 'ticket' in found ? found : this.#refuse(response, found, sku);
  }

  /**
   * What was taken before is answered as before, whatever the gate would say now. What may have been
   * is looked up while there is room: here the press has cost next to nothing yet.
   */
  #known(request: IncomingMessage, text: string, refused: Refused): Passage | Refused {
    const { verdict, byLottery } = refused;
    const key = rawHeader(request, KEY_HEADER);
    if (key === undefined && this.#pending.isEmpty) return refused;
    const requestId = requestIdOf(key, idOfTicket(text));
    const isTaken = this.#pending.find(requestId) !== undefined;
    const mayBeKnown = key !== undefined && verdict !== 'not_open' && isRequestId(requestId);
    const ticket = isTaken || mayBeKnown ? parseTicket(text) : undefined;
    if (ticket === undefined) return refused;
    if (isTaken) return this.#enter(ticket, request) ?? refused;
    const isRepeated = this.#isRepeated(ticket, request);
    if (!this.#recall.hasRoom(isRepeated)) {
      return isRepeated && isLastWord(verdict) ? CANNOT_BE_TOLD : refused;
    }
    const passage = this.#enter(ticket, request);
    if (passage === undefined) return refused;
    return { ...passage, refusal: new Problem(verdict, byLottery ? lotteryRefusal() : {}) };
  }

  #enter(ticket: Ticket, request: IncomingMessage): Passage | undefined {
    const row = this.#gate.find(ticket.sku);
    if (row === undefined) return undefined;
    const requestId = requestIdOf(request.headers[KEY_HEADER], ticket.id);
    const isTaken = this.#pending.find(requestId) !== undefined;
    return { ticket, row, requestId, isTaken, isRepeated: this.#isRepeated(ticket, request) };
  }

  /** The ticket is not believed yet: one that lies about its age gets less for it. */
  #isRepeated({ expiresAtMs }: Ticket, request: IncomingMessage): boolean {
    return (
      this.#nowMs() >= expiresAtMs - this.#oldMs || rawHeader(request, RETRY_HEADER) === 'true'
    );
  }

  #refuse(response: ServerResponse, { verdict, byLottery }: Refused, sku: string): undefined {
    this.#answers.add(verdict);
    const ready = byLottery ? READY_DRAWN : READY.get(verdict);
    if (ready === undefined) throw new Error(`no document for ${verdict}`);
    const { status, body, headers } = ready;
    const seconds = verdict === 'not_open' ? this.#secondsToOpening(sku) : undefined;
    const drawn = headers[Math.floor(Math.random() * headers.length)] ?? [];
    // As text it goes out in one piece with the headers.
    response
      .writeHead(status, seconds === undefined ? drawn : headersOf(body, seconds))
      .end(body, 'latin1');
  }
}

function isLastWord(verdict: ProblemVerdict): boolean {
  return READY.get(verdict)?.headers.length === 1;
}

/** Several keys make no UUID, which is refused further on. */
function requestIdOf(key: Key, ticketId: string): string {
  return key === undefined ? ticketId : String(key).toLowerCase();
}
