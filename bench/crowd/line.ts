import { connect, type Socket } from 'node:net';

/** One keep-alive connection with one request at a time; uses far less CPU than an HTTP client. */

const HEAD_END = Buffer.from('\r\n\r\n');
const LENGTH = 'content-length: ';
/** `HTTP/1.1 202` */
const STATUS_AT = 9;

export type Answered = (status: string, body: string) => void;

export class Line {
  readonly #socket: Socket;
  #pending: Buffer | undefined;
  #answered: Answered | undefined;
  #lost: (error: Error) => void;

  private constructor(socket: Socket, lost: (error: Error) => void) {
    this.#socket = socket;
    this.#lost = lost;
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    socket.on('error', (error) => this.#lost(error));
    socket.on('close', () => this.#lost(new Error('connection closed')));
  }

  /** @param lost called when the connection ends before `end`, whether or not an answer is due */
  static open(host: string, port: number, lost: (error: Error) => void): Promise<Line> {
    return new Promise((resolve, reject) => {
      const socket = connect({ host, port, noDelay: true });
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.off('error', reject);
        resolve(new Line(socket, lost));
      });
    });
  }

  /** An answer is outstanding. */
  get busy(): boolean {
    return this.#answered !== undefined;
  }

  ask(request: Buffer | string, answered: Answered): void {
    this.#answered = answered;
    this.#socket.write(request);
  }

  end(): void {
    this.#lost = () => {};
    this.#socket.destroy();
  }

  #receive(chunk: Buffer): void {
    const data = this.#pending === undefined ? chunk : Buffer.concat([this.#pending, chunk]);
    this.#pending = data;
    const headEnd = data.indexOf(HEAD_END);
    if (headEnd < 0) return;
    const head = data.toString('latin1', 0, headEnd).toLowerCase();
    const lengthAt = head.indexOf(LENGTH) + LENGTH.length;
    const bodyAt = headEnd + HEAD_END.length;
    if (data.length < bodyAt + Number.parseInt(head.slice(lengthAt, lengthAt + 10), 10)) return;
    this.#pending = undefined;
    const answered = this.#answered;
    this.#answered = undefined;
    answered?.(head.slice(STATUS_AT, STATUS_AT + 3), data.toString('latin1', bodyAt));
  }
}
