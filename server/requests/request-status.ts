import type { OrderTerms, Verdict } from '../../contracts/messages.ts';
import type { RequestOutcome } from '../../db/calls.ts';
import { orderJson } from '../http/order-json.ts';
import type { PendingRequest } from './pending.ts';
import type { RequestStatus } from './status-wait.ts';

/** Builds the status of a request for the API from each source that can know it. */

export function queued({ request, delayed }: PendingRequest): RequestStatus {
  const { requestId } = request;
  return { requestId, status: 'queued', ...(delayed && { reason: 'delayed' }) };
}

export function statusOf({ requestId, status, reason }: Verdict): RequestStatus {
  return { requestId, status, ...(reason !== undefined && { reason }) };
}

export function orderOf(verdict: Verdict, terms: OrderTerms): RequestStatus['order'] {
  const { requestId, orderNo, units, amount, packet, seats } = verdict;
  if (orderNo === undefined || amount === undefined) return undefined;
  return orderJson({
    status: 'ordered',
    ...terms,
    requestId,
    orderNo,
    units,
    amount,
    packet,
    seats,
  });
}

export function statusOfOutcome(outcome: RequestOutcome): RequestStatus {
  const { requestId, status, reason } = outcome;
  const order = orderOfOutcome(outcome);
  return { requestId, status, ...(order && { order }), ...(reason !== null && { reason }) };
}

/** The order is created in the same transaction as the outcome, so both have the same time. */
function orderOfOutcome(outcome: RequestOutcome): RequestStatus['order'] {
  const { orderNo, amount, currency, payBefore, decidedAt: createdAt } = outcome;
  if (orderNo === null || amount === null || currency === null || payBefore === null) {
    return undefined;
  }
  return orderJson({ ...outcome, orderNo, amount, currency, payBefore, createdAt });
}
