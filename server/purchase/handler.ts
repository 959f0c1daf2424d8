import type { IncomingMessage, ServerResponse } from 'node:http';
import { isRequestId } from '../../contracts/ids.ts';
import type { RequestOutcome } from '../../db/calls.ts';
import type { Log } from '../../process/log.ts';
import type { Catalogue } from '../catalogue.ts';
import type { AnswerCounts } from '../gate/answers.ts';
import type { Gate } from '../gate/gate.ts';
import type { Claim } from '../gate/press.ts';
import { NO_TICKET, ORDER } from '../gate/steps.ts';
import {
  answerOf,
  isLastWord,
  type ProblemVerdict,
  problemOf,
  type Refusal,
  writeAnswer,
} from '../problems.ts';
import type { PendingRequest } from '../requests/pending.ts';
import type { Purchases } from '../requests/purchases.ts';
import { type Accepted, statusUrlOf, writeAccepted } from './accepted.ts';
import type { FastPath } from './fast-path.ts';
import type { Recall } from './recall.ts';

/**
 * The one call that a million people make, from its first byte to its answer. It does without the
 * router and its hooks, which would cost as much as all of the gate; its order of questions is the
 * gate's (`gate/steps.ts`).
 */

/** Refusals that say nothing about the request: they hold for repetitions as well. */
const HOLD_FOR_ALL: ReadonlySet<ProblemVerdict> = new Set([
  'rate_limited',
  'blocked',
  'bad_request',
]);
const OTHER_PURCHASE = {
  verdict: 'bad_request',
  detail: 'This Idempotency-Key was used for another purchase',
} as const satisfies Refusal;
const OVERLOADED = { verdict: 'overloaded' } as const satisfies Refusal;
const STATUS_UNAVAILABLE = { verdict: 'status_unavailable' } as const satisfies Refusal;

/** Parts of a web node that a purchase goes through. */
export interface PurchaseParts {
  readonly fastPath: FastPath;
  readonly gate: Gate;
  readonly purchases: Purchases;
  readonly recall: Recall;
  readonly catalogue: Catalogue;
  readonly log: Log;
  readonly metrics: { readonly purchaseAnswers: AnswerCounts };
  readonly stopping: AbortSignal;
}

export class PurchaseHandler {
  readonly #parts: PurchaseParts;

  constructor(parts: PurchaseParts) {
    this.#parts = parts;
  }

  handle(request: IncomingMessage, response: ServerResponse): void {
    const { fastPath, stopping } = this.#parts;
    if (stopping.aborted) response.shouldKeepAlive = false;
    const claim = fastPath.pass(request, response);
    if (claim !== undefined) void this.#serve(claim, response);
  }

  /** Never rejects. */
  async #serve(claim: Claim, response: ServerResponse): Promise<void> {
    const { catalogue, log, metrics } = this.#parts;
    let answer: Accepted | Refusal;
    try {
      answer = await this.#judge(claim);
    } catch (error) {
      answer = outright(claim, problemOf(error, log));
    }
    metrics.purchaseAnswers.add('verdict' in answer ? answer.verdict : 'queued');
    // A client that left in the middle of its body is owed no answer.
    if (response.destroyed) return;
    if ('verdict' in answer) writeAnswer(response, answerOf(answer));
    else writeAccepted(response, catalogue.ticketKeys, answer);
  }

  async #judge(claim: Claim): Promise<Accepted | Refusal> {
    const { gate } = this.#parts;
    const { refusal } = claim;
    const tooMany = gate.refusal(ORDER.address, claim);
    if (tooMany !== undefined) return outright(claim, tooMany);
    // In the tick in which the fast path saw room: nothing dearer is done without it.
    const atOnce = refusal && this.#answerAtOnce(claim, refusal);
    if (atOnce !== undefined) return atOnce;
    const asked = gate.refusal(ORDER.user, claim);
    const notThisUser = asked instanceof Promise ? await asked : asked;
    if (notThisUser !== undefined) return outright(claim, notThisUser);
    const early = refusal ?? (claim.isTaken ? undefined : gate.refusal(ORDER.press, claim));
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

  /** How a press is refused that is not looked up; undefined: it is, and has taken the node's room. */
  #answerAtOnce(claim: Claim, refusal: Refusal): Refusal | undefined {
    if (!mayBeKnown(claim, refusal)) return refusal;
    // A ticket that holds no longer is an old one as a rule, whatever it says about its age.
    const isRepeated = claim.isRepeated || refusal.verdict === 'ticket_invalid';
    if (this.#parts.recall.take(isRepeated)) return undefined;
    return isRepeated && isLastWord(refusal) ? STATUS_UNAVAILABLE : refusal;
  }

  /** The pending request that the press asks for: one that was taken before, or a new one. */
  #take(claim: Claim): { readonly entry: PendingRequest } | Refusal {
    const { gate, purchases } = this.#parts;
    const { requestId, userId, sku, ticket } = claim;
    const { quantity, acceptFewer } = claim.purchase;
    const known = purchases.pending.find(requestId);
    if (known !== undefined) {
      if (known.request.userId !== userId) return NO_TICKET;
      return known.sku === sku && known.wanted === quantity ? { entry: known } : OTHER_PURCHASE;
    }
    // It was under way when this one came in, and was not taken since: the gate has not judged it.
    if (claim.isTaken) return OVERLOADED;
    claim.row = gate.find(sku) ?? claim.row;
    const refusal = gate.refusal(ORDER.draw, claim);
    if (refusal !== undefined) return refusal;
    // From here on the request is one for what was drawn, wherever it goes.
    const { node, units } = claim.drawn;
    const request = acceptFewer
      ? { requestId, userId, units, acceptFewer }
      : { requestId, userId, units };
    return { entry: purchases.take(claim.row, request, ticket.id, node, quantity) };
  }

  /** A press that is refused with `refusal`, unless it repeats a request that is decided already. */
  async #remembered(claim: Claim, refusal: Refusal): Promise<Accepted | Refusal> {
    const { requestId, userId, purchase, sku } = claim;
    let outcome: RequestOutcome | undefined;
    try {
      outcome = await this.#parts.recall.find(requestId, userId);
    } catch (error) {
      // The last word is not said of a request that may have been taken; "try again" harms nobody.
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
 * What is said of a press that is refused before it is known whether it may be answered at all: a first
 * one hears what the fast path has found. The sender of a repetition hears what is wrong instead: the last
 * word is not said of what may have been taken.
 */
function outright({ isRepeated, refusal }: Claim, instead: Refusal): Refusal {
  return (isRepeated ? undefined : refusal) ?? instead;
}

/** Only those who sent a key can mean the same request again after its ticket is over. */
function mayBeKnown({ requestId, ticket }: Claim, refusal: Refusal): boolean {
  return requestId !== ticket.id && isRequestId(requestId) && !HOLD_FOR_ALL.has(refusal.verdict);
}
