import { rotateTicketKey, ticketKeyFacts } from '../../db/ticket-keys.ts';
import type { AddCommand, CommandContext } from './command.ts';
import { withDatabases } from './databases.ts';
import { table } from './table.ts';

/** `flashsale tickets …`: facts about the keys that sign tickets. Only web nodes may read the keys. */

interface Options {
  readonly json?: boolean;
}

async function rotate(
  context: CommandContext,
  sale: string,
  revoke: boolean,
  { json }: Options,
): Promise<void> {
  const id = await withDatabases(context, 'ops', (databases) =>
    rotateTicketKey(databases, sale, revoke),
  );
  if (id === undefined) throw new Error(`${sale} is not open: it has no ticket key yet`);
  if (json) return console.log(JSON.stringify({ sale, id, revoked: revoke }));
  const when = revoke ? 'as soon as they know it' : 'after two seconds';
  console.log(
    `key ${id} of ${sale} is made; web nodes know it within a second and sign with it ${when}`,
  );
  if (revoke) console.log('tickets of all earlier keys are refused');
}

export const addTickets: AddCommand = (program, context) => {
  const tickets = program
    .command('tickets')
    .description('show and replace the keys that sign the tickets of a sale');

  tickets
    .command('keys <sale>')
    .description('show when each key was made, replaced and revoked')
    .option('--json', 'print the result as JSON')
    .action(async (sale: string, { json }: Options) => {
      const keys = await withDatabases(context, 'readonly', (databases) =>
        ticketKeyFacts(databases, sale),
      );
      if (json) return console.log(JSON.stringify(keys));
      console.log(keys.length === 0 ? 'none yet' : table(keys.map((key) => ({ ...key }))));
    });

  tickets
    .command('rotate <sale>')
    .description('sign with a new key; tickets of the previous key stay valid until they expire')
    .option('--json', 'print the result as JSON')
    .action((sale: string, options: Options) => rotate(context, sale, false, options));

  tickets
    .command('revoke <sale>')
    .description(
      'for a leaked key: sign with a new key and refuse the tickets of all earlier keys at once',
    )
    .option('--json', 'print the result as JSON')
    .action((sale: string, options: Options) => rotate(context, sale, true, options));
};
