import type { IncomingMessage, ServerResponse } from 'node:http';
import { isRequestId } from '../../contracts/ids.ts';
import type { SkuOnSale } from '../catalogue.ts';
import {
  PROBLEMS,
  Problem,
  type ProblemVerdict,
  plainDocument,
  type RefusalVerdict,
} from '../problems.ts';
import { rawHeader } from '../raw-header.ts';
import type { Book } from '../requests/book.ts';
import type { Recall } from '../requests/recall.ts';
import type { AnswerCounts } from './answers.ts';
import { type Gate, LOTTERY_REFUSAL, LOTTERY_WAIT_SECONDS, lotteryRefusal } from './gate.ts';
import { idOfTicket, parseTicket, type Ticket } from './ticket.ts';

/**
 * The front of the gate: a purchase request is looked at before the router, before its body, with
 * nothing but its URL. Under a stampede nearly all end here, so what is answered is ready: documents
 * and header lists are made once.
 */

const PURCHASE_PREFIX = '/api/v1/buy/';
const KEY_HEADER = 'idempotency-key';

/** What the front found out about a request that it let through. */
export interface Passage {
  readonly ticket: Ticket;
  readonly row: SkuOnSale;
  /** The request id that it asks for; not necessarily a UUID yet. */
  readonly requestId: string;
  /** It was taken before, and is answered as before, whatever the gate would say now. */
  readonly isTaken: boolean;
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

export function isPurchase(request: IncomingMessage): boolean {
  return request.method === 'POST' && request.url?.startsWith(PURCHASE_PREFIX) === true;
}

export class Front {
  readonly #gate: Gate;
  readonly #book: Book;
  readonly #recall: Recall;
  readonly #answers: AnswerCounts;
  readonly #secondsToOpening: (sku: string) => number | undefined;

  constructor(options: {
    gate: Gate;
    book: Book;
    recall: Recall;
    answers: AnswerCounts;
    secondsToOpening: (sku: string) => number | undefined;
  }) {
    this.#gate = options.gate;
    this.#book = options.book;
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
      const key = request.headers['idempotency-key'];
      return this.#enter(text, key) ?? this.#refuse(response, NO_TICKET, sku);
    }
    return this.#repeated(request, text, look) ?? this.#refuse(response, look, sku);
  }

  /** What was taken before is answered as before, whatever the gate would say now. */
  #repeated(
    request: IncomingMessage,
    text: string,
    { verdict, byLottery }: Refused,
  ): Passage | undefined {
    const mayBeKnown = verdict !== 'not_open' && this.#recall.hasRoom();
    if (!mayBeKnown && this.#book.isEmpty) return undefined;
    const key = rawHeader(request, KEY_HEADER);
    if (this.#book.find(requestIdOf(key, idOfTicket(text)))) {
      return this.#enter(text, request.headers['idempotency-key']);
    }
    if (!mayBeKnown || !isRequestId(key)) return undefined;
    const passage = this.#enter(text, request.headers['idempotency-key']);
    const refusal = new Problem(verdict, byLottery ? lotteryRefusal() : {});
    return passage && { ...passage, refusal };
  }

  #enter(text: string, key: Key): Passage | undefined {
    const ticket = parseTicket(text);
    const row = ticket && this.#gate.find(ticket.sku);
    if (ticket === undefined || row === undefined) return undefined;
    const requestId = requestIdOf(key, ticket.id);
    return { ticket, row, requestId, isTaken: this.#book.find(requestId) !== undefined };
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

/** Several keys make no UUID, which is refused further on. */
function requestIdOf(key: Key, ticketId: string): string {
  return key === undefined ? ticketId : String(key).toLowerCase();
}
