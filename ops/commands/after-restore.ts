import { type Home, REGULAR } from '../../contracts/homes.ts';
import type { Queryable } from '../../db/client/pool.ts';
import type { Promised } from '../../db/restore.ts';
import { type AfterRestore, afterRestore, type SetBackHome } from '../restore/after-restore.ts';
import { parseCopy } from './arguments.ts';
import type { AddCommand, CommandContext } from './command.ts';
import { openCopy, withDatabases } from './databases.ts';
import { table } from './table.ts';
import { withZookeeper } from './zookeeper.ts';

/** `flashsale after-restore`: brings the shop in line with a home that was restored to an earlier time. */

interface Options {
  readonly lostFrom?: ReadonlyMap<Home, string>;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

async function run(context: CommandContext, options: Options): Promise<AfterRestore> {
  const copies = new Map<Home, Queryable & { close(): Promise<void> }>();
  try {
    for (const [home, url] of options.lostFrom ?? []) copies.set(home, openCopy(url));
    return await withZookeeper(context, (session, paths) =>
      withDatabases(context, 'ops', (databases) => {
        const lastBeat = async (home: Home) => {
          const found = await session.get(paths.beat(home));
          if (!found.ok && found.error !== 'no_node') {
            throw new Error(`ZooKeeper does not tell the last beat: ${found.error}`);
          }
          return found.ok && found.value.text !== '' ? found.value.text : undefined;
        };
        return afterRestore({ databases, lastBeat, copies }, options.dryRun);
      }),
    );
  } finally {
    for (const copy of copies.values()) await copy.close();
  }
}

function toldOfHome({ home, since, lost, paidAgain }: SetBackHome): string {
  const lines = [
    `${home} was set back. What it committed after ${since.toISOString()} may be lost`,
  ];
  if (lost === undefined) {
    lines.push(
      '  nobody knows the names without a copy of the lost time: --lost-from (docs/backup.md)',
    );
    return lines.join('\n');
  }
  const { orders, changed } = lost;
  lines.push(`lost orders: ${orders.length}`);
  if (orders.length > 0) {
    lines.push(
      table(
        orders.map((one) => ({
          ...{ order: one.orderNo, user: one.userId, sku: one.sku, units: one.units },
          ...{ told: one.status, amount: `${one.amount} ${one.currency}`, at: one.createdAt },
          ...{ payment: one.paymentRef, request: one.requestId },
        })),
      ),
    );
  }
  lines.push(`orders that shoppers know otherwise: ${changed.length}`);
  if (changed.length > 0) {
    lines.push(
      table(
        changed.map(({ told, now }) => ({
          ...{ order: told.orderNo, user: told.userId, told: told.status, now: now.status },
          ...{ payment: told.paymentRef, again: paidAgain.includes(told.orderNo) ? 'paid' : '' },
          mend: mendOf(told, now),
        })),
      ),
    );
  }
  return lines.join('\n');
}

/** The command for an order that its shopper or the shop had ended. The units come back by it, so it has to be done by people. */
function mendOf(told: Promised, { status }: Promised): string {
  if (told.status !== 'cancelled') return '';
  const reason = "--reason 'ended before the restore'";
  if (status === 'paid') return `flashsale orders refund ${told.orderNo} ${reason}`;
  return status === 'ordered' ? `flashsale orders cancel ${told.orderNo} ${reason}` : '';
}

/** What the command cannot know, with the commands that show it. */
function unseen(homes: readonly SetBackHome[]): string[] {
  const since = new Date(Math.min(...homes.map((each) => each.since.getTime()))).toISOString();
  return [
    'this command does not see:',
    `- payments at the provider since ${since}: flashsale payments reconcile SALE, for each sale`,
    '- requests that wait in RabbitMQ: workers decide them when the home sells again. Those that',
    '  cannot be decided: flashsale dead-letters list',
    '- e-mails, webhooks and events that told of lost orders: tell their receivers',
    ...(homes.some(({ home }) => home === REGULAR)
      ? ['- sales, SKUs and their changes of the lost time: flashsale sale apply FILE']
      : []),
  ];
}

export function told(result: AfterRestore, isDry: boolean): string {
  const { homes, aligned, users, doubtful, missing, broken, waiting } = result;
  if (homes.length === 0) return 'no home was set back';
  const lines = [...homes.map(toldOfHome), ...unseen(homes)];
  for (const { sku, home, restoreTo } of result.movedTwice) {
    const time = restoreTo.toISOString();
    lines.push(`${sku} moved more than once in the lost time: restore ${home} to ${time} or later`);
  }
  if (isDry || result.movedTwice.length > 0) return [...lines, 'nothing was changed'].join('\n');
  if (aligned.length > 0) lines.push(table(aligned.map((each) => ({ ...each }))));
  if (users > 0) lines.push(`units of ${users} users were counted again`);
  for (const order of doubtful) lines.push(`the payment of order ${order} pays another order`);
  for (const { sku, home, units } of missing) {
    lines.push(
      `${units} units of ${sku} are sold twice: restock ${home}, or cancel orders there, and call again`,
    );
  }
  if (broken.length > 0) lines.push(table(broken.map((row) => ({ ...row }))));
  if (result.isAccepted && waiting.length > 0) {
    lines.push(
      'workers do this first:',
      table(waiting.map(({ sku, detail }) => ({ sku, detail }))),
    );
  }
  lines.push(
    result.isAccepted
      ? 'the books balance: the shop sells again'
      : 'the books do not balance: nothing is sold. Mend this, and call again',
  );
  return lines.join('\n');
}

export const addAfterRestore: AddCommand = (program, context) => {
  program
    .command('after-restore')
    .description('bring the shop in line with a home that was restored to an earlier time')
    .option(
      '--lost-from <[home=]url>',
      'a copy of its database that goes up to the end of the lost time; may be repeated',
      parseCopy,
    )
    .option('--dry-run', 'only list what was lost')
    .option('--json', 'print the result as JSON')
    .action(async (options: Options) => {
      const result = await run(context, options);
      console.log(options.json ? JSON.stringify(result) : told(result, options.dryRun === true));
      if (!result.isAccepted && !options.dryRun && result.homes.length > 0) process.exitCode = 1;
    });
};
