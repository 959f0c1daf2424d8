import type { OrderTerms, PurchaseRequest } from '../contracts/messages.ts';
import type { NumberedUnit } from '../contracts/seats.ts';

/** Which routine decides purchase requests, and with which arguments. */

/** A purchase request and the web node that admitted it. */
export interface AdmittedRequest extends PurchaseRequest {
  readonly node: string;
}

/** The common terms of the orders that a call placed, and by order number what differs. */
export interface PlacedTerms extends OrderTerms {
  readonly amounts: Readonly<Record<string, string>>;
  /** Of amounts. */
  readonly packets?: Readonly<Record<string, string>>;
  /** Of numbered goods. */
  readonly units?: Readonly<Record<string, readonly NumberedUnit[]>>;
}

export type PlaceRoutine = 'place_daily' | 'place_chosen' | 'place_orders';

/**
 * The routine of the goods. Only requests for daily goods have a day. Requests that name their units are in a call of
 * their own.
 */
export function routineFor(requests: readonly PurchaseRequest[]): PlaceRoutine {
  if (requests[0]?.positions !== undefined) return 'place_chosen';
  return requests.some(({ day }) => day !== undefined) ? 'place_daily' : 'place_orders';
}

/** The routine of the goods, and its arguments. */
export function placeCall(sku: string, requests: readonly AdmittedRequest[], wait: boolean) {
  const ids = requests.map(({ requestId }) => requestId);
  const users = requests.map(({ userId }) => userId);
  const nodes = requests.map(({ node }) => node);
  const routine = routineFor(requests);
  if (routine === 'place_daily') {
    const days = requests.map(({ day }) => day ?? null);
    return { routine, values: [sku, ids, users, nodes, days] };
  }
  const units = requests.map((request) => request.units);
  if (routine === 'place_chosen') {
    const positions = requests.flatMap((request) => request.positions ?? []);
    return { routine, values: [sku, ids, users, units, positions, nodes, wait] };
  }
  const fewer = requests.map(({ acceptFewer }) => acceptFewer === true);
  return { routine, values: [sku, ids, users, units, fewer, nodes, wait] };
}
