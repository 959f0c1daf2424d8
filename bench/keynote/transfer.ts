import { isRequestId } from '../../contracts/ids.ts';
import type { PurchaseRequest } from '../../contracts/messages.ts';
import { REQUEST_UNITS_MAX } from '../../contracts/names.ts';

/** A transfer between two accounts, and the purchase request that carries it through the queue. */
export interface Transfer {
  readonly requestId: string;
  /** The account that is debited, and the one that is credited. */
  readonly from: number;
  readonly to: number;
  /** At most as much as a purchase request has units. */
  readonly amount: number;
}

/** Why a transfer was not made; null if it was. */
export type Refusal = string | null;

/** Every transfer is of this "SKU", so they are in the same envelopes and batches. */
export const LANE = 'transfers';

const isAccount = (value: unknown) => Number.isInteger(value) && (value as number) >= 0;

/** Reads the body of a request. @returns undefined if it is no transfer */
export function parseTransfer(text: string): Transfer | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const { requestId, from, to, amount } = (value ?? {}) as Record<string, unknown>;
  if (!isRequestId(requestId) || !isAccount(from) || !isAccount(to) || from === to)
    return undefined;
  if (!Number.isInteger(amount) || (amount as number) < 1) return undefined;
  if ((amount as number) > REQUEST_UNITS_MAX) return undefined;
  return { requestId, from: from as number, to: to as number, amount: amount as number };
}

/** The user of the purchase request is the pair of accounts; the units are the amount. */
export function asPurchase({ requestId, from, to, amount }: Transfer): PurchaseRequest {
  return { requestId, userId: `${from}-${to}`, units: amount };
}

export function accountsOf({ userId }: PurchaseRequest): readonly [from: number, to: number] {
  const dash = userId.indexOf('-');
  return [Number(userId.slice(0, dash)), Number(userId.slice(dash + 1))];
}
