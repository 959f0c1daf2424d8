import { type Command, InvalidArgumentError } from 'commander';
import { type DeadLetter, withDeadLetters } from '../../broker/dead-letters.ts';
import { Publisher } from '../../broker/publisher.ts';
import { decodeCursor, encodeCursor, type Position } from '../../contracts/cursor.ts';
import { handledDeadLetters } from '../../db/calls.ts';
import { type LetterContext, refuse, replay } from '../dead-letters.ts';
import { tellMissing } from './arguments.ts';
import { withBroker } from './broker.ts';
import type { AddCommand, CommandContext } from './command.ts';
import { withDatabases } from './databases.ts';
import { table } from './table.ts';
import { who } from './who.ts';

/** `flashsale dead-letters …`: lists, replays and refuses messages that no worker could decide. */

const REFUSED_BY_OPERATOR = 'refused_by_operator';
/** Rows of one page. */
const HANDLED_MAX = 100;
/** Name in the cursors, so that a cursor of another listing is refused. */
const HANDLED = 'handled dead letters';

interface Options {
  readonly json?: boolean;
  readonly all?: boolean;
  readonly reason?: string;
  readonly cursor?: Position;
}

function parseCursor(value: string): Position {
  const position = decodeCursor(HANDLED, value);
  if (position === undefined)
    throw new InvalidArgumentError('It is the cursor that the previous page printed.');
  return position;
}

/** The reason is one word like all other reasons, because shoppers' programs compare it. */
function parseReason(value: string): string {
  if (!/^[a-z][a-z0-9_]{0,59}$/.test(value)) {
    throw new InvalidArgumentError('It is one word such as price_was_wrong.');
  }
  return value;
}

function facts(letter: DeadLetter) {
  const { id, at, queue, cause, error, sqlstate, envelope } = letter;
  return {
    id,
    at: at?.toISOString() ?? null,
    queue,
    cause,
    sqlstate: sqlstate ?? null,
    error: error ?? null,
    sku: envelope.sku ?? null,
    requests: envelope.requests.length,
  };
}

function details(letter: DeadLetter) {
  const { schema, replyTo, headers, content, envelope } = letter;
  return {
    ...facts(letter),
    requests: envelope.requests,
    node: envelope.node ?? null,
    schema,
    replyTo: replyTo ?? null,
    headers,
    bytes: content.length,
    content: content.toString('utf8'),
  };
}

/** @throws {Error} when no letter has that id */
function chosen(letters: readonly DeadLetter[], id: string | undefined): readonly DeadLetter[] {
  if (id === undefined) return letters;
  const found = letters.filter((letter) => letter.id === id);
  if (found.length === 0) throw new Error(`there is no dead letter ${id}`);
  return found;
}

/** Handles one letter after the other. Letters before a failed one stay handled and are printed. */
async function handle<T extends object>(
  context: CommandContext,
  id: string | undefined,
  { all, json }: Options,
  each: (letter: DeadLetter, context: LetterContext) => Promise<T>,
  say: (done: T) => string,
): Promise<void> {
  if ((id === undefined) === (all !== true)) throw new Error('say which: an id, or --all');
  const done: T[] = [];
  let isLooked = false;
  try {
    await withDatabases(context, 'ops', (databases) =>
      withBroker(context, (broker) =>
        withDeadLetters(broker, async (letters) => {
          const publisher = await Publisher.open(broker);
          try {
            for (const letter of chosen(letters, id)) {
              done.push(await each(letter, { databases, publisher, who: who() }));
            }
            isLooked = true;
          } finally {
            await publisher.close();
          }
        }),
      ),
    );
  } finally {
    // Not after an error alone: nobody has looked whether there are any.
    const isTold = isLooked || done.length > 0;
    if (isTold && json) console.log(JSON.stringify(done));
    else if (isTold) console.log(done.length === 0 ? 'no dead letters' : done.map(say).join('\n'));
  }
}

function list(context: CommandContext, { json }: Options): Promise<void> {
  return withBroker(context, (broker) =>
    withDeadLetters(broker, async (letters) => {
      const rows = letters.map(facts);
      const causes = Object.entries(Object.groupBy(rows, ({ cause }) => cause)).map(
        ([cause, group]) => ({ cause, letters: group?.length ?? 0 }),
      );
      if (json) return console.log(JSON.stringify({ letters: rows, causes }));
      if (rows.length === 0) return console.log('no dead letters');
      console.log(`${table(rows)}\n\n${table(causes)}`);
    }),
  );
}

function addHandling(letters: Command, context: CommandContext): void {
  const command = (name: string, description: string) =>
    letters
      .command(name)
      .description(description)
      .argument('[id]', 'from dead-letters list')
      .option('--all', 'all letters that are there now')
      .option('--json', 'print the result as JSON');

  command('replay', 'send a letter to the orders queue of the present home of its SKU').action(
    (id: string | undefined, options: Options) =>
      handle(context, id, options, replay, ({ id: letter, queue, requests }) =>
        queue === undefined
          ? `${letter}: all its requests had been decided`
          : `${letter}: ${requests} requests back in ${queue}`,
      ),
  );
  command('refuse', 'reject the requests of a letter; their units can be sold again')
    .option('--reason <word>', 'reason that shoppers see', parseReason, REFUSED_BY_OPERATOR)
    .action((id: string | undefined, options: Options) =>
      handle(
        context,
        id,
        options,
        (letter, context) => refuse(letter, context, options.reason ?? REFUSED_BY_OPERATOR),
        ({ id: letter, refused, kept }) =>
          `${letter}: ${refused} requests refused, ${kept} had another outcome before`,
      ),
    );
}

export const addDeadLetters: AddCommand = (program, context) => {
  const letters = program
    .command('dead-letters')
    .description('list, replay and refuse messages that no worker could decide');

  letters
    .command('list')
    .description('list the letters and their reasons; changes nothing')
    .option('--json', 'print it as JSON')
    .action((options: Options) => list(context, options));
  letters
    .command('show')
    .description('show one letter with its headers and its content')
    .argument('<id>')
    .option('--json', 'print it as JSON')
    .action((id: string, { json }: Options) =>
      withBroker(context, (broker) =>
        withDeadLetters(broker, async (all) => {
          const shown = chosen(all, id).map(details);
          console.log(JSON.stringify(shown.length === 1 ? shown[0] : shown, null, json ? 0 : 2));
        }),
      ),
    );
  letters
    .command('handled')
    .description('list the replayed and refused letters, newest first')
    .option('--cursor <cursor>', 'continue after the previous page', parseCursor)
    .option('--json', 'print it as JSON')
    .action(async ({ json, cursor }: Options) => {
      const { letters, next, missing } = await withDatabases(context, 'ops', (databases) =>
        handledDeadLetters(databases, HANDLED_MAX, cursor),
      );
      const following = next && encodeCursor(HANDLED, next);
      tellMissing(missing);
      if (json) return console.log(JSON.stringify({ letters, next: following ?? null }));
      console.log(letters.length === 0 ? 'none' : table(letters.map((row) => ({ ...row }))));
      if (following !== undefined) console.log(`\nolder ones: --cursor ${following}`);
    });
  addHandling(letters, context);
};
