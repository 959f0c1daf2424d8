import type { IncomingMessage, ServerResponse } from 'node:http';
import { dayIn } from '../../contracts/goods.ts';
import { isRequestId } from '../../contracts/ids.ts';
import type { RequestOutcome } from '../../db/calls.ts';
import type { Log } from '../../process/log.ts';
import type { Span, Traces } from '../../process/spans.ts';
import type { Catalogue } from '../catalogue/catalogue.ts';
import type { AnswerCounts } from '../gate/answers.ts';
import type { Gate } from '../gate/gate.ts';
import type { Claim } from '../gate/press.ts';
import { NO_TICKET, ORDER, OVERLOADED } from '../gate/steps.ts';
import {
  answerOf,
  isLastWord,
  type ProblemVerdict,
  problemOf,
  type Refusal,
  writeAnswer,
} from '../http/problems.ts';
import { rawHeader } from '../http/raw-header.ts';
import type { PendingRequest } from '../requests/pending.ts';
import type { Purchases } from '../requests/purchases.ts';
import { type Accepted, statusUrlOf, writeAccepted } from './accepted.ts';
import { type FastPath, STATUS_UNAVAILABLE } from './fast-path.ts';
import type { Recall } from './recall.ts';

/**
 * Handles the purchase call, the one call that a million shoppers make, from the first byte to the
 * answer. It does not use the router and its hooks, which would cost as much as the whole gate. The
 * order of its checks is that of `gate/steps.ts`.
 */

const TRACED_ROUTE = '/api/v1/buy/{ticket}';
const TRACED_CALL = `POST ${TRACED_ROUTE}`;
/** Refusals without a look-up: a repetition gets them as well. */
const HOLD_FOR_ALL: ReadonlySet<ProblemVerdict> = new Set([
  'rate_limited',
  'blocked',
  'bad_request',
]);
const OTHER_PURCHASE = {
  verdict: 'bad_request',
  detail: 'This Idempotency-Key was used for another purchase',
} as const satisfies Refusal;

/** The parts of a web node that handle a purchase. */
export interface PurchaseParts {
  readonly fastPath: FastPath;
  readonly gate: Gate;
  readonly purchases: Purchases;
  readonly recall: Recall;
  readonly catalogue: Catalogue;
  readonly log: Log;
  readonly metrics: { readonly purchaseAnswers: AnswerCounts };
  readonly stopping: AbortSignal;
  readonly traces: Traces | undefined;
}

export class PurchaseHandler {
  readonly #parts: PurchaseParts;

  constructor(parts: PurchaseParts) {
    this.#parts = parts;
  }

  handle(request: IncomingMessage, response: ServerResponse): void {
    const { stopping, traces } = this.#parts;
    if (stopping.aborted) response.shouldKeepAlive = false;
    const claim = this.#pass(request, response);
    if (claim === undefined) return;
    if (traces !== undefined) beginTrace(traces, claim);
    void this.#serve(claim, response);
  }

  /** Never throws: an error in the listener of the server would end the process. */
  #pass(request: IncomingMessage, response: ServerResponse): Claim | undefined {
    const { fastPath, log, metrics } = this.#parts;
    try {
      return fastPath.pass(request, response);
    } catch (error) {
      const problem = problemOf(error, log);
      metrics.purchaseAnswers.add(problem.verdict);
      writeAnswer(response, answerOf(problem));
      return undefined;
    }
  }

  /** Never rejects. */
  async #serve(claim: Claim, response: ServerResponse): Promise<void> {
    const { catalogue, log, metrics } = this.#parts;
    let answer: Accepted | Refusal;
    try {
      answer = await this.#judge(claim);
    } catch (error) {
      const { span } = claim;
      const ofTrace = span === undefined ? log : log.child({ trace_id: span.traceId });
      answer = outright(claim, problemOf(error, ofTrace));
    }
    metrics.purchaseAnswers.add('verdict' in answer ? answer.verdict : 'queued');
    if (claim.span !== undefined) endTrace(claim.span, claim, answer);
    // The client may have disconnected in the middle of its body.
    if (response.destroyed) return;
    if ('verdict' in answer) writeAnswer(response, answerOf(answer));
    else writeAccepted(response, catalogue.ticketKeys, answer);
  }

  async #judge(claim: Claim): Promise<Accepted | Refusal> {
    const { gate } = this.#parts;
    const { refusal } = claim;
    const tooMany = gate.refusal(ORDER.address, claim);
    if (tooMany !== undefined) return outright(claim, tooMany);
    // The fast path saw room for a look-up in this same tick, so it is taken before anything costly.
    const atOnce = refusal && this.#answerAtOnce(claim, refusal);
    if (atOnce !== undefined) return atOnce;
    const asked = gate.refusal(ORDER.user, claim);
    const notThisUser = asked instanceof Promise ? await asked : asked;
    if (notThisUser !== undefined) return outright(claim, notThisUser);
    const early = refusal ?? (claim.isPending ? undefined : gate.refusal(ORDER.press, claim));
    if (early !== undefined && early !== refusal) {
      const earlyAtOnce = this.#answerAtOnce(claim, early);
      if (earlyAtOnce !== undefined) return earlyAtOnce;
    }
    const badBody = await gate.refusal(ORDER.body, claim);
    if (badBody !== undefined) return outright(claim, badBody);
    if (early !== undefined) return this.#remembered(claim, early);
    const taken = this.#take(claim);
    if (!('verdict' in taken)) return this.#answerOnceConfirmed(taken.entry);
    return this.#answerAtOnce(claim, taken) ?? this.#remembered(claim, taken);
  }

  /**
   * Returns the refusal of a press that is not looked up. Returns undefined if the press is looked
   * up; it has then taken the node's room for one look-up.
   */
  #answerAtOnce(claim: Claim, refusal: Refusal): Refusal | undefined {
    if (!mayBeKnown(claim, refusal)) return refusal;
    // A ticket that is no longer valid is usually an old one, whatever its expiry says.
    const isRepeated = claim.isRepeated || refusal.verdict === 'ticket_invalid';
    if (this.#parts.recall.take(isRepeated)) return undefined;
    return isRepeated && isLastWord(refusal) ? STATUS_UNAVAILABLE : refusal;
  }

  /** Returns the pending request for the press: one that was taken before, or a new one. */
  #take(claim: Claim): { readonly entry: PendingRequest } | Refusal {
    const { catalogue, gate, purchases } = this.#parts;
    const { requestId, userId, sku, ticket } = claim;
    const { quantity, acceptFewer, positions } = claim.purchase;
    const known = purchases.pending.find(requestId);
    if (known !== undefined) {
      if (known.request.userId !== userId) return NO_TICKET;
      return known.sku === sku && isSamePurchase(known, claim) ? { entry: known } : OTHER_PURCHASE;
    }
    // The request was pending when this press came in, and then turned out not to be taken. The
    // gate has not judged this press.
    if (claim.isPending) return OVERLOADED;
    claim.row = gate.find(sku) ?? claim.row;
    const refusal = gate.refusal(ORDER.draw, claim);
    if (refusal !== undefined) return refusal;
    // From here on, the request is for the units that were drawn.
    const { node, units } = claim.drawn;
    const { zone } = claim.row;
    const request = {
      ...{ requestId, userId, units },
      ...(acceptFewer && { acceptFewer }),
      ...(zone !== null && { day: dayIn(zone, new Date(catalogue.nowMs())) }),
      ...(positions !== undefined && { positions }),
    };
    const { span } = claim;
    return { entry: purchases.take(claim.row, request, ticket.id, node, quantity, span) };
  }

  /**
   * Answers a press that the gate refuses with `refusal`, unless it repeats a request that is
   * already decided.
   */
  async #remembered(claim: Claim, refusal: Refusal): Promise<Accepted | Refusal> {
    const { requestId, userId, purchase, sku } = claim;
    let outcome: RequestOutcome | undefined;
    try {
      outcome = await this.#parts.recall.find(requestId, userId);
    } catch (error) {
      // A final refusal must not be given for a request that may have been taken. A refusal to try
      // again later does no harm.
      return isLastWord(refusal) ? problemOf(error, this.#parts.log) : refusal;
    }
    if (outcome === undefined) return refusal;
    const isFewer = purchase.acceptFewer === true && outcome.units < purchase.quantity;
    const isSame = outcome.orderNo === null || outcome.units === purchase.quantity || isFewer;
    if (outcome.sku !== sku || !isSame) return OTHER_PURCHASE;
    return { sale: outcome.sale, requestId, userId };
  }

  async #answerOnceConfirmed(entry: PendingRequest): Promise<Accepted | Refusal> {
    await entry.published;
    const { sale, node, stage } = entry;
    const { requestId, userId } = entry.request;
    if (stage === 'refused') return OVERLOADED;
    if (stage !== 'unknown') return { sale, requestId, userId };
    const detail =
      'It is not known yet whether your request was taken. It is not lost: ask at statusUrl, or ' +
      'send it again with the same Idempotency-Key. It counts once.';
    const facts = { sale, requestId, userId, unknownAt: node };
    const statusUrl = statusUrlOf(this.#parts.catalogue.ticketKeys, facts);
    return { verdict: 'overloaded', detail, members: { requestId, statusUrl } };
  }
}

/**
 * Chooses the refusal of a press for which it is not yet known whether it may be answered. A first
 * press gets the refusal of the fast path. A repetition gets `instead`, because a final refusal
 * must not be given for a request that may have been taken.
 */
function outright({ isRepeated, refusal }: Claim, instead: Refusal): Refusal {
  return (isRepeated ? undefined : refusal) ?? instead;
}

/** The same units are the same purchase in any order. */
function isSamePurchase({ wanted, request }: PendingRequest, { purchase }: Claim): boolean {
  const { positions: known } = request;
  const { quantity, positions } = purchase;
  if (wanted !== quantity || known === undefined || positions === undefined) {
    return wanted === quantity && known === positions;
  }
  return positions.every((position) => known.includes(position));
}

/** Only a client that sent a key can repeat the same request after its ticket has expired. */
function mayBeKnown({ requestId, ticket }: Claim, refusal: Refusal): boolean {
  return requestId !== ticket.id && isRequestId(requestId) && !HOLD_FOR_ALL.has(refusal.verdict);
}

/** Presses that the fast path refuses are not traced: nothing is done for them. */
function beginTrace(traces: Traces, claim: Claim): void {
  const { request, sku } = claim;
  const span = traces.begin(TRACED_CALL, rawHeader(request, 'traceparent'), {
    kind: 'server',
    attributes: {
      'http.request.method': 'POST',
      'http.route': TRACED_ROUTE,
      'flashsale.sku': sku,
      'flashsale.request_id': claim.requestId,
    },
  });
  if (span !== undefined) claim.span = span;
}

function endTrace(span: Span, { row }: Claim, answer: Accepted | Refusal): void {
  const verdict = 'verdict' in answer ? answer.verdict : 'queued';
  span.set({ 'flashsale.sale': row.sale, 'flashsale.verdict': verdict });
  span.end();
}
