import { afterAll, expect } from 'vitest';
import { audit } from '../../db/calls.ts';
import type { Databases } from '../../db/client/pool.ts';
import { createDatabase, type TestDatabase } from './database.ts';
import { openSale } from './shop.ts';

/** A database with an open sale, and a pool for each role. */
export interface OpenShop {
  readonly database: TestDatabase;
  readonly worker: Databases;
  readonly web: Databases;
  readonly ops: Databases;
  readonly sale: string;
}

/**
 * Opens the shop of one test file while the file is loaded. After the tests, the audit must find
 * nothing.
 *
 * @param connections of the worker pool
 */
export async function openShop(connections?: number): Promise<OpenShop> {
  const database = await createDatabase();
  const ops = database.as('ops');
  afterAll(async () => {
    expect(await audit(ops)).toEqual([]);
    await database.remove();
  });
  const worker = database.as('worker', connections);
  return { database, worker, web: database.as('web'), ops, sale: await openSale(ops) };
}
