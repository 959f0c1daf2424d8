import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createProgram } from '../../ops/program.ts';
import { files, textOf } from './files.ts';

/** The documents name nothing that no longer exists. */

const documents = files.filter((file) => file.endsWith('.md'));
/** Decisions are excluded, because they also name what was rejected. */
const current = documents.filter((file) => !file.startsWith('docs/decisions/'));
const code = files
  .filter((file) => !/\.(md|png|svg|ico)$|package-lock\.json$/.test(file))
  .map(textOf)
  .join('\n');

/** Every file, every folder, and the ends of their paths: the names that a document may use. */
const paths = new Set(
  files.flatMap((file) => {
    const parts = file.split('/');
    const ends = parts.map((_, from) => parts.slice(from).join('/'));
    const folders = parts.map((_, to) => parts.slice(0, to + 1).join('/'));
    return [...ends, ...folders];
  }),
);

function inCode(document: string, pattern: RegExp): string[] {
  const spans = [...textOf(document).matchAll(/`([^`\n]+)`/g)].map(([, span = '']) => span);
  return spans.flatMap((span) => [...span.matchAll(pattern)].map(([match]) => match));
}

const program = await createProgram({});

/** Whether the words begin with a command. The words after the command are its arguments. */
function isCommand(words: readonly string[]): boolean {
  let at = program;
  for (const word of words) {
    if (at.commands.length === 0) return true;
    const next = at.commands.find((command) => command.name() === word);
    if (next === undefined) return false;
    at = next;
  }
  return true;
}

describe('the documents', () => {
  it.each(documents)('%s links to files that exist', (document) => {
    const links = [...textOf(document).matchAll(/\]\((?!https?:)([^)#\s]+)/g)];
    const targets = links.map(([, link = '']) => join(dirname(document), link).replace(/\/$/, ''));
    expect(targets.filter((target) => !paths.has(target))).toEqual([]);
  });

  it.each(current)('%s names files, routines, metrics and variables that exist', (document) => {
    const named = inCode(document, /(?:[\w.-]+\/)*[\w.-]+\.(?:ts|js|mjs|sql|md|yml|css|html)\b/g);
    expect(named.filter((path) => !paths.has(path))).toEqual([]);

    const words = new Set(code.match(/\w+/g));
    const names = inCode(document, /\b[A-Za-z]\w*_\w+/g);
    expect(names.filter((name) => !words.has(name))).toEqual([]);
  });

  it('name only scripts that package.json has', () => {
    const { scripts } = JSON.parse(textOf('package.json')) as { scripts: Record<string, string> };
    const told = current.flatMap((document) =>
      [...textOf(document).matchAll(/\bnpm run ([a-z]+)/g)].map(([, script = '']) => script),
    );
    expect(told.filter((script) => !(script in scripts))).toEqual([]);
  });

  it.each(current)('%s names only commands that exist', (document) => {
    const named = inCode(document, /(?<=\bflashsale )[a-z-]+( [a-z-]+)*/g);
    expect(named.filter((words) => !isCommand(words.split(' ')))).toEqual([]);
  });

  it('explain every variable that a process reads', () => {
    const configs = files.filter((file) =>
      /^(contracts|payment|server|worker|keeper|console)\/(trace-)?config\.ts$/.test(file),
    );
    const variables = configs.flatMap((file) =>
      [...textOf(file).matchAll(/^ {2}([A-Z][A-Z_]+): /gm)].map(([, variable = '']) => variable),
    );
    const operating = textOf('docs/operating.md');
    expect(variables.length).toBeGreaterThan(30);
    expect(variables.filter((variable) => !operating.includes(`\`${variable}\``))).toEqual([]);
  });
});
