import { type Answers, askHomes } from './client/homes.ts';
import type { Databases, Queryable } from './client/pool.ts';

/** Actions of people on sales and orders. Every function throws only DatabaseError. */

/** The person who acts, and the reason. Without a person, routines record the login of the session. */
export interface Actor {
  /** `user@host` of a command, or the login of the console. */
  readonly by: string;
  readonly reason?: string | undefined;
}

/** For actions that need a reason. */
export interface ReasonedActor extends Actor {
  readonly reason: string;
}

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
 * Reads what people did, the newest first: at most `limit` actions, 1,000 if it is left out.
 *
 * @throws {DatabaseError} if no home answers
 */
export async function actionsOn(
  databases: Databases,
  {
    sale = null,
    target = null,
    limit = ACTIONS_MAX,
  }: {
    readonly sale?: string | null;
    readonly target?: string | null;
    readonly limit?: number;
  },
): Promise<Answers<Action>> {
  const { rows, missing } = await actionsOfServers(databases, [sale, target, limit]);
  return { rows: newestFirst(rows.flat()).slice(0, limit), missing };
}

/**
 * Reads what people did to a sale, the newest first. An action on several servers, each of which has recorded it,
 * is there once.
 *
 * @throws {DatabaseError} if no home answers
 */
export async function actionsOnce(databases: Databases, sale: string): Promise<Answers<Action>> {
  const { rows, missing } = await actionsOfServers(databases, [sale, null, ACTIONS_MAX]);
  const once = new Map<string, Action>();
  for (const ofServer of rows) {
    const seen = new Map<string, number>();
    // The oldest first, so that the n-th time on one server is the n-th time on the other.
    for (const row of ofServer.toReversed()) {
      const { at: _, ...same } = row;
      const text = JSON.stringify(same);
      const times = (seen.get(text) ?? 0) + 1;
      seen.set(text, times);
      const key = `${times} ${text}`;
      if (!once.has(key)) once.set(key, row);
    }
  }
  return { rows: newestFirst([...once.values()]), missing };
}

/** The actions of each server that answers. */
async function actionsOfServers(
  databases: Databases,
  values: readonly unknown[],
): Promise<Answers<readonly Action[]>> {
  const ask = async (pool: Queryable) => [await pool.query<Action>({ text: TEXT, values })];
  return databases.areApart
    ? await askHomes(databases, 'actions', (_, pool) => ask(pool))
    : { rows: await ask(databases.regular), missing: [] };
}

function newestFirst(actions: readonly Action[]): Action[] {
  return actions.toSorted((a, b) => b.at.getTime() - a.at.getTime());
}

/** Records an action on something outside the database, on the server of `regular`. */
export async function recordAction(
  { regular }: Databases,
  { by, reason }: Actor,
  action: string,
  sale: string,
  details: object,
): Promise<void> {
  await regular.query({
    text: 'SELECT catalog.record_action($1, $2, $3, $3, $4, $5)',
    values: [by, action, sale, reason, JSON.stringify(details)],
  });
}
