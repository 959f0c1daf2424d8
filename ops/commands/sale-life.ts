import { type Command, InvalidArgumentError } from 'commander';
import type { Actor } from '../../db/actions.ts';
import { changeClaimWindow } from '../sale/claim-window.ts';
import {
  type Changed,
  closeSale,
  extendSale,
  openSale,
  pauseSale,
  removeSaleAtOnce,
  restockSku,
} from '../sale/life.ts';
import type { SalePlace } from '../sale/place.ts';
import { UNTIL_FORM, untilOf } from '../sale/times.ts';
import { parseReason } from './arguments.ts';
import type { CommandContext } from './command.ts';
import { withDatabases } from './databases.ts';
import {
  actorOf,
  jsonOption,
  reasonOption,
  type SaleOptions,
  tellWhenKnown,
  waitOption,
  withSalePlace,
} from './sale-place.ts';
import { who } from './who.ts';

/** `flashsale sale open | pause | close | extend | restock | remove | claim-window`. */

interface ClaimWindowOptions {
  readonly json?: boolean;
  readonly reason: string;
}

function parseUnits(value: string): number {
  if (!/^[1-9]\d{0,8}$/.test(value)) throw new InvalidArgumentError('It is a number such as 500.');
  return Number(value);
}

type Until = (present: Date) => Date;

function parseUntil(value: string): Until {
  const until = untilOf(value);
  if (until === undefined) throw new InvalidArgumentError(`It is ${UNTIL_FORM}.`);
  return until;
}

export function addSaleLife(sale: Command, context: CommandContext): void {
  const command = (name: string, description: string) =>
    sale
      .command(name)
      .description(description)
      .addOption(jsonOption())
      .addOption(reasonOption())
      .addOption(waitOption());
  const change = (
    name: string,
    options: SaleOptions,
    work: (place: SalePlace, actor: Actor) => Promise<Changed & { readonly sale?: string }>,
  ) =>
    withSalePlace(context, 'ops', async (place) => {
      const done = await work(place, actorOf(options));
      const nothing = done.done.length === 0 ? ['nothing had to be changed'] : done.done;
      await tellWhenKnown(place, done.sale ?? name, { ...done, done: nothing }, options);
    });

  for (const [name, description, work] of [
    ['open', 'open a sale now: before its time, or after a pause', openSale],
    ['pause', 'admit nothing for now; admitted requests are still decided', pauseSale],
    ['close', 'end a sale now, for good', closeSale],
    ['remove', 'remove a sale that nobody bought from', removeSaleAtOnce],
  ] as const) {
    command(name, description)
      .argument('<sale>')
      .action((of: string, options: SaleOptions) =>
        change(of, options, (place, actor) => work(place, of, actor)),
      );
  }
  command('extend', 'let a sale close later')
    .argument('<sale>')
    .argument('<until>', 'a time with its zone, or +30m (s, m, h, d)', parseUntil)
    .action((of: string, until: Until, options: SaleOptions) =>
      change(of, options, (place, actor) => extendSale(place, of, until, actor)),
    );
  sale
    .command('claim-window')
    .description('set how long shoppers of the waitlist have to pay for a unit that comes back')
    .argument('<sale>')
    .argument('<time>', 'such as 2h (s, m, h, d), or "default"')
    .requiredOption('--reason <text>', 'why, for the record of what people did', parseReason)
    .addOption(jsonOption())
    .action(async (of: string, time: string, { json, reason }: ClaimWindowOptions) => {
      const window = time === 'default' ? null : time;
      const actor = { by: who(), reason };
      await withDatabases(context, 'ops', (databases) =>
        changeClaimWindow(databases, of, window, actor),
      );
      if (json) console.log(JSON.stringify({ sale: of, claimWindow: window }));
      else console.log(`${of}: shoppers of the waitlist have ${window ?? 'the usual time'} to pay`);
    });
  command('restock', 'add units to a SKU, and raise its quota by as many')
    .argument('<sku>')
    .argument('<units>', 'how many more', parseUnits)
    .action((sku: string, units: number, options: SaleOptions) =>
      change(sku, options, (place, actor) => restockSku(place, sku, units, actor)),
    );
}
