import { randomUUID } from 'node:crypto';
import type { Home } from '../../contracts/homes.ts';
import {
  type AdmittedRequest,
  createSale,
  createSku,
  type Decision,
  type NewSku,
  placeOrders,
} from '../../db/calls.ts';
import { DatabaseError } from '../../db/client/errors.ts';
import type { Databases } from '../../db/client/pool.ts';
import { uniqueName } from '../servers.ts';

const HOUR_MS = 3_600_000;

/** Creates a sale, open unless `options` say otherwise, and returns its name. */
export async function openSale(
  ops: Databases,
  { opensInMs = -HOUR_MS, closesInMs = HOUR_MS, payWindowSeconds = 900 } = {},
): Promise<string> {
  const sale = uniqueName('sale');
  const now = Date.now();
  await createSale(ops, {
    sale,
    title: 'A sale',
    opensAt: new Date(now + opensInMs),
    closesAt: new Date(now + closesInMs),
    payWindowSeconds,
  });
  return sale;
}

/** Creates a SKU of the sale and returns its name. */
export async function stock(
  ops: Databases,
  sale: string,
  sku: Partial<NewSku> & { readonly units: number },
): Promise<string> {
  const name = uniqueName('sku');
  await createSku(ops, {
    sku: name,
    sale,
    schema: 'hot',
    title: 'A thing',
    price: '9.95',
    currency: 'EUR',
    userLimit: 1,
    slots: 4,
    ...sku,
  });
  return name;
}

/** For `payOrder`: a late payment may take units, on behalf of this node. */
export const byNode = async () => 'node-late';

/** A request for one unit by a new user, unless `fields` say otherwise. */
export function request(fields: Partial<AdmittedRequest> = {}): AdmittedRequest {
  return {
    requestId: randomUUID(),
    userId: uniqueName('user'),
    units: 1,
    node: 'node-1',
    ...fields,
  };
}

export function requests(count: number, fields: Partial<AdmittedRequest> = {}): AdmittedRequest[] {
  return Array.from({ length: count }, () => request(fields));
}

/** Decides a batch in `hot` as a worker does: what was locked is asked again, and waits. */
export async function decideAll(
  worker: Databases,
  sku: string,
  batch: readonly AdmittedRequest[],
): Promise<Decision[]> {
  let asked = batch;
  const decided: Decision[] = [];
  for (let wait = false; asked.length > 0; wait = true) {
    const answers = await placeOrders(worker, 'hot', sku, asked, { wait });
    decided.push(...answers.filter(({ status }) => status !== 'locked'));
    asked = asked.filter((_, at) => answers[at]?.status === 'locked');
  }
  return decided;
}

/** Places one order and returns its number. */
export async function order(
  worker: Databases,
  sku: string,
  fields: Partial<AdmittedRequest> = {},
  schema: Home = 'hot',
): Promise<string> {
  const [decision] = await placeOrders(worker, schema, sku, [request(fields)]);
  if (decision?.orderNo == null) throw new Error(`not ordered: ${JSON.stringify(decision)}`);
  return decision.orderNo;
}

/**
 * Whether the error is the one deadlock that is allowed: PostgreSQL sometimes waits in spite of SKIP LOCKED
 * (see lock_slots).
 */
export function isWaitOfSkipLocked(error: unknown): boolean {
  return isDeadlockIn(error, /^while locking updated version .* in relation "stock_slot"$/m);
}

/** Whether the call was ended by a deadlock while it waited for a slot, as calls with `wait` do. */
export function isWaitForSlot(error: unknown): boolean {
  return isDeadlockIn(
    error,
    /^while locking (updated version|tuple) .* in relation "stock_slot"$/m,
  );
}

function isDeadlockIn(error: unknown, place: RegExp): boolean {
  if (!(error instanceof DatabaseError) || error.sqlstate !== '40P01') return false;
  const { where } = error.cause as { readonly where?: string };
  return place.test(where ?? '');
}
