import type { Parsed } from './values.ts';

/**
 * Reads and edits the text of a list. Entries are separated by commas or line breaks (zkCli.sh
 * cannot write line breaks), and spaces around them are ignored. `#` starts a comment. An entry
 * that contains a comma or a `#` is written in quotation marks.
 */

const TEXT_LENGTH_MAX = 200_000;
/**
 * Of the text as JSON. An edit of the CLI sends it and its entry of the history, with old and new text, in one message, and
 * ZooKeeper ends the connection when a message has more than 1 MB.
 */
const JSON_BYTES_MAX = 300_000;
const ENTRIES_MAX = 10_000;
const ENTRY_LENGTH_MAX = 128;

/**
 * Replaces quoted parts by placeholders while a line is split. The placeholders use NUL, which no
 * entry contains.
 */
function unquoted(line: string): { readonly text: string; restore(part: string): string } {
  const inner: string[] = [];
  const text = line.replace(/"([^"]*)"/g, (_, word: string) => `\0${inner.push(word) - 1}\0`);
  return {
    text,
    restore(part) {
      const whole = /^\0(\d+)\0$/.exec(part);
      if (whole) return inner[Number(whole[1])] ?? '';
      return part.replace(/\0(\d+)\0/g, (_, index: string) => `"${inner[Number(index)]}"`);
    },
  };
}

interface Line {
  readonly text: string;
  readonly entries: readonly string[];
  readonly problem?: string;
}

function lineOf(text: string): Line {
  const { text: plain, restore } = unquoted(text);
  const content = plain.replace(/(^|[\s,])#.*$/, '$1').trim();
  if (content === '') return { text, entries: [] };
  // A comma is allowed at the end of a line.
  const parts = content.replace(/,$/, '').split(',');
  const entries = parts.map((part) => restore(part.trim()));
  if (entries.includes(''))
    return { text, entries, problem: 'there is nothing between two commas' };
  if (/"/.test(content)) return { text, entries, problem: 'a quotation mark is not closed' };
  return { text, entries };
}

function linesOf(text: string): Line[] {
  return text.split(/\r?\n/).map(lineOf);
}

function quoted(text: string): string {
  const shown = text.length > 40 ? `${text.slice(0, 40)}…` : text;
  return JSON.stringify(shown);
}

/**
 * Why no visitor can match the entry: such an entry would have no effect, and nobody would notice.
 */
function faultOf(entry: string): string | undefined {
  if (entry.length > ENTRY_LENGTH_MAX) return `has more than ${ENTRY_LENGTH_MAX} characters`;
  if (/\p{Cc}/u.test(entry)) return 'has a control character';
  return entry.isWellFormed() ? undefined : 'is no text';
}

/**
 * Parses the text of a list.
 *
 * @param fault returns why an entry of this kind of list cannot match; undefined when it can
 */
export function entriesOf(
  text: string,
  fault: (entry: string, isQuoted: boolean) => string | undefined,
): Parsed<string[]> {
  if (text.length > TEXT_LENGTH_MAX) {
    return { ok: false, reason: `it has more than ${TEXT_LENGTH_MAX} characters` };
  }
  if (Buffer.byteLength(JSON.stringify(text)) > JSON_BYTES_MAX) {
    return { ok: false, reason: `it has more than ${JSON_BYTES_MAX} bytes as JSON` };
  }
  if (text.includes('\0')) return { ok: false, reason: 'it has a NUL character' };
  const lines = linesOf(text);
  const bad = lines.find(({ problem }) => problem !== undefined);
  if (bad) return { ok: false, reason: `${quoted(bad.text)}: ${bad.problem}` };
  const entries = lines.flatMap((line) => line.entries);
  if (entries.length > ENTRIES_MAX) {
    const reason = `it has ${entries.length} entries, at most ${ENTRIES_MAX} are read`;
    return { ok: false, reason };
  }
  for (const { text: line, entries: some } of lines) {
    for (const entry of some) {
      const why = faultOf(entry) ?? fault(entry, line.includes(`"${entry}"`));
      if (why !== undefined) return { ok: false, reason: `${quoted(entry)} ${why}` };
    }
  }
  return { ok: true, value: entries };
}

/** The entries of a valid text, as written. */
export function listEntries(text: string): string[] {
  return linesOf(text).flatMap(({ entries }) => entries);
}

function written(entry: string): string {
  return /[,#\s]/.test(entry) || entry === '' ? `"${entry}"` : entry;
}

/** Adds entries, each on its own line. Existing entries are not repeated. */
export function withEntries(text: string, more: readonly string[]): string {
  const known = new Set(listEntries(text));
  const added = [...new Set(more)].filter((entry) => !known.has(entry)).map(written);
  return [...(text.trim() === '' ? [] : [text.trimEnd()]), ...added].join('\n');
}

/** Removes entries. Everything else, including comments, is kept. */
export function withoutEntries(text: string, gone: ReadonlySet<string>): string {
  return linesOf(text)
    .flatMap(({ text: line, entries }) => {
      if (!entries.some((entry) => gone.has(entry))) return [line];
      const rest = entries.filter((entry) => !gone.has(entry));
      return rest.length === 0 ? [] : [rest.map(written).join(', ')];
    })
    .join('\n');
}
