import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/**
 * Stands between a session and the server, and does what networks and servers do: goes silent while
 * it still takes connections (a stopped process), cuts connections, refuses new ones, garbles.
 */
export interface Relay {
  /** `host:port` to connect to. */
  readonly address: string;
  /** Nothing passes in either direction, and nothing breaks. */
  silence(): void;
  /** The connections there are go silent; new ones are as ever. After a failover it is so. */
  strand(): void;
  /** What was held back passes, and so does all that follows. */
  speak(): void;
  /** Ends all connections; with `refuse`, new ones end at once too until `speak()`. */
  cut(options?: { refuse: boolean }): void;
  /** Sends bytes to all clients as if they came from the server. */
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
