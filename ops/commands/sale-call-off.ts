import type { Command } from 'commander';
import { type CallOffResult, callOff, tellOnce } from '../sale/call-off.ts';
import { parseReason } from './arguments.ts';
import type { CommandContext } from './command.ts';
import { withDatabases } from './databases.ts';
import { who } from './who.ts';
import { withZookeeper } from './zookeeper.ts';

/** `flashsale sale call-off`: ends a sale, cancels its orders and gives the payments back. */

function told({ sale, isNew, orders, units, refunds, isComplete, state }: CallOffResult): string {
  const { cancelled, refundsDone, refundsDue, sessions, paying } = state;
  const lines = [
    `${sale} is called off${isNew ? '' : ' (an earlier call began it)'}: nothing of it is sold any more`,
    `cancelled now: ${orders} orders with ${units} units; ${refunds} payments go back`,
    `cancelled in all: ${cancelled} orders; payments that went back: ${refundsDone}`,
  ];
  if (isComplete) return [...lines, 'nothing is left to do'].join('\n');
  if (refundsDue > 0) {
    lines.push(
      `${refundsDue} payments still have to go back. Workers do so at Stripe; do it by hand at other providers,`,
      'then call end_refund: SELECT * FROM hot.refunds (and regular) lists them',
    );
  }
  if (sessions > 0)
    lines.push(`${sessions} sessions of the payment provider still have to be ended`);
  if (paying > 0) {
    lines.push(`${paying} payments are under way at the provider: they go back when they come`);
  }
  return [...lines, 'call again to see how far it is'].join('\n');
}

export function addCallOff(sale: Command, context: CommandContext): void {
  sale
    .command('call-off')
    .description('end a sale for good: cancel unpaid orders, give payments back')
    .argument('<sale>')
    .requiredOption('--reason <text>', 'why, for the record of actions', parseReason)
    .option('--json', 'print the result as JSON')
    .action(async (name: string, { reason, json }: { reason: string; json?: boolean }) => {
      const result = await withZookeeper(context, (session, paths) =>
        withDatabases(context, 'ops', (databases) =>
          callOff(
            { databases, session, paths },
            name,
            { by: who(), reason },
            tellOnce(console.error),
          ),
        ),
      );
      console.log(json ? JSON.stringify(result) : told(result));
    });
}
