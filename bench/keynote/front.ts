import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { parseTransfer, type Refusal } from './transfer.ts';
import { CallWay, envelopesWay, type Way } from './ways.ts';

/** The HTTP front of both ways: bare node:http, which answers when the transfer is committed. */

export interface FrontOrder {
  readonly open?: {
    readonly port: number;
    readonly databaseUrl: string;
    readonly amqpUrl: string;
  };
  /** Connections to the database for the way of calls. */
  readonly connect?: number;
}

const MADE = '{"refusal":null}';

function answer(response: ServerResponse, status: number, body: string): void {
  const headers = ['content-type', 'application/json', 'content-length', String(body.length)];
  response.writeHead(status, headers).end(body, 'latin1');
}

function bodyOf(request: IncomingMessage, done: (text: string) => void): void {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const [first] = chunks;
    done((chunks.length === 1 && first ? first : Buffer.concat(chunks)).toString('latin1'));
  });
}

function handle(way: Way, response: ServerResponse, text: string): void {
  const transfer = parseTransfer(text);
  if (transfer === undefined) {
    answer(response, 400, '{"error":400}');
    return;
  }
  way(transfer).then(
    (refusal: Refusal) =>
      answer(response, 200, refusal === null ? MADE : JSON.stringify({ refusal })),
    (error) => {
      console.error(error);
      answer(response, 503, '{"error":503}');
    },
  );
}

let call: CallWay | undefined;

async function open({ port, databaseUrl, amqpUrl }: NonNullable<FrontOrder['open']>) {
  const calls = new CallWay(databaseUrl);
  call = calls;
  const ways = new Map<string | undefined, Way>([
    ['/call', (transfer) => calls.transfer(transfer)],
    ['/envelopes', await envelopesWay(amqpUrl)],
  ]);
  // A client whose answers are all there waits, without a request, for those of the others.
  const server = createServer({ keepAliveTimeout: 0 }, (request, response) => {
    const way = ways.get(request.url);
    if (way === undefined) answer(response, 404, '{"error":404}');
    else bodyOf(request, (text) => handle(way, response, text));
  });
  await new Promise<void>((resolve) => {
    server.listen({ port, host: '127.0.0.1', reusePort: true }, resolve);
  });
}

process.on('message', async (order: FrontOrder) => {
  if (order.open) await open(order.open);
  if (order.connect) await call?.connect(order.connect);
  process.send?.('ready');
});
process.on('SIGINT', () => {});
process.on('disconnect', () => process.exit());
