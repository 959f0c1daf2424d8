import { SCHEMAS, type Schema } from '../../contracts/names.ts';
import type { Queryable } from './pool.ts';

/** For new sessions of workers: the routines that decide orders are compiled and planned. */
export function warmForOrders(session: Queryable, schemas: readonly Schema[]): Promise<unknown> {
  return warm(session, schemas, true);
}

/** The same for sessions of web nodes, with what shoppers ask for. */
export function warmForShoppers(session: Queryable): Promise<unknown> {
  return warm(session, SCHEMAS, false);
}

async function warm(session: Queryable, schemas: readonly Schema[], placesOrders: boolean) {
  for (const schema of schemas) {
    const text = `SELECT ${schema}.warm_session($1)`;
    await session.query({ text, values: [placesOrders] });
  }
}
