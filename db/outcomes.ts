import { OUTCOMES, type Outcome, type Verdict } from '../contracts/messages.ts';
import { withOwnDigits } from '../contracts/money.ts';
import type { Schema } from '../contracts/names.ts';
import type { NumberedUnit } from '../contracts/seats.ts';
import { type Answers, queryHomes, whole } from './client/homes.ts';
import type { Databases } from './client/pool.ts';
import type { OrderStatus } from './orders.ts';
import { packetOf } from './pots.ts';
import { type Refund, type RefundRow, toRefund } from './refunds.ts';
import { seatsOf } from './sections.ts';

/** The status of the request's order, or the outcome of a request that became no order. */
export type RequestStatus = Outcome | OrderStatus;

export interface RequestOutcome {
  readonly requestId: string;
  readonly userId: string;
  readonly sale: string;
  readonly sku: string;
  readonly units: number;
  readonly status: RequestStatus;
  /** Why the request was refused, or why the shop cancelled its order. */
  readonly reason: string | null;
  readonly orderNo: string | null;
  /** Decimal string. `amount`, `currency` and `payBefore` are null without an order. */
  readonly amount: string | null;
  readonly currency: string | null;
  readonly payBefore: Date | null;
  /** Refund of money that could not be used for the order; null if there is none. */
  readonly refund?: Refund | null;
  readonly decidedAt: Date;
  /** Of amounts: what was drawn from the pot. */
  readonly packet?: string;
  /** Of numbered goods: the units that the order has. */
  readonly seats?: readonly NumberedUnit[];
}

/**
 * Reads the outcomes of requests. A request that is not decided yet has no entry.
 *
 * @throws {DatabaseError} also if one home does not answer
 */
export async function requestOutcomes(
  databases: Databases,
  requestIds: readonly string[],
): Promise<RequestOutcome[]> {
  return whole(await knownOutcomes(databases, requestIds));
}

/**
 * Like `requestOutcomes`, from the homes that answer. A request without an entry may have an outcome
 * in a missing home.
 *
 * @throws {DatabaseError} if no home answers
 */
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
    packet: string | null;
    seats: NumberedUnit[] | null;
  }
  const text = (schema: Schema) =>
    `SELECT o.*, ${packetOf(schema, 'o')}, ${seatsOf(schema, 'o')} FROM ${schema}.request_outcomes($1) o`;
  const answers = await queryHomes<Row>(databases, 'request_outcomes', text, [requestIds]);
  const { rows, missing } = answers;
  // A refusal without a sale is of an unknown SKU. It does not count if the same id was used for
  // another purchase afterwards.
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
      ...(row.packet !== null && { packet: row.packet }),
      ...(row.seats !== null && { seats: row.seats }),
    }));
  return { rows: outcomes, missing };
}

function isOutcome(status: string): status is Outcome {
  return (OUTCOMES as readonly string[]).includes(status);
}

/** The verdict of a request. The status of its outcome may meanwhile be paid, cancelled or expired. */
export function verdictOf(outcome: RequestOutcome): Verdict {
  const { requestId, status, reason, orderNo, units } = outcome;
  return {
    requestId,
    status: isOutcome(status) ? status : 'ordered',
    units: orderNo === null ? 0 : units,
    ...(reason !== null && isOutcome(status) && { reason }),
    ...(orderNo !== null && { orderNo }),
  };
}
