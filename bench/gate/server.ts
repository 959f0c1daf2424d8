import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { openWebNode } from '../../test/server/web-node.ts';
import { ANSWERS } from '../bare/answers.ts';
import { prepareRequests } from './requests.ts';

/**
 * The measured process: a web node without its connections, and bare node:http servers with the same
 * answers. All of them listen; the generator sends requests to one after the other.
 */

const node = await openWebNode({
  keepMessages: false,
  environment: { RATE_LIMIT_IP_PER_SECOND: '1000000', DATABASE_CONNECTIONS_MAX: '1' },
});
node.world.quota = Number.MAX_SAFE_INTEGER;

async function listen(answer: RequestListener): Promise<number> {
  const server = createServer(answer);
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return (server.address() as AddressInfo).port;
}

await node.app.listen({ host: '127.0.0.1', port: 0 });
const ports = {
  node: (node.app.server.address() as AddressInfo).port,
  bareRefusal: await listen(ANSWERS.refuse),
  bareAccepted: await listen(ANSWERS.accept),
};

interface Order {
  /** Share of requests that the gate keeps. */
  readonly keep?: number;
  /** The number of requests to write into the file, each of another user. */
  readonly prepare?: { readonly file: string; readonly count: number };
}

/** Answers each command with the CPU time that the process has used. */
process.on('message', ({ keep, prepare }: Order) => {
  if (keep !== undefined) node.world.keep = keep;
  if (prepare !== undefined) {
    forgetAll();
    prepareRequests(node, prepare.file, prepare.count);
  }
  process.send?.({ ports, cpuMs: cpuMs() });
});

/** Removes admitted requests, which would pile up because no worker decides them here. */
function forgetAll(): void {
  const { pending } = node.context.purchases;
  const requests = [...pending.pendingSince(Number.POSITIVE_INFINITY)];
  for (const { request } of requests) pending.forget(request.requestId);
}

function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

process.on('SIGINT', () => process.exit());
process.on('disconnect', () => process.exit());
