import { readFileSync } from 'node:fs';
import { imageOrigins } from '../../contracts/image-origins.ts';
import { type BoardSale, type BoardSku, saleBoard } from '../../db/calls.ts';
import { applySale, planOf, SaleRefused } from '../sale/apply.ts';
import type { DesiredSale } from '../sale/desired.ts';
import { parseSaleFile } from '../sale/file.ts';
import type { Plan, Step } from '../sale/plan/parts.ts';
import { stepText } from '../sale/plan/step-text.ts';
import { readPresent } from '../sale/present.ts';
import { fileOfPresent, saleFileText } from '../sale/present-file.ts';
import { schemaText } from '../sale/schema.ts';
import { tellMissing } from './arguments.ts';
import type { AddCommand, CommandContext } from './command.ts';
import { withDatabases } from './databases.ts';
import { shown } from './edit.ts';
import { addCallOff } from './sale-call-off.ts';
import { addExport } from './sale-export.ts';
import { addSaleLife } from './sale-life.ts';
import { addNewSale } from './sale-new.ts';
import {
  actorOf,
  jsonOption,
  reasonOption,
  type SaleOptions,
  tellWhenKnown,
  waitOption,
  withSalePlace,
} from './sale-place.ts';
import { addPot } from './sale-pot.ts';
import { addReport } from './sale-report.ts';
import { table } from './table.ts';

/** `flashsale sale …`: sale files, and the sales that the shop has. */

function readSaleFile({ environment }: CommandContext, file: string): DesiredSale {
  return parseSaleFile(readFileSync(file, 'utf8'), file, imageOrigins(environment));
}

/** A plan as lines of text: `+` is new, `~` changes, `!` is refused. */
function planLines({ sale, changes, refused, notes }: Plan): string[] {
  const value = (text: string | null) => shown(text ?? null);
  const lines = changes.map(({ target, field, from, to }) =>
    from === null
      ? `+ ${target} ${field}: ${value(to)}`
      : `~ ${target} ${field}: ${value(from)} → ${value(to)}`,
  );
  const no = refused.map(
    ({ target, field, from, to, reason }) =>
      `! ${target} ${field}: ${value(from)} → ${value(to)}: refused, ${reason}`,
  );
  const end =
    refused.length > 0
      ? [`apply would change nothing, because ${refused.length} of these are refused`]
      : changes.length === 0
        ? [`${sale} is as the file says`]
        : [];
  return [...lines, ...no, ...notes.map((note) => `note: ${note}`), ...end];
}

async function plan(context: CommandContext, file: string, { json }: SaleOptions): Promise<void> {
  const desired = readSaleFile(context, file);
  const found = await withSalePlace(context, 'ops', (place) => planOf(place, desired));
  if (found.refused.length > 0) process.exitCode = 1;
  const { steps: _, ...rest } = found;
  if (json) return console.log(JSON.stringify(rest));
  for (const line of planLines(found)) console.log(line);
  if (found.changes.length > 0 && found.refused.length === 0) {
    console.log(`nothing is changed yet: flashsale sale apply ${file} makes it so`);
  }
}

async function apply(context: CommandContext, file: string, options: SaleOptions): Promise<void> {
  const desired = readSaleFile(context, file);
  await withSalePlace(context, 'ops', async (place) => {
    const done: string[] = [];
    const onStep = (step: Step) => done.push(stepText(step));
    const applied = await applySale(place, desired, { actor: actorOf(options), onStep }).catch(
      (error) => {
        if (!(error instanceof SaleRefused)) throw error;
        throw new Error(`nothing was changed\n${planLines(error.plan).join('\n')}`);
      },
    );
    if (!options.json) for (const line of planLines(applied.plan)) console.log(line);
    const told = options.json ? done : [];
    await tellWhenKnown(place, desired.sale, { done: told, edits: applied.edits }, options);
  });
}

function stateOf({ opensAt, closesAt, isCalledOff }: BoardSale, now: Date): string {
  if (isCalledOff) return 'called off';
  if (closesAt <= now) return 'closed';
  return opensAt <= now ? 'open' : 'scheduled';
}

async function list(context: CommandContext, { json }: SaleOptions): Promise<void> {
  const board = await withDatabases(context, 'readonly', saleBoard);
  const rows = board.sales.map((sale) => ({
    sale: sale.sale,
    title: sale.title,
    state: stateOf(sale, board.serverTime),
    opens: sale.opensAt,
    closes: sale.closesAt,
    skus: sale.skus.length,
    units: sumOf(sale.skus, ({ unitsTotal }) => unitsTotal),
    free: sumOf(sale.skus, ({ free }) => free),
  }));
  if (json) console.log(JSON.stringify(rows));
  else console.log(rows.length === 0 ? 'there are no sales' : table(rows));
  tellMissing(board.missing);
}

/** Without daily goods, whose stock does not end. Null while the home of a SKU is away. */
function sumOf(skus: readonly BoardSku[], of: (sku: BoardSku) => number): number | null {
  const counted = skus.filter(({ zone }) => zone === null);
  if (counted.some(({ isKnown }) => !isKnown)) return null;
  return counted.reduce((sum, sku) => sum + of(sku), 0);
}

interface ShowOptions extends SaleOptions {
  readonly yaml?: boolean;
}

async function show(context: CommandContext, name: string, options: ShowOptions): Promise<void> {
  const { json, yaml } = options;
  await withSalePlace(context, 'ops', async (place) => {
    if (yaml) {
      const file = fileOfPresent(name, await readPresent(place, name, []));
      if (file === undefined) throw new Error(`there is no sale ${name}: flashsale sale list`);
      process.stdout.write(saleFileText(file));
      return;
    }
    const { sales, serverTime, missing } = await saleBoard(place.databases);
    const sale = sales.find((one) => one.sale === name);
    if (sale === undefined) throw new Error(`there is no sale ${name}: flashsale sale list`);
    const { switches } = await readPresent(place, name, []);
    const { skus, ticketEpoch: _epoch, createdAt: _created, ...facts } = sale;
    const rows = skus.map(({ sku, schema, price, currency, userLimit, zone, ...stock }) => ({
      ...{ sku, home: schema, price: `${price} ${currency}`, limit: userLimit },
      // The stock of daily goods does not end, and that of a home that is away is not known.
      units: zone === null && stock.isKnown ? stock.unitsTotal : null,
      free: zone === null && stock.isKnown ? stock.free : null,
      ...{ quota: null, state: null, keep: null, shed: null },
      ...switches.get(sku),
    }));
    const state = stateOf(sale, serverTime);
    if (json) console.log(JSON.stringify({ ...facts, state, skus: rows }));
    else {
      console.log(`${name}: ${sale.title}`);
      console.log(`${state}; opens ${sale.opensAt.toISOString()}`);
      console.log(`closes ${sale.closesAt.toISOString()}; pay within ${sale.payWindowSeconds} s\n`);
      console.log(rows.length === 0 ? 'it has no SKUs' : table(rows));
    }
    tellMissing(missing);
  });
}

export const addSale: AddCommand = (program, context) => {
  const sale = program.command('sale').description('put on, change and watch sales');

  addNewSale(sale);
  sale
    .command('plan')
    .description('show what a sale file would change, and what is refused; changes nothing')
    .argument('<file>')
    .addOption(jsonOption())
    .action((file: string, options: SaleOptions) => plan(context, file, options));
  sale
    .command('apply')
    .description('make the sale what the file says; can be called again at any time')
    .argument('<file>')
    .addOption(jsonOption())
    .addOption(reasonOption())
    .addOption(waitOption())
    .action((file: string, options: SaleOptions) => apply(context, file, options));
  sale
    .command('schema')
    .description('print the JSON Schema of sale files')
    .option('--json', 'the same: the schema is JSON')
    .action(() => {
      process.stdout.write(schemaText());
    });
  sale
    .command('list')
    .description('list all sales')
    .addOption(jsonOption())
    .action((options: SaleOptions) => list(context, options));
  sale
    .command('show')
    .description('show one sale with its SKUs')
    .argument('<sale>')
    .addOption(jsonOption())
    .option('--yaml', 'print it as a sale file, without what operators have set')
    .action((name: string, options: ShowOptions) => show(context, name, options));
  addSaleLife(sale, context);
  addCallOff(sale, context);
  addExport(sale, context);
  addPot(sale, context);
  addReport(sale, context);
};
