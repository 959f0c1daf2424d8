import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/**
 * A relay between a session and the server that simulates faults of networks and servers: it falls
 * silent while it still accepts connections (a stopped process), cuts connections, refuses new ones
 * and corrupts answers.
 */
export interface Relay {
  /** The `host:port` to connect to. */
  readonly address: string;
  /** Holds back all bytes in both directions; connections stay open. */
  silence(): void;
  /** Silences only the existing connections, as after a failover. */
  strand(): void;
  /** Passes the bytes that were held back and all that follow. */
  speak(): void;
  /** Ends all connections. With `refuse`, new ones end at once too, until `speak()`. */
  cut(options?: { refuse: boolean }): void;
  /** Sends bytes to all clients as if the server had sent them. */
  inject(bytes: Buffer): void;
  close(): Promise<void>;
}

export async function startRelay(target: string): Promise<Relay> {
  const [host = '', port = ''] = target.split(':');
  const pairs = new Map<Socket, Socket>();
  let isSilent = false;
  let isRefusing = false;

  const server = createServer({ pauseOnConnect: true }, (client) => {
    if (isRefusing) return client.destroy();
    const upstream = connect(Number(port), host);
    pairs.set(client, upstream);
    client.on('data', (data) => upstream.write(data));
    upstream.on('data', (data) => client.write(data));
    const end = () => {
      pairs.delete(client);
      client.destroy();
      upstream.destroy();
    };
    for (const socket of [client, upstream]) {
      socket.setNoDelay();
      socket.on('close', end).on('error', end);
      if (isSilent) socket.pause();
    }
    if (!isSilent) client.resume();
    return undefined;
  });
  const all = () => [...pairs].flat();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    silence() {
      isSilent = true;
      for (const socket of all()) socket.pause();
    },
    strand() {
      for (const socket of all()) socket.pause();
    },
    speak() {
      isSilent = false;
      isRefusing = false;
      for (const socket of all()) socket.resume();
    },
    cut({ refuse } = { refuse: false }) {
      isRefusing = refuse;
      for (const socket of all()) socket.destroy();
    },
    inject(bytes) {
      for (const client of pairs.keys()) client.write(bytes);
    },
    close() {
      for (const socket of all()) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
