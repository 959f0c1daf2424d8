import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * The commands of docs/runbook.md, in their order. What stands behind `# →` is what a command prints. A
 * comment before a block says why its commands cannot be run in the test, or that they are run last.
 */

const RUNBOOK = 'docs/runbook.md';

export interface Line {
  /** The nearest heading. */
  readonly chapter: string;
  /** As it is typed. Several lines if it has a here-document. */
  readonly text: string;
  /** What it prints; `…` is any text. Undefined: the runbook does not say. */
  readonly prints: string | undefined;
  readonly status: number;
  /** Why it is not run here. */
  readonly notRun: string | undefined;
  readonly isLast: boolean;
}

const MARKER = /<!-- (not run here|run last): ([^>]+?) -->\n$/;
const EXPECTED = /\s# → (?:exit (\d+): )?(.*)$/;

/** Splits a block into commands. A here-document belongs to its command. */
function commandsOf(block: string): string[] {
  const commands: string[] = [];
  let end: string | undefined;
  for (const line of block.split('\n')) {
    if (end !== undefined) {
      commands.push(`${commands.pop()}\n${line}`);
      if (line === end) end = undefined;
    } else if (line !== '') {
      commands.push(line);
      end = /<<'?(\w+)'?$/.exec(line)?.[1];
    }
  }
  return commands;
}

export function runbookText(): string {
  return readFileSync(join(import.meta.dirname, '..', '..', RUNBOOK), 'utf8');
}

export function runbookLines(text = runbookText()): Line[] {
  const lines: Line[] = [];
  for (const found of text.matchAll(/^( *)```(\w+)\n([\s\S]*?)\n\1```$/gm)) {
    const [, indent = '', kind, inner = ''] = found;
    if (kind !== 'sh')
      throw new Error(`a block of ${kind}: the runbook has commands of a shell alone`);
    const before = text.slice(0, found.index);
    const chapter = [...before.matchAll(/^#+ (.*)$/gm)].at(-1)?.[1] ?? '';
    const [, kindOfMarker, reason] = MARKER.exec(before) ?? [];
    const block = inner.replaceAll(new RegExp(`^${indent}`, 'gm'), '');
    for (const command of commandsOf(block)) {
      const [, status = '0', prints] = EXPECTED.exec(command) ?? [];
      lines.push({
        ...{ chapter, text: command, prints, status: Number(status) },
        notRun: kindOfMarker === 'not run here' ? reason : undefined,
        isLast: kindOfMarker === 'run last',
      });
    }
  }
  return lines;
}

const words = (text: string) => text.replaceAll(/\s+/g, ' ').trim();

/** Whether a command has printed what the runbook says. Blanks and line breaks do not count. */
export function isPrinted(prints: string | undefined, output: string): boolean {
  if (prints === undefined) return true;
  const said = words(output);
  if (!prints.includes('…')) return said === words(prints);
  let at = 0;
  for (const part of prints.split('…').map(words)) {
    const found = said.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return true;
}
