import type { Command } from 'commander';
import { stockFigures, strandedRows } from '../../db/stranded.ts';
import { Operator } from '../quota/operator.ts';
import { Reader } from '../quota/overview.ts';
import { tellMissing } from './arguments.ts';
import { deadLetterCount } from './broker.ts';
import type { AddCommand, CommandContext } from './command.ts';
import { withDatabases } from './databases.ts';
import { bigints, edit, type EditOptions as Options, parseSeconds, shown } from './edit.ts';
import { table } from './table.ts';
import { who } from './who.ts';
import { withZookeeper } from './zookeeper.ts';

/** `flashsale quota …`: shows and edits the quota tree. Each edit can be made in zkCli.sh as well. */

function addEdits(quota: Command, context: CommandContext): void {
  const command = (name: string, description: string) =>
    quota
      .command(name)
      .description(description)
      .option('--json', 'print the edit as JSON')
      .option('--wait <seconds>', 'how long to wait for all web nodes to apply it', parseSeconds);

  command('set', 'set the units that all web nodes together may admit')
    .argument('<sku>')
    .argument('<units>')
    .action((sku: string, units: string, options: Options) =>
      edit(context, options, (operator) => operator.quota(sku, units)),
    );
  command('pin', 'fix the grant of one web node')
    .argument('<sku>')
    .argument('<node>')
    .argument('<units>')
    .action((sku: string, node: string, units: string, options: Options) =>
      edit(context, options, (operator) => operator.pin(sku, node, units)),
    );
  command('unpin', 'let the keeper decide about a web node again')
    .argument('<sku>')
    .argument('<node>')
    .action((sku: string, node: string, options: Options) =>
      edit(context, options, (operator) => operator.pin(sku, node, null)),
    );
  for (const [name, state, description] of [
    ['pause', 'paused', 'admit nothing for now'],
    ['resume', 'open', 'admit requests again'],
    ['stop', 'closed', 'end the sale of a SKU'],
  ] as const) {
    command(name, description)
      .argument('<sku>')
      .action((sku: string, options: Options) =>
        edit(context, options, (operator) => operator.state(sku, state)),
      );
  }
  command('keep', 'keep a share of the purchase requests, for all SKUs or for one')
    .argument('<share>', '0 to 1, "auto", or "default" for a SKU without its own')
    .argument('[sku]')
    .action((share: string, sku: string | undefined, options: Options) =>
      edit(context, options, (operator) => operator.keep(sku, share === 'default' ? null : share)),
    );
  command('challenge', 'require a proof of work before a ticket, for all SKUs or for one')
    .argument('<when>', 'off, risk, on; with a factor of the usual work: "on 4"; or "default"')
    .argument('[sku]')
    .action((when: string, sku: string | undefined, options: Options) =>
      edit(context, options, (operator) =>
        operator.challenge(sku, when === 'default' ? null : when),
      ),
    );
  command(
    'waitlist',
    'turn the waitlist of a SKU on or off; off: units that come back are for everybody',
  )
    .argument('<on|off>')
    .argument('<sku>')
    .action((state: string, sku: string, options: Options) =>
      edit(context, options, (operator) => operator.waitlist(sku, state)),
    );
  command('undo', 'undo the last edit').action((options: Options) =>
    edit(context, options, (operator) => operator.undo()),
  );
}

export const addQuota: AddCommand = (program, context) => {
  const quota = program.command('quota').description('show and set how many units may be admitted');

  quota
    .command('show')
    .description('show every SKU and the units of each web node')
    .argument('[sku]')
    .option('--json', 'print the result as JSON')
    .action(async (sku: string | undefined, { json }: Options) => {
      const all = await withZookeeper(context, (session, paths) =>
        new Reader(session, paths).overview(sku),
      );
      if (json) return console.log(JSON.stringify(all));
      if (all.skus.length === 0) throw new Error(sku ? `there is no SKU ${sku}` : 'no SKU is sold');
      const skus = all.skus.map(({ sku, quota, state, keep, share, isAutomatic, ...row }) => ({
        ...{ sku, quota, state, keep },
        share: isAutomatic ? `${share} (auto)` : share,
        ...row,
      }));
      console.log(table(skus));
      if (all.nodes.length > 0) {
        const rows = all.nodes.map(({ isAlive, ...row }) => ({
          ...row,
          applied: isAlive ? (row.applied ? 'yes' : 'not yet') : 'ended, is being settled',
        }));
        console.log(`\n${table(rows)}`);
      } else console.log('\nno web node is registered');
      for (const { path, reason } of all.errors) console.log(`\nnote: ${path}: ${reason}`);
    });

  quota
    .command('history')
    .description('list all edits and who made them, newest last')
    .option('--json', 'print the result as JSON')
    .action(async ({ json }: Options) => {
      const entries = await withZookeeper(context, (session, paths) =>
        new Operator(session, paths, who()).history(),
      );
      if (json) return console.log(JSON.stringify(entries, bigints));
      if (entries.length === 0) return console.log('no edit yet');
      console.log(
        table(
          entries.map(({ at, who, path, from, to }) => ({
            at,
            who,
            path,
            from: shown(from),
            to: shown(to),
          })),
        ),
      );
    });

  quota
    .command('stranded')
    .description('show the units that are not sold, by cause, and how to free them')
    .option('--json', 'print the result as JSON')
    .action(async ({ json }: Options) => {
      const held = await withZookeeper(context, (session, paths) =>
        new Reader(session, paths).held(),
      );
      const { rows: stock, missing } = await withDatabases(context, 'ops', stockFigures);
      const rows = strandedRows(held, stock, await deadLetterCount(context));
      const where = missing.length > 0 ? ' in the books that answer' : '';
      if (json) console.log(JSON.stringify(rows));
      else
        console.log(
          rows.length === 0
            ? `no units are held back${where}`
            : table(rows.map((row) => ({ ...row }))),
        );
      tellMissing(missing);
    });

  addEdits(quota, context);
};
