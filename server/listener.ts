import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
  STATUS_CODES,
} from 'node:http';
import type { Socket } from 'node:net';
import { answerOf } from './problems.ts';
import { isPurchase } from './purchase/fast-path.ts';
import type { PurchaseHandler } from './purchase/handler.ts';
import type { StatusCalls } from './status-calls.ts';

/** Limits of the HTTP server. Long-polls are answers that take long, not requests. */
const HEADER_BYTES_MAX = 16_384;
const HEADERS_MAX = 100;
const HEADERS_TIMEOUT_MS = 5_000;
const REQUEST_TIMEOUT_MS = 10_000;
/** How often requests that take too long are looked for. */
const TIMEOUT_CHECK_MS = 1_000;
const KEEP_ALIVE_TIMEOUT_MS = 65_000;
/** While the server closes: how often connections are ended whose answer has ended since. */
const IDLE_CLOSE_INTERVAL_MS = 100;
/** A connection that was refused has so long to take the answer in. */
const LAST_ANSWER_MS = 1_000;
/** Waiting shoppers hold one each; far more of them than any open file limit would be of no use. */
const CONNECTIONS_MAX = 100_000;

/** The HTTP server of a web node: purchases and those who wait go straight on, all else to the router. */
export function createListener(
  purchases: PurchaseHandler,
  statusCalls: StatusCalls,
  routes: RequestListener,
): Server {
  const server = createServer(
    {
      maxHeaderSize: HEADER_BYTES_MAX,
      headersTimeout: HEADERS_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      connectionsCheckingInterval: TIMEOUT_CHECK_MS,
      keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
      noDelay: true,
    },
    (request, response) => {
      if (isPurchase(request)) purchases.handle(request, response);
      else if (!statusCalls.serve(request, response)) routes(request, response);
    },
  );
  server.maxHeadersCount = HEADERS_MAX;
  server.maxConnections = CONNECTIONS_MAX;
  return server;
}

/**
 * Ends connections that are idle, until the server has closed: Node looks for them once, at the
 * beginning, and an answer that began before the end was known leaves its own alive.
 */
export function closeIdle(server: Server): void {
  const timer = setInterval(() => server.closeIdleConnections(), IDLE_CLOSE_INTERVAL_MS);
  server.once('close', () => clearInterval(timer));
}

/** Statuses of what the HTTP parser refuses; all else is 400. */
const BROKEN_STATUS: Readonly<Record<string, number>> = {
  HPE_HEADER_OVERFLOW: 431,
  ERR_HTTP_REQUEST_TIMEOUT: 408,
};

/** What Node's server notes on a socket: the answer that is to be written to it now, if any. */
type HttpSocket = Socket & { readonly _httpMessage?: ServerResponse<IncomingMessage> | null };

/** Sockets whose bytes were no request once: nothing that they send is read again. */
const BROKEN = new WeakSet<Socket>();

/**
 * Answers bytes that are no request, in the shape of every other refusal, and hangs up. Answers to the
 * whole requests that came before go out first.
 */
export function answerBrokenRequest({ code = '' }: { code?: string }, socket: Socket): void {
  // Node reports every packet that follows as well.
  if (BROKEN.has(socket)) return;
  BROKEN.add(socket);
  // What its sender still has to say must not be kept here while an answer is awaited.
  socket.pause();
  answerInTurn(code, socket);
}

function answerInTurn(code: string, socket: Socket): void {
  const pending = (socket as HttpSocket)._httpMessage;
  if (code !== 'ECONNRESET' && socket.writable && pending?.req.complete) {
    // Node puts the next one in its place as soon as this one has left.
    pending.once('finish', () => setImmediate(answerInTurn, code, socket));
    return;
  }
  if (code === 'ECONNRESET' || !socket.writable || pending?.headersSent) {
    socket.destroy();
    return;
  }
  const status = BROKEN_STATUS[code] ?? 400;
  const { headers, body } = answerOf({ verdict: 'bad_request', status });
  const lines = [...headers, 'connection', 'close'].flatMap((name, at, all) =>
    at % 2 ? [] : [`${name}: ${all[at + 1]}`],
  );
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('\r\n')}\r\n\r\n${body}`);
  // An end of ours alone does not end what goes on sending; and a reset would take the answer along.
  socket.resume();
  setTimeout(() => socket.destroy(), LAST_ANSWER_MS).unref();
}
