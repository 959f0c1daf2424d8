import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { styleText } from 'node:util';
import { Door, type DoorAnswer } from '../door/door.ts';
import { makePack } from '../door/pack.ts';
import { parseSkus } from './arguments.ts';
import type { AddCommand, CommandContext } from './command.ts';
import { withDatabases } from './databases.ts';
import { toFile } from './sale-export.ts';
import { jsonOption } from './sale-place.ts';
import { harmless } from './table.ts';

/** `flashsale door …`: checks the codes of numbered units at the door, without a network. */

/** Exit codes of `verify`. */
const NOT_ALL_OK = 1;
const NOT_CHECKED = 2;

async function pack(
  context: CommandContext,
  sale: string,
  { out, json }: { readonly out: string; readonly json?: boolean },
): Promise<void> {
  const made = await withDatabases(context, 'ops', (databases) => makePack(databases, sale));
  await toFile(out, (write) => write(Buffer.from(`${JSON.stringify(made)}\n`)));
  const units = made.sections.flatMap((section) => section.units);
  const paid = units.filter(([, , , orderNo]) => orderNo !== null).length;
  const facts = { sale, madeAt: made.madeAt, units: units.length, paid };
  if (json) console.log(JSON.stringify(facts));
  else
    console.log(`${made.title}: ${paid} of ${units.length} units are paid, ${timeOf(made.madeAt)}`);
}

interface VerifyOptions {
  readonly sku?: string[];
  readonly json?: boolean;
}

/** Prints one line for each code. It goes on after codes that are not let in, and ends when it cannot check. */
async function verify(path: string, codes: readonly string[], options: VerifyOptions) {
  const { sku: skus, json } = options;
  try {
    const door = new Door(path, { skus, warn: (text) => console.error(`flashsale: ${text}`) });
    const lines = codes.length > 0 ? codes : scanned();
    if (codes.length === 0) greet(door);
    for await (const line of lines) {
      if (line.trim() === '') continue;
      const answer = door.check(line);
      if (answer.result !== 'ok') process.exitCode = NOT_ALL_OK;
      console.log(json ? JSON.stringify(answer) : sentenceOf(answer));
    }
    door.close();
  } catch (error) {
    console.error(`flashsale: ${error instanceof Error ? error.message : String(error)}`);
    process.exitCode = NOT_CHECKED;
  }
}

/** What a scanner types. A terminal does not show it: an answer would drown in the digits of its code. */
function scanned(): AsyncIterable<string> {
  const { stdin: input } = process;
  if (!input.isTTY) return createInterface({ input });
  const nowhere = new Writable({ write: (_text, _encoding, done) => done() });
  return createInterface({ input, output: nowhere, terminal: true, historySize: 0 });
}

/** On stderr, so that stdout has the answers alone. */
function greet(door: Door): void {
  const { title, madeAt } = door.pack;
  console.error(
    `${title}: ${door.paid} paid units, pack of ${timeOf(madeAt)}; ${door.used} used so far`,
  );
  if (door.brokenLines === 0) return;
  console.error(`${door.usesPath}: ${door.brokenLines} unfinished lines are no uses`);
}

const COLOURS = {
  ok: 'green',
  used: 'red',
  void: 'red',
  forged: 'red',
  unknown_sale: 'red',
  other_door: 'yellow',
  unreadable: 'yellow',
} as const;

function sentenceOf(answer: DoorAnswer): string {
  const word = answer.result.replace('_', ' ');
  return `${styleText(COLOURS[answer.result], word)}${detailOf(answer)}`;
}

function detailOf(answer: DoorAnswer): string {
  switch (answer.result) {
    case 'ok':
    case 'other_door':
      return ` ${unitOf(answer)}`;
    case 'used':
      return ` ${unitOf(answer)}: first at ${timeOf(answer.at)}`;
    case 'void':
      return ` order ${answer.orderNo} does not have it by the pack of ${timeOf(answer.packMadeAt)}`;
    case 'unreadable':
      return ': scan again';
    default:
      return '';
  }
}

function unitOf({ row, seat, section }: { row?: string; seat: string; section: string }): string {
  return harmless(`${row === undefined ? seat : `row ${row} seat ${seat}`} (${section})`);
}

/** By the clock of this machine, as `2026-12-01 19:31:02`. */
const timeOf = (time: string) => new Date(time).toLocaleString('sv-SE');

export const addDoor: AddCommand = (program, context) => {
  const door = program
    .command('door')
    .description(
      'check the codes of seats and other numbered units at the door, without a network',
    );

  door
    .command('pack')
    .description('write what a door needs: the public key, the units, and the paid order of each')
    .argument('<sale>')
    .requiredOption('--out <file>', 'the file to write, such as door.json')
    .addOption(jsonOption())
    .action((sale: string, options: { out: string; json?: boolean }) =>
      pack(context, sale, options),
    );

  door
    .command('verify')
    .description(
      'check codes from a scanner (one a line) or as arguments; exit code 1: not all are ok, 2: it cannot check',
    )
    .argument('<pack>', 'the file that flashsale door pack has written')
    .argument('[codes...]')
    .option('--sku <skus>', 'let in these sections alone: Stalls,Circle', parseSkus)
    .addOption(jsonOption())
    .action(verify);
};
