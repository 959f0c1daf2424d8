import { InvalidArgumentError } from 'commander';
import { isZone } from '../../contracts/goods.ts';
import { CHECKS } from '../doctor/list.ts';
import { diagnose, exitCodeOf } from '../doctor/run.ts';
import { diagnosisText } from '../doctor/text.ts';
import type { AddCommand } from './command.ts';
import { parseSeconds } from './edit.ts';

/** `flashsale doctor`: go or no-go, on the morning of the sale. */

/** The whole answer takes no more than some seconds. */
const SOURCE_SECONDS = 3;

interface Options {
  readonly without: readonly string[];
  readonly demo?: boolean;
  readonly zone?: string;
  readonly opens?: string;
  readonly backupInfo: readonly string[];
  readonly timeout: number;
  readonly json?: boolean;
}

const names = CHECKS.map(({ name }) => name);

function parseWithout(value: string, before: readonly string[]): string[] {
  const given = value.split(',');
  const wrong = given.filter((name) => !names.includes(name));
  if (wrong.length > 0) throw new InvalidArgumentError(`It is some of ${names.join(',')}.`);
  return [...before, ...given];
}

function parseZone(value: string): string {
  if (!isZone(value)) throw new InvalidArgumentError('It is a time zone such as Europe/Berlin.');
  return value;
}

function parseLocal(value: string): string {
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d$/.test(value)) {
    throw new InvalidArgumentError('It is a local time such as 2026-11-29T12:00.');
  }
  return value;
}

function helpOfChecks(): string {
  const width = Math.max(...names.map((name) => name.length));
  return CHECKS.map(({ name, about }) => `  ${name.padEnd(width)}  ${about}`).join('\n');
}

export const addDoctor: AddCommand = (program, { environment }) => {
  program
    .command('doctor')
    .description(
      'say go or no-go on the morning of a sale, with a reason and a command for each check',
    )
    .argument('[sale]', 'the only sale to look at; all that are not over, without it')
    .option(
      '--without <checks>',
      'checks that may be not known, such as backup,alerts',
      parseWithout,
      [],
    )
    .option('--zone <zone>', "the merchant's time zone; by default SHOP_TIME_ZONE", parseZone)
    .option('--opens <time>', 'when the sale was announced to open, in that zone', parseLocal)
    .option(
      '--backup-info <file>',
      'what pgbackrest --output=json info printed; once for each server',
      (value: string, before: readonly string[]) => [...before, value],
      [],
    )
    .option('--demo', 'a demo is expected: no money, no TLS, published secrets')
    .option('--timeout <seconds>', 'how long each source may take', parseSeconds, SOURCE_SECONDS)
    .option('--json', 'print the result as one JSON object')
    .addHelpText(
      'after',
      `\nChecks:\n${helpOfChecks()}\n\nExit status: 0 go, 1 a check says no, 2 something is not known`,
    )
    .action(async (sale: string | undefined, options: Options) => {
      const { demo = false, zone = environment['SHOP_TIME_ZONE'], opens, backupInfo } = options;
      const timeoutMs = options.timeout * 1_000;
      const asked = { sale, isDemo: demo, zone, opensAtLocal: opens, backupInfo, timeoutMs };
      const { without } = options;
      const diagnosis = await diagnose(CHECKS, environment, asked, without);
      process.exitCode = exitCodeOf(diagnosis);
      if (options.json) console.log(JSON.stringify(diagnosis));
      else console.log(diagnosisText(diagnosis, process.stdout.isTTY === true));
    });
};
