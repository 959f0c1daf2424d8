import { connect, createServer } from 'node:net';

/** Ports above the wanted one that are tried before the choice fails. */
const PORTS_TRIED_MAX = 200;

/** Whether a server could listen on the port of this address now. */
export function isPortFree(port: number, host = '127.0.0.1'): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host, exclusive: true }, () => server.close(() => resolve(true)));
  });
}

/**
 * Returns the wanted port or the next free one above it. It skips ports in `taken` and adds the chosen
 * one, so that successive choices never return the same port.
 *
 * @throws {Error} when no port near it is free
 */
export async function choosePort(wanted: number, taken: Set<number>): Promise<number> {
  for (let port = wanted; port < wanted + PORTS_TRIED_MAX && port < 65_536; port += 1) {
    if (taken.has(port) || !(await isPortFree(port))) continue;
    taken.add(port);
    return port;
  }
  throw new Error(`no free port from ${wanted} to ${wanted + PORTS_TRIED_MAX - 1} on 127.0.0.1`);
}

/**
 * Ports without a fixed number come from blocks. Each block belongs to one process, which listens on
 * its first port for as long as it runs; otherwise two processes could find the same port free at the
 * same moment. Blocks are below 32,768: Linux takes the local ports of outgoing connections from
 * there on, and such a connection would block a server's restart.
 */
const BLOCKS_FROM = 16_000;
const BLOCK_PORTS = 100;
const BLOCKS_MAX = 160;

/** Listens on the port until this process ends, without keeping it alive; false when it is taken. */
function hold(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', () => resolve(false));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => {
      server.unref();
      resolve(true);
    });
  });
}

async function takeBlock(): Promise<number> {
  const first = Math.floor(Math.random() * BLOCKS_MAX);
  for (let n = 0; n < BLOCKS_MAX; n += 1) {
    const base = BLOCKS_FROM + ((first + n) % BLOCKS_MAX) * BLOCK_PORTS;
    if (await hold(base)) return base;
  }
  throw new Error(`no free block of ports from ${BLOCKS_FROM} on 127.0.0.1`);
}

let ownBlock: Promise<number> | undefined;
let given = 0;

/**
 * Returns a free port that no other call returns, here or in another process, until this process has
 * used up its block and starts again.
 *
 * @throws {Error} when there is none
 */
export async function freePort(): Promise<number> {
  ownBlock ??= takeBlock();
  const base = await ownBlock;
  for (let tried = 1; tried < BLOCK_PORTS; tried += 1) {
    const port = base + 1 + (given++ % (BLOCK_PORTS - 1));
    if (await isPortFree(port)) return port;
  }
  throw new Error(`no free port from ${base} to ${base + BLOCK_PORTS - 1} on 127.0.0.1`);
}

/** Whether a server accepts connections at this address within the deadline. */
export function accepts(host: string, port: number, timeoutMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const end = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(timeoutMs, () => end(false));
    socket.once('error', () => end(false));
    socket.once('connect', () => end(true));
  });
}

/**
 * Sends `request` and returns the first bytes of the answer, or undefined when none comes in time.
 * This is enough to check a server's readiness without a library for its protocol.
 */
export function exchange(
  address: { host: string; port: number },
  request: Buffer | string,
  timeoutMs: number,
): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    const socket = connect(address, () => socket.write(request));
    const end = (answer: Buffer | undefined) => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(timeoutMs, () => end(undefined));
    socket.once('error', () => end(undefined));
    socket.once('close', () => end(undefined));
    socket.once('data', (data) => end(Buffer.from(data)));
  });
}

/** The address of a program that this machine alone uses. */
export function loopbackUrl(port: number): string {
  return `http://127.0.0.1:${port}`;
}
