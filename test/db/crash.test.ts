import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type AdmittedRequest, audit, type Decision, placeOrders } from '../../db/calls.ts';
import { DatabaseError } from '../../db/client/errors.ts';
import { createPool, Databases, type Role } from '../../db/client/pool.ts';
import { prepare } from '../../db/install/prepare.ts';
import { until } from '../until.ts';
import { type CrashServer, startCrashServer } from './crash-server.ts';
import { openSale, request, stock } from './shop.ts';

/**
 * The server dies in the middle of batches: some crashes kill a backend by SIGKILL (the whole
 * server then recovers), others stop the server immediately. Answers that were given must stay
 * valid. Sending the same requests again must tell the outcome of the others.
 */

const CONNECTIONS = 6;
const BATCHES = 400;
const BATCH = 25;
const UNITS = 2_500;
const CRASHES = 4;

let server: CrashServer;
const pools: { close(): Promise<void> }[] = [];

function as(role: Role | undefined, max: number): Databases {
  const options = { url: server.url, max, applicationName: `crash ${role ?? 'admin'}` };
  const pool = createPool({ ...options, ...(role !== undefined && { role }) });
  pools.push(pool);
  return Databases.ofOne(pool);
}

beforeAll(async () => {
  server = await startCrashServer();
  await prepare(server.url);
});
afterAll(async () => {
  await Promise.all(pools.map((pool) => pool.close()));
  await server?.remove();
});

/** Calls that failed because of a crash. */
let lost = 0;

/** Sends the same batch again, as a worker does, until each request has a final answer. */
async function decide(worker: Databases, sku: string, batch: readonly AdmittedRequest[]) {
  const final = new Map<string, Decision>();
  let rest = batch;
  for (let wait = false; rest.length > 0; wait = true) {
    try {
      for (const decision of await placeOrders(worker, 'hot', sku, rest, { wait })) {
        if (decision.status !== 'locked') final.set(decision.requestId, decision);
      }
    } catch (error) {
      if (!(error instanceof DatabaseError) || error.kind === 'refused') throw error;
      lost += 1;
      await delay(20);
    }
    rest = batch.filter(({ requestId }) => !final.has(requestId));
  }
  return final.values();
}

it('a server that crashes repeatedly keeps the answers it gave and decides every other request once', async () => {
  const [worker, ops, admin] = [as('worker', CONNECTIONS), as('ops', 2), as(undefined, 1)];
  const sku = await stock(ops, await openSale(ops), { units: UNITS, slots: 16, userLimit: 3 });
  const batches: AdmittedRequest[][] = [];
  const said = new Map<string, Decision>();
  let isCrashing = true;
  const seller = async () => {
    while (isCrashing || batches.length < BATCHES) {
      const batch = Array.from({ length: BATCH }, (_, n) => request({ units: 1 + (n % 3) }));
      batches.push(batch);
      for (const decision of await decide(worker, sku, batch)) {
        said.set(decision.requestId, decision);
      }
    }
  };
  const crasher = async () => {
    for (let crash = 1; crash <= CRASHES; crash += 1) {
      const mark = (BATCHES * crash) / (CRASHES + 1);
      await until(`${mark} batches are sent`, () => batches.length >= mark);
      const victim = await until('a worker is at work', async () => {
        const [row] = await admin.home('hot').query<{ pid: number }>({
          text: `SELECT pid FROM pg_stat_activity
                 WHERE application_name = 'crash worker' AND state = 'active' LIMIT 1`,
        });
        return row?.pid;
      });
      const before = lost;
      if (crash % 2 === 0) server.stopImmediately();
      else server.kill(victim);
      await until('the crash was in the way of a batch', () => lost > before);
    }
    isCrashing = false;
  };
  await Promise.all([...Array.from({ length: CONNECTIONS }, seller), crasher()]);

  const books = await until('the server is up', () => audit(ops));
  expect(books).toEqual([]);
  const sold = [...said.values()].reduce((sum, { units }) => sum + units, 0);
  expect(sold).toBe(UNITS);

  // All requests again, in other batches: the answers must be the same, and nothing may change.
  const all = batches.flat().reverse();
  for (let from = 0; from < all.length; from += 500) {
    for (const again of await placeOrders(worker, 'hot', sku, all.slice(from, from + 500))) {
      expect(again).toEqual(said.get(again.requestId));
    }
  }
  const [{ orders } = { orders: '0' }] = await admin.home('hot').query<{ orders: string }>({
    text: 'SELECT count(*) AS orders FROM hot.orders',
  });
  expect(Number(orders)).toBe([...said.values()].filter(({ units }) => units > 0).length);
  expect(await audit(ops)).toEqual([]);
});
