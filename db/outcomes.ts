import { OUTCOMES, type Outcome, type Verdict } from '../contracts/messages.ts';
import { withOwnDigits } from '../contracts/money.ts';
import type { Schema } from '../contracts/names.ts';
import { type Answers, queryHomes, whole } from './client/both-homes.ts';
import type { Databases } from './client/pool.ts';
import type { OrderStatus } from './orders.ts';
import { type Refund, type RefundRow, toRefund } from './refunds.ts';

/** An order's life, and the ends of a request that became none. */
export type RequestStatus = Outcome | OrderStatus;

export interface RequestOutcome {
  readonly requestId: string;
  readonly userId: string;
  readonly sale: string;
  readonly sku: string;
  readonly units: number;
  readonly status: RequestStatus;
  readonly reason: string | null;
  readonly orderNo: string | null;
  /** Decimal string; null without an order, as are the next two. */
  readonly amount: string | null;
  readonly currency: string | null;
  readonly payBefore: Date | null;
  /** Of its order, as far as money came that it could not have. */
  readonly refund?: Refund | null;
  readonly decidedAt: Date;
}

/** What has become of requests; one that is not decided yet has no entry. */
export async function requestOutcomes(
  databases: Databases,
  requestIds: readonly string[],
): Promise<RequestOutcome[]> {
  return whole(await knownOutcomes(databases, requestIds));
}

/** The same, as far as it can be told now: of a request without an entry a missing home may know. */
export async function knownOutcomes(
  databases: Databases,
  requestIds: readonly string[],
): Promise<Answers<RequestOutcome>> {
  interface Row extends Record<string, unknown> {
    request_id: string;
    user_id: string;
    sale: string;
    sku: string;
    units: number;
    status: RequestStatus;
    reason: string | null;
    order_no: string | null;
    amount: string | null;
    currency: string | null;
    pay_before: Date | null;
    refund: RefundRow | null;
    decided_at: Date;
  }
  const text = (schema: Schema) => `SELECT * FROM ${schema}.request_outcomes($1)`;
  const answers = await queryHomes<Row>(databases, 'request_outcomes', text, [requestIds]);
  const { rows, missing } = answers;
  // A refusal of no sale says nothing when the id was used for another purchase after that.
  const decided = new Set(rows.filter(({ sale }) => sale !== '').map((row) => row.request_id));
  const isLast = (row: Row) => missing.length === 0 && !decided.has(row.request_id);
  const outcomes = rows
    .filter((row) => row.sale !== '' || isLast(row))
    .map((row) => ({
      requestId: row.request_id,
      userId: row.user_id,
      sale: row.sale,
      sku: row.sku,
      units: row.units,
      status: row.status,
      reason: row.reason,
      orderNo: row.order_no,
      amount: row.amount === null ? null : withOwnDigits(row.amount, row.currency ?? ''),
      currency: row.currency,
      payBefore: row.pay_before,
      refund: toRefund(row.refund),
      decidedAt: row.decided_at,
    }));
  return { rows: outcomes, missing };
}

function isOutcome(status: string): status is Outcome {
  return (OUTCOMES as readonly string[]).includes(status);
}

/** What was decided, from an outcome whose status may have gone on to paid, cancelled or expired. */
export function verdictOf(outcome: RequestOutcome): Verdict {
  const { requestId, status, reason, orderNo, units } = outcome;
  return {
    requestId,
    status: isOutcome(status) ? status : 'ordered',
    units: orderNo === null ? 0 : units,
    ...(reason !== null && { reason }),
    ...(orderNo !== null && { orderNo }),
  };
}
