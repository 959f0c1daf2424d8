import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { isRequestId } from '../contracts/messages.ts';
import type { Context } from './context.ts';
import type { Passage } from './gate/front.ts';
import { readJson } from './json-body.ts';
import { Problem, problemHeaders } from './problems.ts';
import type { BookEntry } from './requests/book.ts';
import { issueReceipt } from './requests/receipt.ts';
import { PurchaseBody } from './routes/schemas.ts';
import { compileValidator } from './validation.ts';

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
  const { catalogue, front, gate, identity, metrics, purchases, stopping, visitorOf } = context;

  function handle(request: IncomingMessage, response: ServerResponse): void {
    if (stopping.aborted) response.shouldKeepAlive = false;
    const passage = front.pass(request, response);
    if (passage !== undefined) void serve(request, response, passage);
  }

  async function serve(
    request: IncomingMessage,
    response: ServerResponse,
    passage: Passage,
  ): Promise<void> {
    try {
      const visitor = visitorOf(request);
      gate.checkAddress(visitor);
      const asked = identity.userOf(request.headers.authorization);
      const userId = asked instanceof Promise ? await asked : asked;
      if (userId === undefined) throw new Problem('unauthenticated');
      gate.checkUser(userId, visitor);
      if (!passage.isTaken) gate.check(passage.row, passage.ticket, userId);
      const body = await readJson(request, BODY_BYTES_MAX);
      await answer(response, take(passage, userId, purchaseOf(body)));
    } catch (error) {
      const problem = error instanceof Problem ? error : fail(error);
      metrics.purchaseAnswers.add(problem.verdict);
      // A client that left in the middle of its body is owed no answer.
      if (response.destroyed) return;
      const body = problem.document();
      const length = ['content-length', String(Buffer.byteLength(body))];
      response.writeHead(problem.status, problemHeaders(problem).concat(length)).end(body);
    }
  }

  function take(
    { ticket, row, requestId, isTaken }: Passage,
    userId: string,
    asked: Purchase,
  ): BookEntry {
    const { quantity: units, acceptFewer } = asked;
    // A ticket's own id is a UUID by its shape.
    if (requestId !== ticket.id && !isRequestId(requestId)) {
      throw new Problem('bad_request', { detail: 'Idempotency-Key must be a UUID' });
    }
    const known = purchases.book.find(requestId);
    if (known !== undefined) {
      if (known.request.userId !== userId) throw new Problem('ticket_invalid');
      if (known.sku !== row.sku || known.request.units !== units) {
        const detail = 'This Idempotency-Key was used for another purchase';
        throw new Problem('bad_request', { detail });
      }
      return known;
    }
    // It was under way when this one came in, and was not taken since: the gate has not judged it.
    if (isTaken) throw new Problem('overloaded');
    if (units > row.userLimit) {
      const detail = `quantity must be at most ${row.userLimit} for this SKU`;
      throw new Problem('bad_request', { detail });
    }
    const node = gate.draw(row, ticket, units, userId);
    const request = acceptFewer
      ? { requestId, userId, units, acceptFewer }
      : { requestId, userId, units };
    return purchases.take(row, request, ticket.id, node);
  }

  async function answer(response: ServerResponse, entry: BookEntry): Promise<void> {
    await entry.published;
    const { requestId, userId } = entry.request;
    const key = catalogue.ticketKeys.receipt(entry.sale);
    const { sale, node, stage } = entry;
    const facts = { sale, requestId, userId, ...(stage === 'unknown' && { unknownAt: node }) };
    const receipt = key ? `~${issueReceipt(key, facts)}` : '';
    const statusUrl = `/api/v1/requests/${requestId}${receipt}`;
    if (entry.stage === 'unknown') {
      const detail =
        'It is not known yet whether your request was taken. It is not lost: ask at statusUrl, or ' +
        'send it again with the same Idempotency-Key. It counts once.';
      throw new Problem('overloaded', { detail, members: { requestId, statusUrl } });
    }
    if (entry.stage === 'refused') throw new Problem('overloaded');
    metrics.purchaseAnswers.add('queued');
    // UUIDs, names and base64url: nothing in here needs escaping.
    const body = `{"requestId":"${requestId}","status":"queued","statusUrl":"${statusUrl}"}`;
    response.writeHead(202, ACCEPTED_HEADERS.concat(String(body.length))).end(body, 'latin1');
  }

  return handle;
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
