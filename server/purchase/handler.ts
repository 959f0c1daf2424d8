import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { isRequestId } from '../../contracts/ids.ts';
import type { RequestOutcome } from '../../db/calls.ts';
import type { Context } from '../context.ts';
import type { Shopper } from '../gate/gate.ts';
import { Problem, type ProblemVerdict, problemHeaders } from '../problems.ts';
import type { PendingRequest } from '../requests/pending.ts';
import { issueReceipt, type ReceiptFacts } from '../requests/receipt.ts';
import { PurchaseBody } from '../schemas.ts';
import { compileValidator } from '../validation.ts';
import type { Passage } from './fast-path.ts';
import { readJson } from './json-body.ts';

/**
 * The one call that a million people make, from its first byte to its answer. It does without the
 * router and its hooks, which would cost as much as all of the gate; its order of questions is the
 * gate's.
 */

/** A purchase is a quantity: nothing that needs more. */
const BODY_BYTES_MAX = 2_048;

interface Purchase {
  readonly quantity: number;
  readonly acceptFewer?: boolean;
}

const isPurchaseBody = compileValidator({ schema: PurchaseBody });

/** @param fail answers an error that is none of the client's */
export function createPurchaseHandler(
  context: Omit<Context, 'purchase' | 'statusCalls'>,
  fail: (error: unknown) => Problem,
): RequestListener {
  const { catalogue, fastPath, gate, identity, metrics, purchases, recall, stopping, visitorOf } =
    context;

  function handle(request: IncomingMessage, response: ServerResponse): void {
    if (stopping.aborted) response.shouldKeepAlive = false;
    const passage = fastPath.pass(request, response);
    if (passage !== undefined) void serve(request, response, passage);
  }

  async function serve(
    request: IncomingMessage,
    response: ServerResponse,
    passage: Passage,
  ): Promise<void> {
    let answer: Accepted | Problem;
    try {
      answer = await judge(request, passage);
    } catch (error) {
      const problem = error instanceof Problem ? error : fail(error);
      // The last word is not said of what may have been taken: its sender hears what is wrong instead.
      answer = (passage.isRepeated ? undefined : passage.refusal) ?? problem;
    }
    metrics.purchaseAnswers.add(answer instanceof Problem ? answer.verdict : 'queued');
    // A client that left in the middle of its body is owed no answer.
    if (!response.destroyed) tell(response, answer);
  }

  function tell(response: ServerResponse, answer: Accepted | Problem): void {
    if (!(answer instanceof Problem)) {
      const body = documentOf(answer);
      response.writeHead(202, ACCEPTED_HEADERS.concat(String(body.length))).end(body, 'latin1');
      return;
    }
    const body = answer.document();
    const length = ['content-length', String(Buffer.byteLength(body))];
    response.writeHead(answer.status, problemHeaders(answer).concat(length)).end(body);
  }

  /**
   * What the press is answered with.
   * @throws {Problem} before it is known that the press may be answered at all
   */
  async function judge(request: IncomingMessage, passage: Passage): Promise<Accepted | Problem> {
    const { row, ticket, refusal, isTaken } = passage;
    const visitor = visitorOf(request);
    gate.checkAddress(visitor);
    // In the tick in which the fast path saw room: nothing dearer is done without it.
    const said = refusal && answerAtOnce(passage, refusal);
    if (said !== undefined) return said;
    const asked = identity.userOf(request.headers.authorization);
    const userId = asked instanceof Promise ? await asked : asked;
    if (userId === undefined) throw new Problem('unauthenticated');
    const shopper = { ...visitor, userId };
    gate.checkUser(shopper);
    const early =
      refusal ?? (isTaken ? undefined : refusalOf(() => gate.check(row, ticket, userId)));
    if (early !== undefined && early !== refusal) {
      const saidEarly = answerAtOnce(passage, early);
      if (saidEarly !== undefined) return saidEarly;
    }
    const purchase = purchaseOf(await readJson(request, BODY_BYTES_MAX));
    if (early !== undefined) return remembered(passage, userId, purchase, early);
    const taken = refusalOf(() => take(passage, shopper, purchase));
    if (!(taken instanceof Problem)) return receiptOf(taken);
    return answerAtOnce(passage, taken) ?? remembered(passage, userId, purchase, taken);
  }

  /** How a press is refused that is not looked up; undefined: it is, and has taken the node's room. */
  function answerAtOnce(passage: Passage, refusal: Problem): Problem | undefined {
    if (!mayBeKnown(passage, refusal)) return refusal;
    // A ticket that holds no longer is an old one as a rule, whatever it says about its age.
    const isRepeated = passage.isRepeated || refusal.verdict === 'ticket_invalid';
    if (recall.take(isRepeated)) return undefined;
    const isLastWord = refusal.retryAfterSeconds === undefined;
    return isRepeated && isLastWord ? new Problem('status_unavailable') : refusal;
  }

  function take(
    { ticket, row: { sku }, requestId, isTaken }: Passage,
    shopper: Shopper,
    asked: Purchase,
  ): PendingRequest {
    const { quantity, acceptFewer } = asked;
    const { userId } = shopper;
    // A ticket's own id is a UUID by its shape.
    if (requestId !== ticket.id && !isRequestId(requestId)) {
      throw new Problem('bad_request', { detail: 'Idempotency-Key must be a UUID' });
    }
    const known = purchases.pending.find(requestId);
    if (known !== undefined) {
      if (known.request.userId !== userId) throw new Problem('ticket_invalid');
      if (known.sku !== sku || known.wanted !== quantity) throw otherPurchase();
      return known;
    }
    // It was under way when this one came in, and was not taken since: the gate has not judged it.
    if (isTaken) throw new Problem('overloaded');
    const row = gate.onSale(sku);
    if (quantity > row.userLimit) {
      const detail = `quantity must be at most ${row.userLimit} for this SKU`;
      throw new Problem('bad_request', { detail });
    }
    // From here on the request is one for what was drawn, wherever it goes.
    const { node, units } = gate.draw(row, ticket, asked, shopper);
    const request = acceptFewer
      ? { requestId, userId, units, acceptFewer }
      : { requestId, userId, units };
    return purchases.take(row, request, ticket.id, node, quantity);
  }

  /** A press that is refused with `refusal`, unless it repeats a request that is decided already. */
  async function remembered(
    { row, requestId }: Passage,
    userId: string,
    { quantity: units, acceptFewer }: Purchase,
    refusal: Problem,
  ): Promise<Accepted | Problem> {
    let outcome: RequestOutcome | undefined;
    try {
      outcome = await recall.find(requestId, userId);
    } catch (error) {
      // The last word is not said of a request that may have been taken; "try again" harms nobody.
      if (refusal.retryAfterSeconds !== undefined) return refusal;
      return error instanceof Problem ? error : fail(error);
    }
    if (outcome === undefined) return refusal;
    const isFewer = acceptFewer === true && outcome.units < units;
    const isSame = outcome.orderNo === null || outcome.units === units || isFewer;
    if (outcome.sku !== row.sku || !isSame) return otherPurchase();
    return { sale: outcome.sale, requestId, userId };
  }

  async function receiptOf(entry: PendingRequest): Promise<Accepted | Problem> {
    await entry.published;
    const { sale, node, stage } = entry;
    const { requestId, userId } = entry.request;
    if (stage === 'refused') return new Problem('overloaded');
    if (stage !== 'unknown') return { sale, requestId, userId };
    const detail =
      'It is not known yet whether your request was taken. It is not lost: ask at statusUrl, or ' +
      'send it again with the same Idempotency-Key. It counts once.';
    const statusUrl = statusUrlOf({ sale, requestId, userId, unknownAt: node });
    return new Problem('overloaded', { detail, members: { requestId, statusUrl } });
  }

  function statusUrlOf(facts: ReceiptFacts): string {
    const key = catalogue.ticketKeys.receipt(facts.sale);
    const receipt = key ? `~${issueReceipt(key, facts)}` : '';
    return `/api/v1/requests/${facts.requestId}${receipt}`;
  }

  /** UUIDs, names and base64url: nothing in here needs escaping. */
  function documentOf(accepted: Accepted): string {
    const statusUrl = statusUrlOf(accepted);
    return `{"requestId":"${accepted.requestId}","status":"queued","statusUrl":"${statusUrl}"}`;
  }

  return handle;
}

/** A press that is answered with 202. */
type Accepted = Pick<ReceiptFacts, 'sale' | 'requestId' | 'userId'>;

/** Refusals that say nothing about the request: they hold for repetitions as well. */
const HOLD_FOR_ALL: ReadonlySet<string> = new Set<ProblemVerdict>([
  'rate_limited',
  'blocked',
  'bad_request',
]);

/** Only who sent a key can mean the same request again after its ticket is over. */
function mayBeKnown({ requestId, ticket }: Passage, refusal: Problem): boolean {
  return requestId !== ticket.id && isRequestId(requestId) && !HOLD_FOR_ALL.has(refusal.verdict);
}

function otherPurchase(): Problem {
  return new Problem('bad_request', {
    detail: 'This Idempotency-Key was used for another purchase',
  });
}

/** What the gate refuses with, as a value. */
function refusalOf<T>(act: () => T): T | Problem {
  try {
    return act();
  } catch (error) {
    if (error instanceof Problem) return error;
    throw error;
  }
}

const ACCEPTED_HEADERS = [
  'content-type',
  'application/json; charset=utf-8',
  'cache-control',
  'no-store',
  'content-length',
];

function purchaseOf(body: unknown): Purchase {
  if (isPurchaseBody(body)) return body as Purchase;
  const [error] = isPurchaseBody.errors ?? [];
  const place = `body${error?.instancePath ?? ''}`;
  throw new Problem('bad_request', { detail: `${place} ${error?.message ?? 'is not understood'}` });
}
