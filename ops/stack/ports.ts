import { connect, createServer } from 'node:net';

/** Ports that are tried after the wanted one before the choice is given up. */
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
 * The wanted port, or the next free one above it; ports in `taken` are passed over and the chosen one
 * is added, so that several choices in a row never name the same port.
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
 * Ports that nobody looks for at a fixed place come from blocks, each of one process alone: it listens
 * on the first port of its block for as long as it lives. A free port that two processes have found
 * at the same moment is free for one of them only. Below 32,768, the range from which Linux takes the
 * local ports of outgoing connections: one of those would block a server's restart.
 */
const BLOCKS_FROM = 16_000;
const BLOCK_PORTS = 100;
const BLOCKS_MAX = 160;

/** Holds the port for the life of this process, which it does not prolong; false when it is taken. */
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
 * A free port that no other call gives away, here or in another process, until this one has given
 * all of its block and begins again.
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

/** Whether somebody accepts connections there within the deadline. */
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
 * Sends `request` and gives the first bytes of the answer, or undefined when none comes in time.
 * Enough of a client to ask a server whether it is ready without a library for its protocol.
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
