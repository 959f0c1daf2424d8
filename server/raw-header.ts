import type { IncomingMessage } from 'node:http';

/** A header as it came, without putting all headers in order; of several, the first. */
export function rawHeader({ rawHeaders }: IncomingMessage, lowerCase: string): string | undefined {
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] ?? '';
    if (name.length === lowerCase.length && name.toLowerCase() === lowerCase) {
      return rawHeaders[at + 1];
    }
  }
  return undefined;
}
