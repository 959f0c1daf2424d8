import { Command } from 'commander';
import { addBroker } from './commands/broker-queues.ts';
import type { AddCommand, CommandContext } from './commands/command.ts';
import { addConsole } from './commands/console.ts';
import { addDb } from './commands/db.ts';
import { addDeadLetters } from './commands/dead-letters.ts';
import { addEdge } from './commands/edge.ts';
import { addEnv } from './commands/env.ts';
import { addLists } from './commands/lists.ts';
import { addLottery } from './commands/lottery.ts';
import { addNotices } from './commands/notices.ts';
import { addOrders } from './commands/orders.ts';
import { addPayments } from './commands/payments.ts';
import { addZookeeper } from './commands/protect.ts';
import { addQuota } from './commands/quota.ts';
import { addSale } from './commands/sale.ts';
import { addTickets } from './commands/tickets.ts';
import { addTop } from './commands/top.ts';
import { addWebhooks } from './commands/webhooks.ts';

/** The operators' command line: `npx flashsale <command>`. Each command is a file in commands/. */

const COMMANDS: readonly AddCommand[] = [
  addEnv,
  addEdge,
  addBroker,
  addConsole,
  addDb,
  addDeadLetters,
  addLists,
  addLottery,
  addNotices,
  addOrders,
  addPayments,
  addQuota,
  addSale,
  addTickets,
  addTop,
  addWebhooks,
  addZookeeper,
];

/** @param environment the variables that commands may read */
export function createProgram(environment: CommandContext['environment']): Command {
  const program = new Command('flashsale')
    .description('Runs, monitors and controls a flash sale')
    .showHelpAfterError()
    .configureOutput({ outputError: (text, write) => write(`flashsale: ${text}`) });
  for (const add of COMMANDS) add(program, { environment });
  return program;
}
