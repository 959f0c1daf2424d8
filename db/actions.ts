import { type Answers, areApart, askHomes } from './client/both-homes.ts';
import type { Databases, Pool } from './client/pool.ts';

/** What people did to sales and orders, as the routines recorded it. */

export interface Action {
  readonly at: Date;
  readonly who: string;
  /** A verb, such as `extend` or `refund`. */
  readonly action: string;
  readonly sale: string | null;
  /** A sale, a SKU, an order number or a user. */
  readonly target: string;
  readonly why: string | null;
  readonly details: Readonly<Record<string, unknown>>;
}

/**
 * Lists the newest actions of each server, newest first.
 *
 * @throws {DatabaseError} if no home answers
 */
export async function listActions(
  databases: Databases,
  { limit, sale, target }: { limit: number; sale?: string; target?: string },
): Promise<Answers<Action>> {
  const ask = (server: Pool) =>
    server.query<Action & Record<string, unknown>>({
      name: 'actions',
      text: `SELECT acted_at AS at, acted_by AS who, action, sale, target, reason AS why, details
             FROM catalog.actions($1, $2, NULL, $3)`,
      values: [sale ?? null, target ?? null, limit],
    });
  const { rows, missing } = areApart(databases)
    ? await askHomes(databases, 'actions', (_schema, home) => ask(home))
    : { rows: await ask(databases.regular), missing: [] };
  const newest = [...rows].sort((one, other) => other.at.getTime() - one.at.getTime());
  return { rows: newest.slice(0, limit), missing };
}
