import { setTimeout as sleep } from 'node:timers/promises';
import type { Home } from '../../contracts/homes.ts';
import {
  type CallOffState,
  callOffOrders,
  callOffSale,
  callOffState,
  type ReasonedActor,
  saleBoard,
} from '../../db/calls.ts';
import { noAnswer } from '../../db/client/errors.ts';
import type { Databases } from '../../db/client/pool.ts';
import type { ZkSession } from '../../zk/client/session.ts';
import type { Paths } from '../../zk/tree/paths.ts';
import { Operator } from '../quota/operator.ts';
import { withSalesLock } from './apply.ts';

/**
 * Calls a sale off: nothing of it is sold any more, unpaid orders are cancelled, and payments go back.
 * It may be interrupted anywhere: called again, it goes on. Web nodes, workers, payments and expiry may
 * run beside it; commands that change sales wait until the sale is closed.
 */

/** Orders that one transaction ends. It holds the locks of their buyers for some milliseconds. */
const BATCH_ORDERS = 500;
/**
 * Looks in a row that have to find nothing, if the homes are apart. They answer at different moments, so a look may see no
 * server with a late payment that goes from one to the next meanwhile. It goes over two at most: the third look finds it.
 */
const LOOKS_APART = 3;
/** Pause before the next look, while others hold orders of the sale or units are between two servers. */
const LOOK_PAUSE_MS = 500;

export interface CallOffPlace {
  readonly databases: Databases;
  readonly session: ZkSession;
  readonly paths: Paths;
}

/** Progress of a call, for people who wait. */
export interface CallOffProgress {
  readonly orders: number;
  readonly refunds: number;
  /** Orders that others hold now, and late payments between the servers; the call waits for both. */
  readonly held?: number;
  readonly transfers?: number;
}

export interface CallOffResult {
  readonly sale: string;
  /** False if an earlier call had called it off. */
  readonly isNew: boolean;
  /** The work of this call. */
  readonly orders: number;
  readonly units: number;
  readonly refunds: number;
  /** No order is left, and no money waits at the provider. */
  readonly isComplete: boolean;
  readonly state: CallOffState;
}

/**
 * Calls a sale off and ends all of its orders. Resolves when no order is left; refunds that wait for the
 * provider are in the result.
 *
 * @param report called after each batch, and while the call waits
 * @throws {DatabaseError} FS002 no such sale; `retry` or `unavailable`: call again, and it goes on
 */
export async function callOff(
  place: CallOffPlace,
  sale: string,
  actor: ReasonedActor,
  report: (progress: CallOffProgress) => void = () => {},
): Promise<CallOffResult> {
  const { databases } = place;
  const isNew = await withSalesLock(place, () => closeAll(place, sale, actor));
  const done = { orders: 0, units: 0, refunds: 0 };
  let state: CallOffState;
  let quietLooks = 0;
  for (;;) {
    for (const status of ['ordered', 'paid'] as const) {
      for (const home of databases.homes) {
        for await (const batch of batches(databases, home, sale, status)) {
          done.orders += batch.orders;
          done.units += batch.units;
          done.refunds += batch.refunds;
          report(done);
        }
      }
    }
    state = await callOffState(databases, sale);
    quietLooks = state.unpaid + state.paid + state.transfers === 0 ? quietLooks + 1 : 0;
    if (quietLooks === (databases.areApart ? LOOKS_APART : 1)) break;
    if (quietLooks > 0) continue;
    report({ ...done, held: state.unpaid + state.paid, transfers: state.transfers });
    await sleep(LOOK_PAUSE_MS);
  }
  const isComplete = state.refundsDue + state.sessions + state.paying === 0;
  return { sale, isNew, ...done, isComplete, state };
}

/** For `callOff`: tells each state of its progress once, as a sentence. */
export function tellOnce(tell: (line: string) => void): (progress: CallOffProgress) => void {
  let last = '';
  return ({ orders, refunds, held, transfers }) => {
    const waits = held === undefined ? '' : `; waiting for ${held} orders that others hold`;
    const comes = transfers ? `, and for ${transfers} late payments between the servers` : '';
    const line = `${orders} orders cancelled, ${refunds} payments go back${waits}${comes}`;
    if (line !== last) tell(line);
    last = line;
  };
}

/** Call it when no other command changes sales. An apply might put on another SKU, or open one. */
async function closeAll(place: CallOffPlace, sale: string, actor: ReasonedActor): Promise<boolean> {
  const { databases } = place;
  const { sales, missing } = await saleBoard(databases);
  // Half of a sale cannot be called off: the other half would go on.
  if (missing.length > 0) throw noAnswer(missing);
  const skus = sales.find((one) => one.sale === sale)?.skus ?? [];
  // First the gate, so that nobody is admitted in vain, then the barrier behind it.
  for (const { sku } of skus) await close(place, sku, actor);
  return await callOffSale(databases, sale, actor);
}

/** Closes a SKU at the gate. One without nodes in ZooKeeper has no quota: nothing of it is admitted. */
async function close(
  { session, paths }: CallOffPlace,
  sku: string,
  { by, reason }: ReasonedActor,
): Promise<void> {
  const read = await session.get(paths.sku(sku).state);
  if (!read.ok && read.error !== 'no_node')
    throw new Error(`ZooKeeper did not answer: ${read.error}`);
  if (!read.ok || read.value.text.trim() === 'closed') return;
  await new Operator(session, paths, by, reason).state(sku, 'closed');
}

async function* batches(
  databases: Databases,
  schema: Home,
  sale: string,
  status: 'ordered' | 'paid',
) {
  let after = '0';
  for (;;) {
    const batch = await callOffOrders(databases, schema, sale, status, {
      after,
      limit: BATCH_ORDERS,
    });
    if (batch === undefined) return;
    after = batch.last;
    yield batch;
  }
}
