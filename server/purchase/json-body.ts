import type { IncomingMessage } from 'node:http';
import { Problem } from '../problems.ts';

/** A small JSON body. `__proto__` in it is a key like any other: the schema refuses what it does not know. */

const JSON_TYPE = /^application\/json *(;|$)/i;

/**
 * @param bytesMax longer bodies are refused as soon as that is seen
 * @throws {Problem} bad_request (400, 413, 415)
 */
export function readJson(request: IncomingMessage, bytesMax: number): Promise<unknown> {
  const { 'content-type': type = '', 'content-length': length } = request.headers;
  if (!JSON_TYPE.test(type)) {
    throw new Problem('bad_request', { detail: 'The body must be application/json', status: 415 });
  }
  if (Number(length) > bytesMax) throw tooLarge(bytesMax);
  return new Promise((resolve, reject) => {
    let bytes = 0;
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > bytesMax) reject(tooLarge(bytesMax));
      else chunks.push(chunk);
    });
    request.on('end', () => {
      try {
        const [only] = chunks;
        resolve(
          JSON.parse((chunks.length === 1 && only ? only : Buffer.concat(chunks)).toString()),
        );
      } catch {
        reject(new Problem('bad_request', { detail: 'The body is not JSON' }));
      }
    });
    request.on('error', () => {
      reject(new Problem('bad_request', { detail: 'The body ended too early' }));
    });
  });
}

function tooLarge(bytesMax: number): Problem {
  return new Problem('bad_request', {
    detail: `The body must have at most ${bytesMax} bytes`,
    status: 413,
  });
}
