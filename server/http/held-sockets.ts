import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { rawHeader } from './raw-header.ts';

export const CRLF_TWICE = '\r\n\r\n';

/** The owner of a bare socket: an answer that is not complete, or was the last one. */
export interface Held {
  readonly isEnded: boolean;
  /** Goes on with the bare socket. */
  take(socket: HttpSocket): void;
  receive(socket: HttpSocket, chunk: Buffer): void;
  /** The connection has ended. */
  hangUp(): void;
}

/** Fields that Node's HTTP server sets on a socket. */
export interface HttpSocket extends Socket {
  readonly parser?: {
    readonly incoming?: IncomingMessage | null;
    /** The bytes that are being parsed. */
    getCurrentBuffer?(): Buffer;
  } | null;
  /** The answer that owns the socket; from `release` on. */
  heldAnswer?: Held | undefined;
}

/** The bare sockets of one HTTP server. */
export class HeldSockets {
  /** Seconds that a connection may be without a request, as the server tells its clients. */
  readonly idleSecondsMax: number;
  readonly #idle = new Set<Socket>();
  readonly #asked = new WeakMap<IncomingMessage, Held>();
  #server: Server | undefined;

  constructor(idleSecondsMax: number) {
    this.idleSecondsMax = idleSecondsMax;
  }

  /** The server must not upgrade any protocol by itself. */
  serve(server: Server): void {
    this.#server = server;
    server.on('upgrade', (request, stream, rest) => {
      const { socket } = request;
      const answer = this.#asked.get(request);
      this.#asked.delete(request);
      // Only of a request that is complete does Node give the socket itself away.
      if (answer === undefined || stream !== socket) socket.destroy();
      else {
        answer.take(socket);
        if (rest.length > 0) answer.receive(socket, rest);
      }
    });
  }

  /**
   * Lets an answer that is not complete yet continue on the bare socket, if that is possible. To be called
   * while the server handles the request, which must have no body.
   */
  release(request: IncomingMessage, response: ServerResponse, answer: Held): void {
    const socket = request.socket as HttpSocket;
    const { parser } = socket;
    const isNext = response.socket === socket && parser?.incoming === request;
    if (!isNext || request.httpVersion !== '1.1' || answer.isEnded || response.destroyed) return;
    // Node has paused a client that does not read its answers.
    if (socket.writableNeedDrain) return;
    // With more bytes behind the request, a part of the next one may be in the parser already.
    const bytes = parser?.getCurrentBuffer?.();
    const isLast = bytes?.toString('latin1', bytes.length - CRLF_TWICE.length) === CRLF_TWICE;
    if (!isLast) return;
    this.#asked.set(request, answer);
    // Node's server looks at this after it has parsed the request.
    (request as IncomingMessage & { upgrade: boolean }).upgrade = true;
  }

  keepIdle(socket: Socket): void {
    socket.setTimeout((this.idleSecondsMax + 1) * 1_000);
    this.#idle.add(socket);
  }

  forget(socket: Socket): void {
    this.#idle.delete(socket);
  }

  /** @param chunk the beginning of its next request */
  giveBack(socket: Socket, chunk: Buffer): void {
    socket.setTimeout(0);
    this.#server?.emit('connection', socket);
    socket.emit('data', chunk);
    socket.resume();
  }

  /** Ends the connections that are without a request. */
  closeIdle(): void {
    for (const socket of this.#idle) socket.destroy();
  }
}

/** Whether a request has no body. Needs its headers. */
export function isWithoutBody(request: IncomingMessage): boolean {
  return (
    rawHeader(request, 'content-length') === undefined &&
    rawHeader(request, 'transfer-encoding') === undefined
  );
}
