import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
  STATUS_CODES,
} from 'node:http';
import type { Socket } from 'node:net';
import type { HeldSockets } from './http/held-sockets.ts';
import { answerOf } from './http/problems.ts';
import { isPurchase } from './purchase/fast-path.ts';
import type { PurchaseHandler } from './purchase/handler.ts';
import type { StatusCalls } from './status-calls.ts';

/**
 * Limits of the HTTP server. The request timeout does not affect long polls, whose answers take
 * long and not their requests.
 */
const HEADER_BYTES_MAX = 16_384;
const HEADERS_MAX = 100;
const HEADERS_TIMEOUT_MS = 5_000;
const REQUEST_TIMEOUT_MS = 10_000;
/** Interval of the search for requests that take too long. */
const TIMEOUT_CHECK_MS = 1_000;
export const KEEP_ALIVE_TIMEOUT_MS = 65_000;
/** Interval at which idle connections are ended while the server closes. */
const IDLE_CLOSE_INTERVAL_MS = 100;
/** Time that a refused connection has to receive the answer. */
const LAST_ANSWER_MS = 1_000;
/**
 * Each waiting shopper holds one connection. A higher limit than this would exceed any limit of
 * open files.
 */
const CONNECTIONS_MAX = 100_000;

export interface Handlers {
  readonly purchases: PurchaseHandler;
  readonly statusCalls: StatusCalls;
  /** Those of calls that wait. */
  readonly sockets: HeldSockets;
  readonly routes: RequestListener;
}

/**
 * The HTTP server of a web node. Purchases and status calls go straight to their handlers, all
 * other calls to the router.
 */
export function createListener({ purchases, statusCalls, sockets, routes }: Handlers): Server {
  const server = createServer(
    {
      maxHeaderSize: HEADER_BYTES_MAX,
      headersTimeout: HEADERS_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      connectionsCheckingInterval: TIMEOUT_CHECK_MS,
      keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
      noDelay: true,
      // The event `upgrade` has the sockets of calls that wait, and no others.
      shouldUpgradeCallback: () => false,
    },
    (request, response) => {
      if (isPurchase(request)) purchases.handle(request, response);
      else if (!statusCalls.serve(request, response)) routes(request, response);
    },
  );
  server.maxHeadersCount = HEADERS_MAX;
  server.maxConnections = CONNECTIONS_MAX;
  sockets.serve(server);
  return server;
}

/**
 * Ends idle connections repeatedly until the server has closed. Node does so only once, at the
 * start, and a connection whose answer began before would stay open after it.
 */
export function closeIdle(server: Server, sockets: HeldSockets): void {
  const timer = setInterval(() => {
    server.closeIdleConnections();
    sockets.closeIdle();
  }, IDLE_CLOSE_INTERVAL_MS);
  server.once('close', () => clearInterval(timer));
}

/** Statuses of requests that the HTTP parser refuses; all others get 400. */
const BROKEN_STATUS: Readonly<Record<string, number>> = {
  HPE_HEADER_OVERFLOW: 431,
  ERR_HTTP_REQUEST_TIMEOUT: 408,
};

/**
 * Field that Node's server sets on a socket: the answer that is to be written to it now, if there
 * is one.
 */
type HttpSocket = Socket & { readonly _httpMessage?: ServerResponse<IncomingMessage> | null };

/** Sockets that have sent invalid bytes; nothing more is read from them. */
const BROKEN = new WeakSet<Socket>();

/**
 * Answers bytes that are not a request, in the form of every other refusal, and disconnects. The
 * answers to complete requests before it are sent first.
 */
export function answerBrokenRequest({ code = '' }: { code?: string }, socket: Socket): void {
  // Node reports every later packet as well.
  if (BROKEN.has(socket)) return;
  BROKEN.add(socket);
  // Further data of the client must not pile up here while an earlier answer is awaited.
  socket.pause();
  answerInTurn(code, socket);
}

function answerInTurn(code: string, socket: Socket): void {
  const pending = (socket as HttpSocket)._httpMessage;
  if (code !== 'ECONNRESET' && socket.writable && pending?.req.complete) {
    // Node sets the next answer on the socket as soon as this one is sent.
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
  // Ending our side does not stop a client that goes on sending, so its data is read and dropped. A
  // reset would lose the answer.
  socket.resume();
  setTimeout(() => socket.destroy(), LAST_ANSWER_MS).unref();
}
