import { afterAll, expect } from 'vitest';
import { audit } from '../../db/calls.ts';
import type { Databases } from '../../db/client/pool.ts';
import { createDatabase, type TestDatabase } from './database.ts';
import { openSale } from './shop.ts';

/** A database with an open sale, and who works with it. */
export interface OpenShop {
  readonly database: TestDatabase;
  readonly worker: Databases;
  readonly web: Databases;
  readonly ops: Databases;
  readonly sale: string;
}

/**
 * The shop of one test file, opened while the file is read. Its books are right when all is done.
 *
 * @param connections of the workers
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
