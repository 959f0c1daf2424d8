import { writeFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import { InvalidArgumentError, Option } from 'commander';
import { Type } from '../../contracts/schema-types.ts';
import { COSTS, readCosts, readJson } from '../capacity/costs.ts';
import { type Launch, moneyOf, needsOf, type Prices, shownAmount } from '../capacity/model.ts';
import { capacityPage } from '../capacity/page.ts';
import { durationMs } from '../sale/times.ts';
import type { AddCommand } from './command.ts';
import { table } from './table.ts';

/** `flashsale capacity`: what a launch needs, from measured costs. */

interface Options {
  readonly visitors: number;
  readonly within: number;
  readonly presses: number;
  readonly units: number;
  readonly waiting?: number;
  readonly decidedWithin: number;
  readonly openedWithin: number;
  readonly costs?: string;
  readonly prices?: string;
  readonly html?: string;
  readonly json?: boolean;
}

/** 1e6 is a million. */
function number(value: string): number {
  const read = Number(value);
  if (!/^[\d.]+(e\d+)?$/i.test(value) || !(read > 0) || read > 1e12) {
    throw new InvalidArgumentError('It is a number above 0, such as 3000 or 1e6.');
  }
  return read;
}

function count(value: string): number {
  const read = number(value);
  if (!Number.isInteger(read)) throw new InvalidArgumentError('It is a whole number.');
  return read;
}

function seconds(value: string): number {
  const milliseconds = durationMs(value);
  if (milliseconds === undefined || milliseconds <= 0) {
    throw new InvalidArgumentError('It is a time, such as 60s or 10m.');
  }
  return milliseconds / 1_000;
}

const time = (flags: string, description: string, usual: string) =>
  new Option(flags, description).argParser(seconds).default(seconds(usual), usual);

const Amount = Type.Number({ minimum: 0 });
const isPrices = new Ajv().compile(
  Type.Object(
    {
      currency: Type.String({ minLength: 3, maxLength: 3 }),
      ...{ coreHour: Amount, memoryGbHour: Amount, diskGbMonth: Amount, trafficGb: Amount },
      hours: Type.Number({ exclusiveMinimum: 0 }),
    },
    { additionalProperties: false },
  ),
);

/** @throws {Error} the file cannot be read, or is none */
function readPrices(file: string): Prices {
  const value = readJson(file);
  if (isPrices(value)) return value as Prices;
  const [error] = isPrices.errors ?? [];
  throw new Error(
    `${file}: ${error?.instancePath || 'it'} ${error?.message}; expected currency, coreHour, memoryGbHour, diskGbMonth, trafficGb and hours`,
  );
}

export const addCapacity: AddCommand = (program) => {
  program
    .command('capacity')
    .description('what a launch needs, from the costs that the benchmarks measured')
    .requiredOption('--visitors <n>', 'people who have the page open, such as 1e6', count)
    .requiredOption('--units <n>', 'units to sell', count)
    .addOption(time('--within <time>', 'time within which all of them press', '60s'))
    .option('--presses <n>', 'presses of one visitor', number, 1.05)
    .option(
      '--waiting <n>',
      'shoppers who wait for an outcome at once (by default one for each unit)',
      count,
    )
    .addOption(time('--decided-within <time>', 'time until each unit has its order', '30s'))
    .addOption(time('--opened-within <time>', 'time within which the pages are opened', '1h'))
    .option('--costs <file>', 'costs of another machine (bench -- capacity --write)')
    .option(
      '--prices <file>',
      'JSON: currency, coreHour, memoryGbHour, diskGbMonth, trafficGb, hours',
    )
    .option('--html <file>', 'write a page that works it out anew as its fields change')
    .option('--json', 'print JSON')
    .action((options: Options) => {
      const measured = readCosts(options.costs);
      const launch: Launch = {
        visitors: options.visitors,
        withinSeconds: options.within,
        pressesEach: options.presses,
        units: options.units,
        waiting: options.waiting ?? Math.min(options.units, options.visitors),
        decidedWithinSeconds: options.decidedWithin,
        openedWithinSeconds: options.openedWithin,
      };
      if (launch.waiting > launch.visitors) {
        throw new Error(
          `of ${launch.visitors} visitors no ${launch.waiting} can wait: give a smaller --waiting`,
        );
      }
      const needs = needsOf(launch, measured.costs);
      const prices = options.prices === undefined ? undefined : readPrices(options.prices);
      const money = prices && moneyOf(launch, measured.costs, prices);
      if (options.html !== undefined) {
        writeFileSync(options.html, capacityPage(launch, measured, prices));
      }
      if (options.json) {
        const { machine, measuredOn, costs } = measured;
        const cost = prices && { amount: money, currency: prices.currency, hours: prices.hours };
        console.log(JSON.stringify({ launch, needs, cost, machine, measuredOn, costs }));
        return;
      }
      const rows = needs.map(({ part, need, amount, unit, because, from }) => ({
        ...{ part, needs: need, amount: `${shownAmount(amount)} ${unit}`.trim(), because },
        costs: from.map((name) => `${name} ${measured.costs[name]}`).join(', '),
      }));
      console.log(table(rows));
      if (prices)
        console.log(
          `${money?.toFixed(2)} ${prices.currency} for ${prices.hours} h, without the edge`,
        );
      const { machine, measuredOn } = measured;
      console.log(
        `The costs were measured on ${measuredOn} on ${machine.cores} cores (${machine.cpu}). ${Object.keys(COSTS).length} of them are in ` +
          'ops/capacity/costs.json; npm run bench -- capacity --write measures those of this machine.',
      );
    });
};
