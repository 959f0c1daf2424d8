import { type Answers, areApart, askHomes } from './client/both-homes.ts';
import type { Databases, Queryable } from './client/pool.ts';

/** What people did to sales and orders. Every function throws only DatabaseError. */

export interface Action {
  readonly at: Date;
  /** `user@host` of a command, or the login of the console. */
  readonly by: string;
  readonly action: string;
  readonly sale: string | null;
  /** A sale, a SKU, an order number or a user. */
  readonly target: string;
  readonly reason: string | null;
  readonly details: Readonly<Record<string, unknown>>;
}

const TEXT = `SELECT acted_at AS at, acted_by AS by, action, sale, target, reason, details
              FROM catalog.actions($1, $2, NULL, $3)`;
/** Actions of each server that are read at a time; the routine gives no more. */
const ACTIONS_MAX = 1_000;

/**
 * Reads what people did, the newest first, at most 1,000 actions of each server.
 *
 * @throws {DatabaseError} if no home answers
 */
export async function actionsOn(
  databases: Databases,
  {
    sale = null,
    target = null,
  }: { readonly sale?: string | null; readonly target?: string | null },
): Promise<Answers<Action>> {
  const ask = (home: Queryable) =>
    home.query<Action>({ text: TEXT, values: [sale, target, ACTIONS_MAX] });
  const { rows, missing } = areApart(databases)
    ? await askHomes(databases, 'actions', (_, home) => ask(home))
    : { rows: await ask(databases.regular), missing: [] };
  return { rows: rows.sort((a, b) => b.at.getTime() - a.at.getTime()), missing };
}
