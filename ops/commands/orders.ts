import { type Command, InvalidArgumentError } from 'commander';
import { isOrderNo } from '../../contracts/ids.ts';
import { cancelForShopper, type ReasonedActor, refundOrder } from '../../db/calls.ts';
import type { Databases } from '../../db/client/pool.ts';
import { type OrderStory, storyOfOrder } from '../orders/story.ts';
import { parseReason } from './arguments.ts';
import type { AddCommand, CommandContext } from './command.ts';
import { withDatabases } from './databases.ts';
import { table } from './table.ts';
import { who } from './who.ts';

/** `flashsale orders …`: what customer service does to single orders. */

interface Options {
  readonly reason: string;
  readonly json?: boolean;
}

/** What to say about each answer of the routines. */
const SAID: Readonly<Record<string, string>> = {
  cancelled: 'it is cancelled',
  refund_due: 'it is cancelled, and its payment goes back',
  ordered: 'it is unpaid: flashsale orders cancel ends it',
  paid: 'it is paid: flashsale orders refund ends it',
  expired: 'it had expired',
  not_found: 'there is no such order',
};
const DONE = new Set(['cancelled', 'refund_due']);

export function parseOrderNo(value: string): string {
  if (!isOrderNo(value)) throw new InvalidArgumentError('It is a number, such as 1042.');
  return value;
}

function told({ order, payments, actions }: OrderStory): string {
  const { reason, refund, createdAt, payBefore, ...facts } = order;
  const money = payments.map(({ refund: back, receivedAt, ...payment }) => ({
    ...payment,
    receivedAt,
    refund: back?.state,
    refundRef: back?.refundRef,
    lastError: back?.lastError,
  }));
  const acts = actions.map(({ at, by, action, reason: why }) => ({ at, by, action, reason: why }));
  return [
    table([{ ...facts, reason, createdAt, payBefore }]),
    payments.length === 0 ? 'no payments' : table(money),
    ...(acts.length === 0 ? [] : [table(acts)]),
  ].join('\n\n');
}

/** Adds a command that ends one order. The exit code is 1 if the order was not ended. */
function addEnding(
  orders: Command,
  context: CommandContext,
  name: string,
  description: string,
  end: (databases: Databases, orderNo: string, actor: ReasonedActor) => Promise<string>,
): void {
  orders
    .command(name)
    .description(description)
    .argument('<order>', 'the order number', parseOrderNo)
    .requiredOption('--reason <text>', 'why, for the record of actions', parseReason)
    .option('--json', 'print the result as JSON')
    .action(async (orderNo: string, { reason, json }: Options) => {
      const result = await withDatabases(context, 'ops', (databases) =>
        end(databases, orderNo, { by: who(), reason }),
      );
      if (!DONE.has(result)) process.exitCode = 1;
      if (json) console.log(JSON.stringify({ orderNo, result }));
      else console.log(`order ${orderNo}: ${SAID[result] ?? result}`);
    });
}

export const addOrders: AddCommand = (program, context) => {
  const orders = program.command('orders').description('show, cancel and refund orders');
  orders
    .command('show')
    .description('show an order, its payments, and what people did to it')
    .argument('<order>', 'the order number', parseOrderNo)
    .option('--json', 'print the result as JSON')
    .action(async (orderNo: string, { json }: { json?: boolean }) => {
      const story = await withDatabases(context, 'ops', (databases) =>
        storyOfOrder(databases, orderNo),
      );
      if (story === undefined) throw new Error(`there is no order ${orderNo}`);
      console.log(json ? JSON.stringify(story) : told(story));
    });
  addEnding(orders, context, 'cancel', 'cancel an unpaid order for its shopper', cancelForShopper);
  addEnding(
    orders,
    context,
    'refund',
    'cancel a paid order; its payment goes back, and its units can be sold again',
    refundOrder,
  );
};
