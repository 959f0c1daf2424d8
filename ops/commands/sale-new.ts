import { existsSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline/promises';
import type { Command } from 'commander';
import { parseSaleFile } from '../sale/file.ts';
import { type NewFileAnswers, newFileText, QUESTIONS } from '../sale/new-file.ts';
import { SaleFileError } from '../sale/problems.ts';

/** `flashsale sale new`: asks for the main facts and writes a commented sale file. */

type Options = Partial<NewFileAnswers> & { readonly json?: boolean; readonly force?: boolean };

/** Asks for what the flags have not said. Without a terminal, the defaults are taken. */
async function answersOf(options: Options): Promise<NewFileAnswers> {
  const isAsking = process.stdin.isTTY && options.json !== true;
  const terminal = isAsking
    ? createInterface({ input: process.stdin, output: process.stderr })
    : undefined;
  const answers: Record<string, string> = {};
  try {
    for (const { name, question, usual } of QUESTIONS) {
      const byDefault = usual(answers, new Date());
      const ask = async () => (await terminal?.question(`${question} [${byDefault}] `))?.trim();
      answers[name] = options[name] ?? ((await ask()) || byDefault);
    }
  } finally {
    terminal?.close();
  }
  return answers as unknown as NewFileAnswers;
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
  command.action(async (file: string | undefined, options: Options) => {
    const answers = await answersOf(options);
    const path = file ?? `${answers.sale}.yaml`;
    const text = newFileText(answers);
    try {
      parseSaleFile(text, path, []);
    } catch (error) {
      if (!(error instanceof SaleFileError)) throw error;
      const said = error.problems.map((one) => `${one.path}: ${one.message}`);
      throw new Error(`no file was written\n${said.join('\n')}`);
    }
    if (existsSync(path) && !options.force) {
      throw new Error(`${path} exists: --force overwrites it`);
    }
    writeFileSync(path, text);
    if (options.json) return console.log(JSON.stringify({ file: path, sale: answers.sale }));
    console.log(`${path} is written. Next: edit it, then flashsale sale plan ${path}`);
  });
}
