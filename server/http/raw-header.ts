import type { IncomingMessage } from 'node:http';

/**
 * Returns the value of a header without parsing all headers; the first value if there are several.
 */
export function rawHeader({ rawHeaders }: IncomingMessage, lowerCase: string): string | undefined {
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] ?? '';
    if (name.length === lowerCase.length && name.toLowerCase() === lowerCase) {
      return rawHeaders[at + 1];
    }
  }
  return undefined;
}
