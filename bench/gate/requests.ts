import { closeSync, openSync, writeSync } from 'node:fs';
import type { WebNode } from '../../test/server/web-node.ts';
import { BROWSER_HEADERS, purchaseRequest } from '../crowd/purchase.ts';

/** Writes complete HTTP purchase requests into the file, one base64 line each, before the clock starts. */
export function prepareRequests(node: WebNode, file: string, count: number): void {
  const out = openSync(file, 'w');
  for (let index = 0; index < count; index += 1) {
    const userId = `user-${process.hrtime.bigint()}-${index}`;
    const [ticket, token] = [node.ticketOf(userId), node.tokenOf(userId)];
    const request = purchaseRequest(ticket, token, BROWSER_HEADERS);
    writeSync(out, `${request.toString('base64')}\n`);
  }
  closeSync(out);
}
