import { closeSync, openSync, writeSync } from 'node:fs';
import type { WebNode } from '../../test/server/web-node.ts';

/** Purchase requests as they go over the wire, made before the clock starts: a line each, base64. */
export function prepareRequests(node: WebNode, file: string, count: number): void {
  const body = '{"quantity":1}';
  const out = openSync(file, 'w');
  for (let index = 0; index < count; index += 1) {
    const userId = `user-${process.hrtime.bigint()}-${index}`;
    const text = [
      `POST /api/v1/buy/${node.ticketOf(userId)} HTTP/1.1`,
      'host: shop.example',
      `authorization: Bearer ${node.tokenOf(userId)}`,
      'content-type: application/json',
      'user-agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0',
      'accept: application/json',
      'accept-language: en-US,en;q=0.5',
      `content-length: ${body.length}`,
      '',
      body,
    ].join('\r\n');
    writeSync(out, `${Buffer.from(text).toString('base64')}\n`);
  }
  closeSync(out);
}
