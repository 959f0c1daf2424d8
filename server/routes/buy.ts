import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { isRequestId } from '../../contracts/messages.ts';
import { authenticate } from '../authenticate.ts';
import type { Context } from '../context.ts';
import { parseTicket, type Ticket } from '../gate/ticket.ts';
import {
  drawRetryAfter,
  PROBLEMS,
  Problem,
  plainDocument,
  type RefusalVerdict,
} from '../problems.ts';
import type { BookEntry } from '../requests/book.ts';
import { issueReceipt } from '../requests/receipt.ts';
import { untilOpening } from './opening.ts';
import { PurchaseAnswer, PurchaseBody, problems, TicketParams } from './schemas.ts';

/** A purchase is a quantity: nothing that needs more. */
const BODY_BYTES_MAX = 2_048;

/** The one route that a million people press. Its order of questions is the gate's. */
export const buyRoute: FastifyPluginAsyncTypebox<Context> = async (app, context) => {
  const { catalogue, gate, identity, metrics, purchases, config } = context;
  const checkIp = app.createRateLimit({
    max: config.rateLimit.ipPerSecond,
    timeWindow: 1_000,
    keyGenerator: (request) => request.ip,
  });
  const checkUser = app.createRateLimit({
    max: config.rateLimit.userPerSecond,
    timeWindow: 1_000,
    keyGenerator: (request) => request.userId,
  });
  const authenticateUser = authenticate(identity);

  /** Before anything is parsed or looked at twice: what can be said about the SKU alone. */
  function lookAtSku(
    request: FastifyRequest<{ Params: { ticket: string } }>,
    reply: FastifyReply,
    done: () => void,
  ): void {
    const ticket = parseTicket(request.params.ticket);
    if (ticket === undefined) {
      refuse(reply, 'ticket_invalid');
      return;
    }
    // A request that was taken before is answered as before, whatever the gate would say now.
    const taken = purchases.book.find(requestIdOf(request, ticket)) !== undefined;
    const look = taken ? undefined : gate.look(ticket.sku);
    if (look === undefined || look.passed) done();
    else if (look.verdict === 'not_open') refuse(reply, 'not_open', secondsToOpening(ticket.sku));
    else refuse(reply, look.verdict);
  }

  function secondsToOpening(sku: string): number | undefined {
    const row = catalogue.sku(sku);
    return row && untilOpening(catalogue, row).retryAfterSeconds;
  }

  /** What can be said about the user, still without a look at the body. */
  async function checkUserAndTicket(
    request: FastifyRequest<{ Params: { ticket: string } }>,
  ): Promise<void> {
    const ofIp = await checkIp(request);
    if (!ofIp.isAllowed && ofIp.isExceeded) throw new Problem('rate_limited');
    await authenticateUser(request);
    const ofUser = await checkUser(request);
    if (!ofUser.isAllowed && ofUser.isExceeded) throw new Problem('rate_limited');
    const { ticket, row } = onSale(request.params.ticket);
    if (purchases.book.find(requestIdOf(request, ticket)) !== undefined) return;
    gate.check(row, ticket, request.userId);
  }

  function onSale(text: string) {
    const ticket = parseTicket(text);
    const row = ticket && catalogue.sku(ticket.sku);
    if (ticket === undefined || row === undefined) throw new Problem('ticket_invalid');
    return { ticket, row };
  }

  function refuse(
    reply: FastifyReply,
    verdict: RefusalVerdict,
    retryAfterSeconds = drawRetryAfter(verdict),
  ): void {
    metrics.purchaseAnswers.inc({ verdict });
    if (retryAfterSeconds !== undefined) reply.header('retry-after', retryAfterSeconds);
    reply
      .code(PROBLEMS[verdict].status)
      .header('cache-control', 'no-store')
      .type('application/problem+json')
      .send(plainDocument(verdict));
  }

  async function answer(reply: FastifyReply, entry: BookEntry): Promise<FastifyReply> {
    await entry.published;
    const { requestId, userId } = entry.request;
    const key = catalogue.ticketKey(entry.sale);
    const receipt = key ? `~${issueReceipt(key, entry.sale, requestId, userId)}` : '';
    const statusUrl = `/api/v1/requests/${requestId}${receipt}`;
    if (entry.stage === 'unknown') {
      const detail =
        'It is not known yet whether your request was taken. It is not lost: ask at statusUrl, or ' +
        'send it again with the same Idempotency-Key. It counts once.';
      throw new Problem('overloaded', { detail, members: { requestId, statusUrl } });
    }
    if (purchases.book.find(requestId) !== entry) throw new Problem('overloaded');
    metrics.purchaseAnswers.inc({ verdict: 'queued' });
    return reply.code(202).header('cache-control', 'no-store').send({
      requestId,
      status: 'queued',
      statusUrl,
    });
  }

  app.post(
    '/api/v1/buy/:ticket',
    {
      bodyLimit: BODY_BYTES_MAX,
      onRequest: [lookAtSku, checkUserAndTicket],
      schema: {
        summary: 'Ask for units of a SKU',
        description:
          'Idempotency-Key (UUID) becomes the request id; without it, the ticket counts.',
        security: [{ bearer: [] }],
        params: TicketParams,
        body: PurchaseBody,
        response: { 202: PurchaseAnswer, ...problems(400, 401, 403, 410, 413, 415, 425, 429, 503) },
      },
      errorHandler(error, request, reply) {
        const verdict = error instanceof Problem ? error.verdict : 'bad_request';
        metrics.purchaseAnswers.inc({ verdict });
        app.errorHandler(error, request, reply);
      },
    },
    async (request, reply) => {
      const { ticket, row } = onSale(request.params.ticket);
      const { quantity, acceptFewer } = request.body;
      const requestId = requestIdOf(request, ticket);
      if (!isRequestId(requestId)) {
        throw new Problem('bad_request', { detail: 'Idempotency-Key must be a UUID' });
      }
      const known = purchases.book.find(requestId);
      if (known !== undefined) {
        if (known.request.userId !== request.userId) throw new Problem('ticket_invalid');
        if (known.sku !== row.sku || known.request.units !== quantity) {
          const detail = 'This Idempotency-Key was used for another purchase';
          throw new Problem('bad_request', { detail });
        }
        return answer(reply, known);
      }
      if (quantity > row.userLimit) {
        const detail = `quantity must be at most ${row.userLimit} for this SKU`;
        throw new Problem('bad_request', { detail });
      }
      const node = gate.draw(row, quantity, request.userId);
      const purchase = { requestId, userId: request.userId, units: quantity };
      const entry = purchases.take(
        row,
        acceptFewer ? { ...purchase, acceptFewer } : purchase,
        node,
      );
      return answer(reply, entry);
    },
  );
};

/** The request id of a purchase; not necessarily a UUID before it was checked. */
function requestIdOf(request: FastifyRequest, ticket: Ticket): string {
  const key = request.headers['idempotency-key'];
  if (key === undefined) return ticket.id;
  return typeof key === 'string' ? key.toLowerCase() : '';
}
