import type { Home } from '../../contracts/homes.ts';
import {
  type Action,
  actionsOn,
  type ContactHint,
  contactHints,
  type Order,
  type OrderNotice,
  type OrderPayment,
  type OrderRecord,
  orderDetails,
  orderFacts,
  orderNotices,
  orderPayments,
  type RequestFacts,
  type RequestLetter,
  requestFacts,
  requestLetters,
  type UndeliveredEvent,
  undeliveredEvents,
} from '../../db/calls.ts';
import { isOutage } from '../../db/client/errors.ts';
import type { Databases } from '../../db/client/pool.ts';
import type { Undecided } from './undecided.ts';

/** One request and its order, with all records of them. */

export interface OrderStory extends Partial<OrderRecord> {
  readonly order: Order;
  /** In the order in which they came. */
  readonly payments: readonly OrderPayment[];
  /** Actions of people on the order, the newest first. */
  readonly actions: readonly Action[];
  /** Undefined if they could not be read. */
  readonly contacts: readonly ContactHint[] | undefined;
  readonly notices: readonly OrderNotice[];
  /** Events that the broker or a webhook endpoint has not got yet. */
  readonly undelivered: readonly UndeliveredEvent[];
}

export interface RequestStory {
  readonly requestId: string;
  /** Undefined if it is not decided. */
  readonly request: RequestFacts | undefined;
  /** Undefined unless it became an order. */
  readonly ordered: OrderStory | undefined;
  /** Dead letters with the request that operators have replayed or refused. */
  readonly letters: readonly RequestLetter[];
  /** Where a request may be that is not decided. */
  readonly undecided: Undecided | undefined;
  /** Homes that did not answer: a request without an outcome may be decided there. */
  readonly homesAway: readonly Home[];
  /** Other records that could not be read, in words. */
  readonly missing: readonly string[];
}

export interface StorySources {
  readonly databases: Databases;
  /** Looks for a request that no database has decided. */
  readonly findUndecided: (requestId: string) => Promise<Undecided>;
}

/**
 * Reads the story of an order; undefined if there is no such order.
 *
 * @throws {DatabaseError} if the home of the order does not answer
 */
export async function storyOfOrder(
  sources: StorySources,
  orderNo: string,
): Promise<RequestStory | undefined> {
  const order = await orderDetails(sources.databases, orderNo);
  return order && (await storyOf(sources, order.requestId, order));
}

/** Reads the story of a request, also of one that nobody knows. @throws {DatabaseError} if no home answers */
export function storyOfRequest(sources: StorySources, requestId: string): Promise<RequestStory> {
  return storyOf(sources, requestId, undefined);
}

async function storyOf(
  { databases, findUndecided }: StorySources,
  requestId: string,
  known: Order | undefined,
): Promise<RequestStory> {
  const missing: string[] = [];
  const [{ facts: request, missing: silent }, letters] = await Promise.all([
    requestFacts(databases, requestId),
    requestLetters(databases, requestId),
  ]);
  const homesAway = [...new Set([...silent, ...letters.missing])];
  const { orderNo } = request ?? {};
  const order = known ?? (orderNo && (await orderDetails(databases, orderNo)));
  const isUndecided = request === undefined && !order;
  const undecided = isUndecided
    ? await from('RabbitMQ', findUndecided(requestId), undefined, missing, () => true)
    : undefined;
  const ordered = order ? await withRecords(databases, order, missing) : undefined;
  return { requestId, request, ordered, letters: letters.rows, undecided, homesAway, missing };
}

async function withRecords(
  databases: Databases,
  order: Order,
  missing: string[],
): Promise<OrderStory> {
  const { orderNo, sale, userId } = order;
  const [record, payments, actions, contacts, notices, undelivered] = await Promise.all([
    orderFacts(databases, orderNo),
    orderPayments(databases, orderNo),
    actionsOn(databases, { target: orderNo, sale }),
    from('the addresses of notices', contactHints(databases, sale, userId), undefined, missing),
    from('the notices', orderNotices(databases, orderNo), [], missing),
    undeliveredEvents(databases, orderNo),
  ]);
  for (const home of actions.missing) missing.push(`the actions on the server of ${home}`);
  return { order, ...record, payments, actions: actions.rows, contacts, notices, undelivered };
}

/** An answer, or `otherwise` from a server that is away: then the story says what is missing. */
async function from<T>(
  source: string,
  ask: Promise<T>,
  otherwise: T,
  missing: string[],
  isAway: (error: unknown) => boolean = isOutage,
): Promise<T> {
  try {
    return await ask;
  } catch (error) {
    if (!isAway(error)) throw error;
    missing.push(`${source}: ${(error as Error).message}`);
    return otherwise;
  }
}
