import type { Readable } from 'node:stream';

/**
 * The lines of a stream. `node:readline` would keep a line of any length in memory, and it also ends a line at
 * U+2028, which a shopper can write into a path: the rest would be read as a line of its own.
 *
 * @param lengthMax a longer line is returned empty
 */
export async function* linesOf(input: Readable, lengthMax: number): AsyncGenerator<string> {
  input.setEncoding('utf8');
  let rest = '';
  let isTooLong = false;
  for await (const chunk of input) {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      yield isTooLong || line.length > lengthMax ? '' : line;
      isTooLong = false;
    }
    if (rest.length <= lengthMax) continue;
    rest = '';
    isTooLong = true;
  }
  if (isTooLong || rest !== '') yield isTooLong ? '' : rest;
}
