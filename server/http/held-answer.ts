import { type ServerResponse, STATUS_CODES } from 'node:http';
import type { Writable } from 'node:stream';
import { CRLF_TWICE, type Held, type HeldSockets, type HttpSocket } from './held-sockets.ts';
import type { ProblemAnswer } from './problems.ts';

/**
 * Answers of calls that wait. While a call waits, Node keeps its request, its response and the HTTP
 * parser of its connection, which is more than half of what a waiting shopper takes. Here only the
 * bare socket stays. Node's server gives the socket away as it does after an upgrade of the protocol, this
 * file writes the answer, and the next request on the connection brings the socket back to the server.
 *
 * A call keeps its response, as usual, if more bytes came with it, if it has a body, if it is not
 * HTTP/1.1 or stands behind another one, or if another version of Node does it in another way.
 */

/** Head of an answer: status, and names and values that alternate. */
type Headers = readonly string[];

/** The longest beginning of a next request that is kept while a call waits: a head and a body of full length. */
const EARLY_BYTES_MAX = 32_768;

/**
 * The answer to one call. At first it writes through Node's response. A held answer has no closures of
 * its own, because there are tens of thousands.
 */
export class HeldAnswer implements Held {
  readonly #sockets: HeldSockets;
  #response: ServerResponse | undefined;
  #socket: HttpSocket | undefined;
  #gone: (() => void) | undefined;
  #keepsAlive = true;
  #isChunked = false;
  #isEnded = false;
  /** Bytes of the next request, which came before this answer. */
  #early: Buffer | undefined;

  constructor(sockets: HeldSockets, response: ServerResponse) {
    this.#sockets = sockets;
    this.#response = response;
  }

  /** The client has disconnected. */
  get isGone(): boolean {
    return (this.#response ?? this.#socket)?.destroyed ?? true;
  }

  get isEnded(): boolean {
    return this.#isEnded;
  }

  /** @param gone called when the client disconnects; it may be called after the answer as well */
  onGone(gone: () => void): void {
    this.#gone = gone;
    // The listener is on the answer and not on its socket, because the socket lives on and would
    // get one more listener with each request.
    this.#response?.on('close', gone);
  }

  /** The connection ends with this answer. */
  closeAfterwards(): void {
    this.#keepsAlive = false;
    if (this.#response !== undefined) this.#response.shouldKeepAlive = false;
  }

  /** Writes the whole answer. */
  send({ status, headers, body, encoding }: ProblemAnswer): void {
    this.#isEnded = true;
    if (this.#response !== undefined) {
      this.#response.writeHead(status, headers as string[]).end(body, encoding);
    } else this.#finish(this.#head(status, headers) + body, encoding);
  }

  /** Begins an answer in parts, whose length is not known. */
  begin(status: number, headers: Headers): void {
    const response = this.#response;
    if (response === undefined) {
      this.#isChunked = true;
      const chunked = ['transfer-encoding', 'chunked'];
      this.#socket?.write(this.#head(status, [...headers, ...chunked]), 'latin1');
      return;
    }
    response.writeHead(status, headers as string[]);
    // This class writes the chunks itself: Node needs three writes for each, and two more at the
    // end.
    this.#isChunked = response.chunkedEncoding;
    response.chunkedEncoding = false;
  }

  write(text: string): void {
    const bytes = Buffer.byteLength(text);
    const to: Writable | undefined = this.#response ?? this.#socket;
    to?.write(this.#chunk(text, bytes), encodingOf(text, bytes));
  }

  /** Ends an answer in parts; the text and the end are sent in one write. */
  end(text: string): void {
    this.#isEnded = true;
    const bytes = Buffer.byteLength(text);
    const chunk = bytes === 0 ? '' : this.#chunk(text, bytes);
    const rest = chunk + (this.#isChunked ? '0\r\n\r\n' : '');
    const encoding = encodingOf(text, bytes);
    if (this.#response !== undefined) this.#response.end(rest, encoding);
    else this.#finish(rest, encoding);
  }

  /** Goes on with the bare socket. Node's server has removed its listeners and its parser from it. */
  take(socket: HttpSocket): void {
    const response = this.#response;
    this.#keepsAlive &&= response?.shouldKeepAlive === true;
    this.#socket = socket;
    this.#response = undefined;
    if (this.#gone !== undefined) response?.off('close', this.#gone);
    if (!this.#isEnded) response?.detachSocket(socket);
    socket.heldAnswer = this;
    socket.on('error', ignore).on('close', onClose).on('end', onEnd).on('timeout', onTimeout);
    socket.on('data', onData);
    if (this.#isEnded) this.#goIdle(socket);
  }

  hangUp(): void {
    if (this.#socket !== undefined) this.#sockets.forget(this.#socket);
    if (!this.#isEnded) this.#gone?.();
  }

  receive(socket: HttpSocket, chunk: Buffer): void {
    // Some clients send a blank line behind a request. Node's server would wait for the rest of a next one.
    if (isBlank(chunk)) return;
    if (this.#isEnded) {
      // On a connection that ends with this answer no other call has a chance.
      if (this.#keepsAlive) this.#giveBack(socket, chunk);
      return;
    }
    // A client may send its next request early. It has its turn after this answer. Nobody has so much to
    // say, and tens of thousands of connections could wait.
    if (chunk.length > EARLY_BYTES_MAX) socket.destroy();
    this.#early = chunk;
    socket.pause();
  }

  #head(status: number, headers: Headers): string {
    let head = `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n`;
    for (let at = 0; at < headers.length; at += 2) head += `${headers[at]}: ${headers[at + 1]}\r\n`;
    const connection = this.#keepsAlive
      ? `connection: keep-alive\r\nkeep-alive: timeout=${this.#sockets.idleSecondsMax}`
      : 'connection: close';
    return `${head}date: ${new Date().toUTCString()}\r\n${connection}${CRLF_TWICE}`;
  }

  #chunk(text: string, bytes: number): string {
    return this.#isChunked ? `${bytes.toString(16)}\r\n${text}\r\n` : text;
  }

  #finish(rest: string, encoding: BufferEncoding): void {
    const socket = this.#socket;
    if (socket === undefined || socket.destroyed) return;
    socket.write(rest, encoding);
    // Whatever the client sends now is not read: the connection must not wait for its end.
    if (!this.#keepsAlive) socket.destroySoon();
    else if (this.#early === undefined) this.#goIdle(socket);
    // The caller may have others to tell of the same verdict before the next call is made.
    else setImmediate(giveBackEarly, this, socket, this.#early);
  }

  giveBackEarly(socket: HttpSocket, early: Buffer): void {
    if (!socket.destroyed) this.#giveBack(socket, early);
  }

  #goIdle(socket: HttpSocket): void {
    this.#gone = undefined;
    this.#sockets.keepIdle(socket);
  }

  #giveBack(socket: HttpSocket, chunk: Buffer): void {
    this.#sockets.forget(socket);
    this.#early = undefined;
    this.#socket = undefined;
    socket.heldAnswer = undefined;
    socket.off('error', ignore).off('close', onClose).off('end', onEnd).off('timeout', onTimeout);
    socket.off('data', onData);
    this.#sockets.giveBack(socket, chunk);
  }
}

const [CR, LF] = [13, 10];

function isBlank(chunk: Buffer): boolean {
  return chunk.every((byte) => byte === CR || byte === LF);
}

function giveBackEarly(answer: HeldAnswer, socket: HttpSocket, early: Buffer): void {
  answer.giveBackEarly(socket, early);
}

function ignore(): void {}

function onClose(this: HttpSocket): void {
  this.heldAnswer?.hangUp();
}

/** As Node's server does it: a client that says no more is disconnected. */
function onEnd(this: HttpSocket): void {
  this.end();
}

function onTimeout(this: HttpSocket): void {
  this.destroy();
}

function onData(this: HttpSocket, chunk: Buffer): void {
  this.heldAnswer?.receive(this, chunk);
}

/** ASCII text is written as `latin1`, which is faster. */
export function encodingOf(text: string, bytes: number): 'latin1' | 'utf8' {
  return bytes === text.length ? 'latin1' : 'utf8';
}
