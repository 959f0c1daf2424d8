import { InvalidArgumentError } from 'commander';
import { listEntries } from '../../zk/tree/list-text.ts';
import { LIST_NAMES, type ListName } from '../../zk/tree/lists.ts';
import { Operator } from '../quota/operator.ts';
import type { AddCommand } from './command.ts';
import { type EditOptions, edit, parseSeconds } from './edit.ts';
import { table } from './table.ts';
import { who } from './who.ts';
import { withZookeeper } from './zookeeper.ts';

/** `flashsale lists …`: shows and changes the lists of blocked and allowed shoppers. */

function parseList(value: string): ListName {
  const list = LIST_NAMES.find((name) => name === value);
  if (list === undefined) throw new InvalidArgumentError(`It is one of ${LIST_NAMES.join(', ')}.`);
  return list;
}

export const addLists: AddCommand = (program, context) => {
  const lists = program
    .command('lists')
    .description('show and change the lists of blocked and allowed shoppers');

  lists
    .command('show')
    .description('show the entries in force, and why an edit has no effect')
    .argument('[list]', LIST_NAMES.join(', '), parseList)
    .option('--json', 'print the result as JSON')
    .action(async (only: ListName | undefined, { json }: EditOptions) => {
      const found = await withZookeeper(context, async (session, paths) => {
        const operator = new Operator(session, paths, who());
        const names = only === undefined ? LIST_NAMES : [only];
        return Promise.all(
          names.map(async (list) => {
            const { text, refusal } = await operator.list(list);
            return {
              list,
              entries: listEntries(text),
              ...(refusal !== undefined && { refused: refusal }),
            };
          }),
        );
      });
      if (json) return console.log(JSON.stringify(found));
      const rows = found.flatMap(({ list, entries }) => entries.map((entry) => ({ list, entry })));
      console.log(rows.length === 0 ? 'all lists are empty' : table(rows));
      for (const { list, refused } of found)
        if (refused) console.log(`\nnote: ${list}: ${refused}`);
    });

  for (const [name, description] of [
    ['add', 'put entries on a list'],
    ['remove', 'remove entries from a list'],
  ] as const) {
    lists
      .command(name)
      .description(description)
      .argument('<list>', LIST_NAMES.join(', '), parseList)
      .argument('<entry...>', 'user ids; addresses and ranges; pieces of a User-Agent')
      .option('--json', 'print the edit as JSON')
      .option('--wait <seconds>', 'how long to wait for all web nodes to apply it', parseSeconds)
      .action((list: ListName, entries: string[], options: EditOptions) =>
        edit(context, options, (operator) =>
          name === 'add' ? operator.addTo(list, entries) : operator.removeFrom(list, entries),
        ),
      );
  }
};
