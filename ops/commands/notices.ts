import { forgetNoticeContacts, noticeLags, orderNotices, resendNotice } from '../../db/calls.ts';
import { parseReason } from './arguments.ts';
import type { AddCommand } from './command.ts';
import { withDatabases } from './databases.ts';
import { parseOrderNo } from './orders.ts';
import { table } from './table.ts';
import { who } from './who.ts';

/** `flashsale notices …`: what shoppers are told by e-mail and Web Push. No command shows an address. */

interface Options {
  readonly json?: boolean;
  readonly reason?: string;
}

function print(rows: readonly object[], { json }: Options): void {
  const text = rows.length === 0 ? 'none' : table(rows.map((row) => ({ ...row })));
  console.log(json ? JSON.stringify(rows) : text);
}

export const addNotices: AddCommand = (program, context) => {
  const notices = program
    .command('notices')
    .description('show and repeat what shoppers are told by e-mail and Web Push');

  notices
    .command('lag')
    .description('show how many notices wait to be sent')
    .option('--json', 'print the result as JSON')
    .action(async (options: Options) => {
      print(await withDatabases(context, 'ops', noticeLags), options);
    });

  notices
    .command('show')
    .description('show what the shopper was told of an order')
    .argument('<order>', 'the order number', parseOrderNo)
    .option('--json', 'print the result as JSON')
    .action(async (order: string, options: Options) => {
      print(
        await withDatabases(context, 'ops', (databases) => orderNotices(databases, order)),
        options,
      );
    });

  notices
    .command('resend')
    .description('send a notice again, as a message of its own')
    .argument('<notice>', 'from notices show', parseOrderNo)
    .requiredOption(
      '--reason <why>',
      'why it is sent again; it is recorded with your name',
      parseReason,
    )
    .option('--json', 'print the result as JSON')
    .action(async (notice: string, { reason = '', ...options }: Options) => {
      const sent = await withDatabases(context, 'ops', (databases) =>
        resendNotice(databases, notice, { by: who(), reason }),
      );
      if (!sent) throw new Error(`there is no notice ${notice} that can be sent`);
      print([{ notice, state: 'due' }], options);
    });

  notices
    .command('forget <user>')
    .description('erase the addresses of a user, of every sale, and what was to be told')
    .option('--json', 'print the result as JSON')
    .action(async (user: string, options: Options) => {
      const removed = await withDatabases(context, 'ops', (databases) =>
        forgetNoticeContacts(databases, { userId: user }),
      );
      print([{ user, removed }], options);
    });
};
