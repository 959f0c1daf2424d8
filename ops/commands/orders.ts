import { type Command, InvalidArgumentError } from 'commander';
import { isOrderNo, isRequestId } from '../../contracts/ids.ts';
import {
  cancelForShopper,
  noteOrder,
  type Order,
  type ReasonedActor,
  refundOrder,
} from '../../db/calls.ts';
import type { Databases } from '../../db/client/pool.ts';
import { type Found, findOrders } from '../orders/find.ts';
import { NOT_SEARCHED, receiptSentence, refusalText, type Sentence } from '../orders/sentences.ts';
import { type RequestStory, storyOfOrder, storyOfRequest } from '../orders/story.ts';
import { tell } from '../orders/tell.ts';
import { findUndecided } from '../orders/undecided.ts';
import { parseReason, tellMissing } from './arguments.ts';
import type { AddCommand, CommandContext } from './command.ts';
import { withDatabases } from './databases.ts';
import { table } from './table.ts';
import { who } from './who.ts';

/** `flashsale orders …`: what customer service does with single orders and requests. */

interface Options {
  readonly reason: string;
  readonly json?: boolean;
}

/** What to say about each answer of the routines. */
const SAID: Readonly<Record<string, string>> = {
  cancelled: 'it is cancelled',
  refund_due: 'it is cancelled, and its payment goes back',
  noted: 'the remark is in its history',
  ordered: 'it is unpaid: flashsale orders cancel ends it',
  paid: 'it is paid: flashsale orders refund ends it',
  expired: 'it had expired',
  not_found: 'there is no such order',
};
const DONE = new Set(['cancelled', 'refund_due', 'noted']);

const NOTHING = `nothing was found: see that each character is right
${NOT_SEARCHED}`;

export function parseOrderNo(value: string): string {
  if (!isOrderNo(value)) throw new InvalidArgumentError('It is a number, such as 1042.');
  return value;
}

function parseOrderOrRequest(value: string): string {
  const id = value.toLowerCase();
  if (isOrderNo(id) || isRequestId(id)) return id;
  throw new InvalidArgumentError(
    'It is an order number or a request id. flashsale orders find looks for anything else.',
  );
}

function spoken(sentence: Sentence): string {
  return sentence.map((part) => (part instanceof Date ? part.toISOString() : part)).join('');
}

function storyText(story: RequestStory): string {
  const { request, ordered, requestId } = story;
  const { now, moments } = tell(story, new Date());
  const title = ordered
    ? `order ${ordered.order.orderNo} of user ${ordered.order.userId}, request ${requestId}`
    : `request ${requestId}${request ? ` of user ${request.userId}` : ''}`;
  const rows = moments.map(({ at, says }) => ({ when: at ?? 'not recorded', what: spoken(says) }));
  const notices = ordered?.notices.map(({ noticeNo, kind, channel, state }) => ({
    notice: noticeNo,
    kind,
    channel,
    state,
  }));
  return [
    [title, ...now.map(spoken)].join('\n'),
    ...(rows.length > 0 ? [table(rows)] : []),
    ...(notices?.length ? [table(notices)] : []),
  ].join('\n\n');
}

function orderRow({
  orderNo,
  userId,
  sale,
  sku,
  units,
  amount,
  currency,
  status,
  createdAt,
}: Order) {
  return { order: orderNo, user: userId, sale, sku, units, amount, currency, status, createdAt };
}

function foundText(found: Found): string {
  const { orders, hasMore, refused, undecided, receipt, places } = found;
  return [
    ...(orders.length > 0 ? [table(orders.map(orderRow))] : []),
    ...(hasMore ? ['The user has more orders: these are the newest.'] : []),
    ...refused.map(
      (request) =>
        `request ${request.requestId} of user ${request.userId} for ${request.sku}: ${refusalText(request)}`,
    ),
    ...(undecided
      ? [`No database knows request ${undecided}: flashsale orders show ${undecided}`]
      : []),
    ...(undecided && receipt ? [receiptSentence(receipt)] : []),
    ...places.map(
      ({ sku, userId, state, askedAt }) =>
        `user ${userId} asked for a place in the waitlist of ${sku} at ${askedAt.toISOString()}: ${state}`,
    ),
  ].join('\n\n');
}

/** Adds a command that changes one order. The exit code is 1 if it was not done. */
function addChange(
  orders: Command,
  context: CommandContext,
  name: string,
  description: string,
  change: (databases: Databases, orderNo: string, actor: ReasonedActor) => Promise<string>,
): void {
  orders
    .command(name)
    .description(description)
    .argument('<order>', 'the order number', parseOrderNo)
    .requiredOption('--reason <text>', 'why, for the record of actions', parseReason)
    .option('--json', 'print the result as JSON')
    .action(async (orderNo: string, { reason, json }: Options) => {
      const result = await withDatabases(context, 'ops', (databases) =>
        change(databases, orderNo, { by: who(), reason }),
      );
      if (!DONE.has(result)) process.exitCode = 1;
      if (json) console.log(JSON.stringify({ orderNo, result }));
      else console.log(`order ${orderNo}: ${SAID[result] ?? result}`);
    });
}

function addReading(orders: Command, context: CommandContext): void {
  orders
    .command('find')
    .description('find orders and requests by what a shopper knows')
    .argument('<text>', 'an order number, request id, status address, user id or payment reference')
    .option('--json', 'print the result as JSON')
    .action(async (text: string, { json }: { json?: boolean }) => {
      const found = await withDatabases(context, 'ops', (databases) => findOrders(databases, text));
      tellMissing(found.missing);
      console.log(json ? JSON.stringify(found) : foundText(found) || NOTHING);
    });
  orders
    .command('show')
    .description('tell what happened to an order or a request, oldest first')
    .argument('<order>', 'an order number or a request id', parseOrderOrRequest)
    .option('--json', 'print the result as JSON')
    .action(async (id: string, { json }: { json?: boolean }) => {
      const story = await withDatabases(context, 'ops', (databases) => {
        const sources = {
          databases,
          findUndecided: async (requestId: string) => {
            // Most calls need no broker, so they do not load its client.
            const { withBroker } = await import('./broker.ts');
            return withBroker(context, (broker) => findUndecided(broker, requestId));
          },
        };
        return isOrderNo(id) ? storyOfOrder(sources, id) : storyOfRequest(sources, id);
      });
      if (story === undefined) throw new Error(`there is no order ${id}`);
      tellMissing(story.homesAway);
      console.log(json ? JSON.stringify(story) : storyText(story));
    });
}

export const addOrders: AddCommand = (program, context) => {
  const orders = program.command('orders').description('find, show, cancel and refund orders');
  addReading(orders, context);
  addChange(orders, context, 'cancel', 'cancel an unpaid order for its shopper', cancelForShopper);
  addChange(
    orders,
    context,
    'refund',
    'cancel a paid order; its payment goes back, and its units can be sold again',
    refundOrder,
  );
  addChange(
    orders,
    context,
    'note',
    'write a remark into the history of an order; nothing else changes',
    async (...all) => ((await noteOrder(...all)) ? 'noted' : 'not_found'),
  );
};
