import { Option } from 'commander';
import type { Actor } from '../../db/actions.ts';
import type { Role } from '../../db/client/pool.ts';
import type { Edit } from '../quota/operator.ts';
import { acknowledged } from '../sale/acknowledged.ts';
import type { SalePlace } from '../sale/place.ts';
import { parseReason } from './arguments.ts';
import type { CommandContext } from './command.ts';
import { withDatabases } from './databases.ts';
import { parseSeconds } from './edit.ts';
import { who } from './who.ts';
import { withZookeeper } from './zookeeper.ts';

/** Shared by the commands about sales. */

const WAIT_SECONDS = 10;

export interface SaleOptions {
  readonly json?: boolean;
  readonly reason?: string;
  readonly wait?: number;
}

export const jsonOption = () => new Option('--json', 'print the result as JSON');
export const reasonOption = () =>
  new Option('--reason <text>', 'why, for the record of what people did').argParser(parseReason);
export const waitOption = () =>
  new Option('--wait <seconds>', 'how long to wait for all web nodes to know the change').argParser(
    parseSeconds,
  );

/** Calls `work` with the databases and ZooKeeper of the shop. */
export function withSalePlace<T>(
  context: CommandContext,
  role: Role,
  work: (place: SalePlace) => Promise<T>,
): Promise<T> {
  return withDatabases(context, role, (databases) =>
    withZookeeper(context, (session, { root }) => work({ databases, session, root })),
  );
}

export function actorOf({ reason }: SaleOptions): Actor {
  return { by: who(), reason };
}

/**
 * Waits until every web node knows the change, and prints what was done. The exit code is 1 when some
 * do not know it in time.
 */
export async function tellWhenKnown(
  place: SalePlace,
  sale: string,
  change: { readonly done: readonly string[]; readonly edits: readonly Edit[] },
  { json, wait = WAIT_SECONDS }: SaleOptions,
): Promise<void> {
  if (!json) for (const line of change.done) console.log(line);
  const { nodes, late, ms } = await acknowledged(place, sale, change.edits, wait * 1_000);
  if (late.length > 0) process.exitCode = 1;
  if (json) {
    console.log(JSON.stringify({ sale, done: change.done, ms, nodes, notKnown: late }));
  } else if (late.length > 0) {
    console.log(`done, but after ${ms} ms not known to ${late.join(', ')}`);
  } else if (nodes === 0) console.log('no web node runs');
  else console.log(`known to all ${nodes} web nodes after ${ms} ms`);
}
