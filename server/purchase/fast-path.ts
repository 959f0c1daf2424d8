import type { IncomingMessage, ServerResponse } from 'node:http';
import { isRequestId } from '../../contracts/ids.ts';
import type { Visitor } from '../../zk/tree/lists.ts';
import type { AnswerCounts } from '../gate/answers.ts';
import type { Gate } from '../gate/gate.ts';
import type { Claim, Press } from '../gate/press.ts';
import { NO_TICKET } from '../gate/steps.ts';
import { idOfTicket, parseTicket, type Ticket } from '../gate/ticket.ts';
import { isLastWord, type Refusal, readyAnswer, writeAnswer } from '../http/problems.ts';
import { rawHeader } from '../http/raw-header.ts';
import type { PendingRequests } from '../requests/pending.ts';
import type { Recall } from './recall.ts';

/**
 * The fast path: judges a purchase request before the router, without its body and without a
 * look-up. In a rush nearly all requests end here, so the documents and header lists of the answers
 * are made in advance.
 */

const PURCHASE_PREFIX = '/api/v1/buy/';
const KEY_HEADER = 'idempotency-key';
/** The client sends this if it does not know the result of an earlier press with this key. */
const RETRY_HEADER = 'idempotency-retry';
/** A press with a ticket older than this is probably not the first one with it. */
const FIRST_PRESS_MS = 10_000;

type Key = string | string[] | undefined;

export const STATUS_UNAVAILABLE = { verdict: 'status_unavailable' } as const satisfies Refusal;
const NO_PURCHASE = { quantity: 0 };
const NOTHING_DRAWN = { node: '', units: 0 };

export function isPurchase(request: IncomingMessage): boolean {
  return request.method === 'POST' && request.url?.startsWith(PURCHASE_PREFIX) === true;
}

export interface FastPathOptions {
  readonly gate: Gate;
  readonly pending: PendingRequests;
  readonly recall: Recall;
  readonly answers: AnswerCounts;
  readonly visitorOf: (request: IncomingMessage) => Visitor;
  /** Milliseconds since the epoch, on the database's clock. */
  readonly nowMs: () => number;
  readonly ticketTtlMs: number;
}

export class FastPath {
  readonly #options: FastPathOptions;
  /** A ticket that expires within this time is too old for a first press. */
  readonly #oldMs: number;

  constructor(options: FastPathOptions) {
    this.#options = options;
    this.#oldMs = Math.max(0, options.ticketTtlMs - FIRST_PRESS_MS);
  }

  /** Lets a purchase request pass and returns it, or answers it and returns undefined. */
  pass(request: IncomingMessage, response: ServerResponse): Claim | undefined {
    const { url = '' } = request;
    const dot = url.indexOf('.', PURCHASE_PREFIX.length);
    const sku = dot < 0 ? '' : url.slice(PURCHASE_PREFIX.length, dot);
    const press = { sku, request };
    const refusal = this.#options.gate.look(press);
    const query = url.indexOf('?');
    const text = url.slice(PURCHASE_PREFIX.length, query < 0 ? undefined : query);
    const found =
      refusal === undefined ? this.#admit(text, press) : this.#known(text, press, refusal);
    return 'ticket' in found ? found : this.#refuse(response, found);
  }

  #admit(text: string, press: Press): Claim | Refusal {
    const ticket = parseTicket(text);
    return (ticket && this.#enter(ticket, press)) ?? NO_TICKET;
  }

  /**
   * A request that was taken before gets the same answer as before, whatever the gate would say
   * now. A request that may have been taken is looked up if the look-ups have room. The check is
   * made here because the press has cost almost nothing so far.
   */
  #known(text: string, press: Press, refusal: Refusal): Claim | Refusal {
    const { pending, recall } = this.#options;
    const key = rawHeader(press.request, KEY_HEADER);
    if (key === undefined && pending.isEmpty) return refusal;
    const requestId = requestIdOf(key, idOfTicket(text));
    const isPending = pending.find(requestId) !== undefined;
    const mayBeKnown =
      key !== undefined && refusal.verdict !== 'not_open' && isRequestId(requestId);
    const ticket = isPending || mayBeKnown ? parseTicket(text) : undefined;
    if (ticket === undefined) return refusal;
    if (isPending) return this.#enter(ticket, press) ?? refusal;
    const isRepeated = this.#isRepeated(ticket, press);
    if (!recall.hasRoom(isRepeated)) {
      return isRepeated && isLastWord(refusal) ? STATUS_UNAVAILABLE : refusal;
    }
    return this.#enter(ticket, press, refusal) ?? refusal;
  }

  #enter(ticket: Ticket, press: Press, refusal?: Refusal): Claim | undefined {
    const { gate, pending, visitorOf } = this.#options;
    const { request } = press;
    const row = gate.find(ticket.sku);
    if (row === undefined) return undefined;
    const requestId = requestIdOf(request.headers[KEY_HEADER], ticket.id);
    const { ip, agent } = visitorOf(request);
    return {
      request,
      sku: ticket.sku,
      ticket,
      row,
      requestId,
      isPending: pending.find(requestId) !== undefined,
      isRepeated: this.#isRepeated(ticket, press),
      refusal,
      ip,
      agent,
      signedBy: undefined,
      userId: '',
      purchase: NO_PURCHASE,
      drawn: NOTHING_DRAWN,
    };
  }

  /** The ticket is not verified yet. A client gains nothing from a ticket with a false age. */
  #isRepeated({ expiresAtMs }: Ticket, { request }: Press): boolean {
    const isOld = this.#options.nowMs() >= expiresAtMs - this.#oldMs;
    return isOld || rawHeader(request, RETRY_HEADER) === 'true';
  }

  #refuse(response: ServerResponse, refusal: Refusal): undefined {
    this.#options.answers.add(refusal.verdict);
    writeAnswer(response, readyAnswer(refusal));
  }
}

/** Several keys together are not a UUID, so a later step refuses them. */
function requestIdOf(key: Key, ticketId: string): string {
  return key === undefined ? ticketId : String(key).toLowerCase();
}
