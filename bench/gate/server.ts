import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { openWebNode } from '../../test/server/web-node.ts';
import { prepareRequests } from './requests.ts';

/**
 * The process that is measured: a web node without its connections, and bare node:http servers that
 * answer the same, all listening; the generator presses one after the other.
 */

/** What the bare servers send: the bytes of the node's own answers. */
const SHED_BODY =
  '{"type":"about:blank","title":"Too Many Requests","status":429,"detail":"More people press than can be served: this press was not drawn. Try again.","verdict":"shed"}';
const ACCEPTED_BODY = JSON.stringify({
  requestId: '00000000-0000-4000-8000-000000000000',
  status: 'queued',
  statusUrl: `/api/v1/requests/00000000-0000-4000-8000-000000000000~demo.${'x'.repeat(22)}`,
});

const node = await openWebNode({
  keepMessages: false,
  environment: { RATE_LIMIT_IP_PER_SECOND: '1000000', DATABASE_CONNECTIONS_MAX: '1' },
});
node.world.quota = Number.MAX_SAFE_INTEGER;

const bareRefusal = createServer((_request, response) => {
  response
    .writeHead(429, [
      'content-type',
      'application/problem+json',
      'cache-control',
      'no-store',
      'retry-after',
      '2',
      'content-length',
      String(SHED_BODY.length),
    ])
    .end(SHED_BODY, 'latin1');
});
const bareAccepted = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    JSON.parse(Buffer.concat(chunks).toString());
    response
      .writeHead(202, [
        'cache-control',
        'no-store',
        'content-type',
        'application/json; charset=utf-8',
        'content-length',
        String(ACCEPTED_BODY.length),
      ])
      .end(ACCEPTED_BODY, 'latin1');
  });
});

async function portOf(server: typeof bareRefusal): Promise<number> {
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return (server.address() as AddressInfo).port;
}

await node.app.listen({ host: '127.0.0.1', port: 0 });
const ports = {
  node: (node.app.server.address() as AddressInfo).port,
  bareRefusal: await portOf(bareRefusal),
  bareAccepted: await portOf(bareAccepted),
};

interface Order {
  /** Share of requests that the gate keeps. */
  readonly keep?: number;
  /** Requests to write into the file, each of a user of its own. */
  readonly prepare?: { readonly file: string; readonly count: number };
}

/** Answers each order with the CPU time that the process has used. */
process.on('message', ({ keep, prepare }: Order) => {
  if (keep !== undefined) node.world.keep = keep;
  if (prepare !== undefined) {
    forgetAll();
    prepareRequests(node, prepare.file, prepare.count);
  }
  process.send?.({ cpuMs: cpuMs() });
});

/** Workers would have decided what was handed over; nobody does here, and it must not pile up. */
function forgetAll(): void {
  const { book } = node.context.purchases;
  const pending = [...book.pendingSince(Number.POSITIVE_INFINITY)];
  for (const { request } of pending) book.forget(request.requestId);
}

function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

process.on('SIGINT', () => process.exit());
process.send?.({ ports, cpuMs: cpuMs() });
