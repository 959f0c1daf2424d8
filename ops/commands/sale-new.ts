import { existsSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { createInterface } from 'node:readline/promises';
import type { Command } from 'commander';
import { parseSaleFile } from '../sale/file.ts';
import { completed, type NewFileAnswers, newFileText, QUESTIONS } from '../sale/new-file.ts';
import { FileError } from '../yaml/problems.ts';

/** `flashsale sale new`: asks for the main facts and writes a commented sale file. */

const SCHEMA = join(import.meta.dirname, '..', '..', 'docs', 'sale.schema.json');

/** Editors look for the schema from the folder of the file. */
function schemaFrom(path: string): string {
  const way = relative(dirname(resolve(path)), SCHEMA)
    .split(sep)
    .join('/');
  return way.startsWith('.') ? way : `./${way}`;
}

type Answers = Partial<NewFileAnswers>;
type Options = Answers & { readonly json?: boolean; readonly force?: boolean };

/** Names the faults of the file with these answers, and the usual ones to the other questions. */
type Check = (answers: Answers) => readonly string[];

function checkOf(file: string | undefined, mayOverwrite: boolean, now: Date): Check {
  return (given) => {
    const answers = completed(given, now);
    const path = pathOf(file, answers);
    if (existsSync(path) && !mayOverwrite) return [`${path} exists: --force overwrites it`];
    try {
      parseSaleFile(newFileText(answers, SCHEMA), path, []);
    } catch (error) {
      if (!(error instanceof FileError)) throw error;
      return error.problems.map((one) => `${one.path}: ${one.message}`);
    }
    return [];
  };
}

function pathOf(file: string | undefined, { sale }: NewFileAnswers): string {
  return file ?? `${sale}.yaml`;
}

/** Asks for what the flags have not said, and again after a wrong answer. */
async function ask(flags: Answers, check: Check, now: Date): Promise<Answers> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const ended = new AbortController();
  terminal.on('close', () => ended.abort());
  const answers: { -readonly [Name in keyof Answers]: Answers[Name] } = { ...flags };
  try {
    for (const { name, question } of QUESTIONS) {
      while (answers[name] === undefined) {
        const usual = completed(answers, now)[name];
        const text = await terminal.question(`${question} [${usual}] `, { signal: ended.signal });
        const answer = text.trim() || usual;
        // The flags and the answers so far are right, so this answer is what is wrong.
        const wrong = check({ ...answers, [name]: answer });
        for (const message of wrong) console.error(`  ${message}`);
        if (wrong.length === 0) answers[name] = answer;
      }
    }
  } catch (error) {
    if (!ended.signal.aborted) throw error;
    throw new Error('no file was written: the questions were not answered');
  } finally {
    terminal.close();
  }
  return answers;
}

export function addNewSale(sale: Command): void {
  const command = sale
    .command('new')
    .description('ask for the main facts and write a sale file; flags answer beforehand')
    .argument('[file]', 'by default <sale>.yaml')
    .option('--json', 'ask nothing, and print the result as JSON')
    .option('--force', 'overwrite the file');
  for (const { name, flag, question } of QUESTIONS) {
    command.option(`--${flag} <text>`, `${name}: ${question}`);
  }
  command.action(async (file: string | undefined, { json, force, ...flags }: Options) => {
    const now = new Date();
    const isAsking = process.stdin.isTTY && json !== true;
    // Before there is a name, any file may exist.
    const isNamed = !isAsking || file !== undefined || flags.sale !== undefined;
    const wrong = checkOf(file, force === true || !isNamed, now)(flags);
    if (wrong.length > 0) throw new Error(`no file was written\n${wrong.join('\n')}`);
    const answers = completed(
      isAsking ? await ask(flags, checkOf(file, force === true, now), now) : flags,
      now,
    );
    const path = pathOf(file, answers);
    writeFileSync(path, newFileText(answers, schemaFrom(path)));
    if (json) return console.log(JSON.stringify({ file: path, sale: answers.sale }));
    console.log(`${path} is written. Next: edit it, then flashsale sale plan ${path}`);
  });
}
