import { type Home, homeOfOrder } from '../../contracts/homes.ts';
import { isOrderNo, parseEventId } from '../../contracts/ids.ts';
import {
  canHaveOrder,
  knownWaitlistEntries,
  type Order,
  orderDetails,
  paymentOrders,
  type RefusedRequestFacts,
  requestFacts,
  saleBoard,
  userOrders,
  userRefusals,
  type WaitlistEntry,
} from '../../db/calls.ts';
import { isOutage } from '../../db/client/errors.ts';
import type { Databases } from '../../db/client/pool.ts';
import { STRIPE_PREFIX } from '../../payment/stripe-terms.ts';

/** Finds what a shopper asks about, by whatever the shopper knows. */

const ORDERS_MAX = 50;
/** A request id alone or in an address, with the receipt behind it; not a part of a longer word. */
const REQUEST =
  /(?:^|[\s/"'(])([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})(?:~([A-Za-z0-9_-]+)\.[A-Za-z0-9_-]+(?:\.([\w.-]+))?)?(?=$|[\s/?#"')])/i;

/** The meanings that a text may have. It is looked up as each of these. */
export interface Terms {
  /** Without spaces at its ends: a user id, or a reference of the payment provider. */
  readonly text: string;
  readonly orderNo: string | undefined;
  readonly requestId: string | undefined;
  /** The receipt behind the request id. Nobody has checked its signature. */
  readonly receipt: Receipt | undefined;
}

export interface Receipt {
  readonly sale: string;
  /** The web node that did not know whether RabbitMQ had taken the request; null: it was taken. */
  readonly unknownAt: string | null;
}

/** Pure. */
export function termsOf(typed: string): Terms {
  const text = typed.trim();
  const number = text.replace(/^(?:order\s*)?#?\s*/i, '');
  const [, requestId, sale, unknownAt = null] = REQUEST.exec(text) ?? [];
  return {
    text,
    orderNo: isOrderNo(number) ? number : parseEventId(text)?.orderNo,
    requestId: requestId?.toLowerCase(),
    receipt: sale === undefined ? undefined : { sale, unknownAt },
  };
}

export interface Found {
  /** Newest first, at most 50 of a user. */
  readonly orders: readonly Order[];
  /** Whether the user has more orders. */
  readonly hasMore: boolean;
  /** Requests that became no order, newest first. Those of a user only if nothing else was found. */
  readonly refused: readonly RefusedRequestFacts[];
  /** A request id that no database knows, if nothing else was found. */
  readonly undecided: string | undefined;
  readonly receipt: Receipt | undefined;
  /** Places in waitlists of a user. */
  readonly places: readonly WaitlistEntry[];
  /** Homes that did not answer: there may be more. */
  readonly missing: readonly Home[];
}

/** @throws {DatabaseError} if no home answers */
export async function findOrders(databases: Databases, typed: string): Promise<Found> {
  const { text, orderNo, requestId, receipt } = termsOf(typed);
  const [byUser, byPayment, request, places] = await Promise.all([
    userOrders(databases, text, { limit: ORDERS_MAX }),
    // Stripe shows its references without the prefix.
    paymentOrders(databases, [text, `${STRIPE_PREFIX}${text}`]),
    requestId === undefined ? undefined : requestFacts(databases, requestId),
    placesOf(databases, text),
  ]);
  const { facts } = request ?? {};
  const numbers = [orderNo, facts?.orderNo, ...byPayment.rows].filter((one) => one != null);
  const away: Home[] = [];
  const byNumber = await Promise.all(
    [...new Set(numbers)].map((number) => orderIfThere(databases, number, away)),
  );
  const found = [...byNumber.flatMap((order) => order ?? []), ...byUser.orders];
  const orders = [...new Map(found.map((order) => [order.orderNo, order])).values()];
  const waits = places.rows.filter(({ state }) => state !== 'served');
  const isFound = facts !== undefined || orders.length > 0 || waits.length > 0;
  // It reads whole tables, so it is asked last.
  const refusals = isFound ? undefined : await userRefusals(databases, text);
  const refused = facts?.orderNo === null ? [facts] : (refusals?.rows ?? []);
  const answers = [byUser, byPayment, places, request, refusals].filter((one) => one !== undefined);
  return {
    orders,
    hasMore: byUser.next !== undefined,
    refused,
    undecided: isFound || refused.length > 0 ? undefined : requestId,
    receipt,
    places: waits,
    missing: [...new Set([...away, ...answers.flatMap(({ missing }) => missing)])],
  };
}

async function orderIfThere(
  databases: Databases,
  orderNo: string,
  away: Home[],
): Promise<Order | undefined> {
  try {
    return (await canHaveOrder(databases, orderNo))
      ? await orderDetails(databases, orderNo)
      : undefined;
  } catch (error) {
    if (!isOutage(error)) throw error;
    away.push(homeOfOrder(orderNo));
    return undefined;
  }
}

async function placesOf(databases: Databases, userId: string) {
  const { sales } = await saleBoard(databases);
  const skus = sales.flatMap((sale) => sale.skus.map(({ sku }) => sku));
  return await knownWaitlistEntries(
    databases,
    skus.map((sku) => ({ sku, userId })),
  );
}
