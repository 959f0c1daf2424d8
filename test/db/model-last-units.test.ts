import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  type AdmittedRequest,
  audit,
  type Decision,
  placeOrders,
  unitCounts,
} from '../../db/calls.ts';
import { DatabaseError } from '../../db/client/errors.ts';
import type { Databases } from '../../db/client/pool.ts';
import { createDatabase, type TestDatabase } from './database.ts';
import { isWaitForSlot, isWaitOfSkipLocked, openSale, request, stock } from './shop.ts';

/**
 * 64 connections compete for the last units of a SKU: 48 rounds, in each of which the units
 * are sold exactly.
 */

const CONNECTIONS = 64;
const ROUNDS = 48;
/**
 * The requests ask for 64 times 3 + 2 + 1 + 1 units. The single-unit requests alone ask for more
 * than there are.
 */
const UNITS = 50;
/**
 * Waiting calls that may be ended by the one deadlock that is allowed: it ends either side. Calls that wait for
 * each other, which is not allowed, would be ended in most rounds.
 */
const ENDED_WAITS_MAX = 2;

let database: TestDatabase;
let worker: Databases;
let ops: Databases;
let endedWaits = 0;

beforeAll(async () => {
  database = await createDatabase();
  worker = database.as('worker', CONNECTIONS);
  ops = database.as('ops');
});
afterAll(async () => {
  await database.remove();
});

async function place(
  sku: string,
  batch: readonly AdmittedRequest[],
  wait: boolean,
): Promise<Decision[]> {
  try {
    return await placeOrders(worker, 'hot', sku, batch, { wait });
  } catch (error) {
    if (!wait && !isWaitOfSkipLocked(error)) throw error;
    if (wait) {
      if (!isWaitForSlot(error) || endedWaits >= ENDED_WAITS_MAX) throw error;
      endedWaits += 1;
    }
    return place(sku, batch, true);
  }
}

async function decide(sku: string, batch: readonly AdmittedRequest[]): Promise<Decision[]> {
  const final: Decision[] = [];
  let rest = batch;
  for (let wait = false; rest.length > 0; wait = true) {
    const said = await place(sku, rest, wait);
    final.push(...said.filter(({ status }) => status !== 'locked'));
    const open = new Set(
      said.filter(({ status }) => status === 'locked').map((one) => one.requestId),
    );
    // A request with `wait` holds all slots, so its answer is final.
    if (wait) expect(open.size).toBe(0);
    rest = rest.filter(({ requestId }) => open.has(requestId));
  }
  return final;
}

it('the last units are sold exactly, without a false sold_out and without a deadlock', async () => {
  const sale = await openSale(ops);
  for (let round = 0; round < ROUNDS; round += 1) {
    const sku = await stock(ops, sale, { units: UNITS, slots: 1 + (round % 16), userLimit: 3 });
    const batches = Array.from({ length: CONNECTIONS }, () => [
      request({ units: 3 }),
      request({ units: 1 }),
      request({ units: 2, acceptFewer: true }),
      request({ units: 1 }),
    ]);
    const said = (
      await Promise.all(
        batches.map((batch) =>
          decide(sku, batch).catch((error: unknown) => {
            const { sqlstate, cause } = error instanceof DatabaseError ? error : {};
            throw new Error(`round ${round}: ${sqlstate} ${error}`, { cause });
          }),
        ),
      )
    ).flat();
    const sold = said.reduce((sum, { units }) => sum + units, 0);
    // A single unit was refused only if none was left, so all units are sold.
    expect({ round, sold, answers: said.length }).toEqual({ round, sold: UNITS, answers: 256 });
    expect((await unitCounts(worker)).find((count) => count.sku === sku)?.free).toBe(0);
  }
  expect(await audit(ops)).toEqual([]);
});
