import { type Home, schemaOf } from '../../contracts/homes.ts';
import { SCHEMAS, type Schema } from '../../contracts/names.ts';
import type { Queryable } from './pool.ts';

/** Prepares a new session of a worker: compiles and plans the routines that decide orders. */
export function warmForOrders(session: Queryable, homes: readonly Home[]): Promise<unknown> {
  return warm(session, homes.map(schemaOf), true);
}

/** Prepares a new session of a web node: compiles and plans the routines that shoppers need. */
export function warmForShoppers(session: Queryable): Promise<unknown> {
  return warm(session, SCHEMAS, false);
}

async function warm(session: Queryable, schemas: readonly Schema[], placesOrders: boolean) {
  for (const schema of schemas) {
    const text = `SELECT ${schema}.warm_session($1)`;
    await session.query({ text, values: [placesOrders] });
  }
}
