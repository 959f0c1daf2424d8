import { connect, type Socket } from 'node:net';

/**
 * Presses prepared requests against one port through plain sockets, one request under way on each:
 * far lighter than an HTTP client, so that it is the server that is measured.
 */

const CONNECTIONS = 48;
const HEAD_END = Buffer.from('\r\n\r\n');

export interface Pressed {
  readonly answers: number;
  readonly seconds: number;
  /** Answers by HTTP status. */
  readonly statuses: Readonly<Record<string, number>>;
}

/** Each request once, in order; `seconds` ends it earlier. */
export async function press(
  port: number,
  next: () => Buffer | undefined,
  seconds: number,
): Promise<Pressed> {
  const statuses: Record<string, number> = {};
  let answers = 0;
  const startedAtMs = performance.now();
  const untilMs = startedAtMs + seconds * 1_000;

  function pressOn(socket: Socket): Promise<void> {
    return new Promise((resolve, reject) => {
      let pending: Buffer = Buffer.alloc(0);
      const send = () => {
        const request = performance.now() < untilMs ? next() : undefined;
        if (request === undefined) socket.end(resolve);
        else socket.write(request);
      };
      socket.on('error', reject);
      socket.on('data', (chunk: Buffer) => {
        pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
        const headEnd = pending.indexOf(HEAD_END);
        if (headEnd < 0) return;
        const head = pending.toString('latin1', 0, headEnd);
        const length = Number(/content-length: (\d+)/i.exec(head)?.[1]);
        if (!(pending.length >= headEnd + HEAD_END.length + length)) return;
        const status = head.slice(9, 12);
        statuses[status] = (statuses[status] ?? 0) + 1;
        answers += 1;
        pending = Buffer.alloc(0);
        send();
      });
      send();
    });
  }

  const sockets = await Promise.all(
    Array.from(
      { length: CONNECTIONS },
      () =>
        new Promise<Socket>((resolve, reject) => {
          const socket = connect({ port, host: '127.0.0.1', noDelay: true });
          socket.once('connect', () => resolve(socket)).once('error', reject);
        }),
    ),
  );
  await Promise.all(sockets.map(pressOn));
  return { answers, seconds: (performance.now() - startedAtMs) / 1_000, statuses };
}
