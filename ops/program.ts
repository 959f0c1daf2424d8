import { Command } from 'commander';
import type { AddCommand, CommandContext } from './commands/command.ts';

/** The operators' command line: `npx flashsale <command>`. Each command is a file in commands/. */

/** A command loads its own file alone: all together need a second. */
const COMMANDS = new Map<string, () => Promise<AddCommand>>([
  ['after-restore', async () => (await import('./commands/after-restore.ts')).addAfterRestore],
  ['edge', async () => (await import('./commands/edge.ts')).addEdge],
  ['env', async () => (await import('./commands/env.ts')).addEnv],
  ['broker', async () => (await import('./commands/broker-queues.ts')).addBroker],
  ['capacity', async () => (await import('./commands/capacity.ts')).addCapacity],
  ['console', async () => (await import('./commands/console.ts')).addConsole],
  ['db', async () => (await import('./commands/db.ts')).addDb],
  ['dead-letters', async () => (await import('./commands/dead-letters.ts')).addDeadLetters],
  ['doctor', async () => (await import('./commands/doctor.ts')).addDoctor],
  ['door', async () => (await import('./commands/door.ts')).addDoor],
  ['lists', async () => (await import('./commands/lists.ts')).addLists],
  ['load', async () => (await import('./commands/load.ts')).addLoad],
  ['lottery', async () => (await import('./commands/lottery.ts')).addLottery],
  ['notices', async () => (await import('./commands/notices.ts')).addNotices],
  ['orders', async () => (await import('./commands/orders.ts')).addOrders],
  ['payments', async () => (await import('./commands/payments.ts')).addPayments],
  ['processes', async () => (await import('./commands/processes.ts')).addProcesses],
  ['quota', async () => (await import('./commands/quota.ts')).addQuota],
  ['record', async () => (await import('./commands/record.ts')).addRecord],
  ['rehearse', async () => (await import('./commands/rehearse.ts')).addRehearse],
  ['sale', async () => (await import('./commands/sale.ts')).addSale],
  ['secrets', async () => (await import('./commands/secrets.ts')).addSecrets],
  ['tickets', async () => (await import('./commands/tickets.ts')).addTickets],
  ['top', async () => (await import('./commands/top.ts')).addTop],
  ['webhooks', async () => (await import('./commands/webhooks.ts')).addWebhooks],
  ['zookeeper', async () => (await import('./commands/protect.ts')).addZookeeper],
]);

/** The help shows lists as they are typed, and not as JSON. */
function showLists({ options, commands }: Command): void {
  for (const option of options) {
    const { defaultValue: usual } = option;
    if (Array.isArray(usual)) option.default(usual, usual.join(',') || 'none');
  }
  commands.forEach(showLists);
}

/**
 * @param environment the variables that commands may read
 * @param name the only command that is wanted; all, if there is no such command
 */
export async function createProgram(
  environment: CommandContext['environment'],
  name?: string,
): Promise<Command> {
  const program = new Command('flashsale')
    .description('Runs, monitors and controls a flash sale')
    .showHelpAfterError()
    .configureOutput({ outputError: (text, write) => write(`flashsale: ${text}`) });
  const wanted = name === undefined ? undefined : COMMANDS.get(name);
  for (const load of wanted ? [wanted] : COMMANDS.values()) {
    const add = await load();
    add(program, { environment });
  }
  showLists(program);
  return program;
}
