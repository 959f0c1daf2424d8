import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A TCP relay between a client and a server that simulates network faults. */
export interface Relay {
  /** The server's URL through this relay. */
  readonly url: string;
  /** Resets every connection. New ones are accepted. */
  cut(): void;
  /** Holds back bytes from the server until `resume`; bytes from the client pass. */
  silenceServer(): void;
  /** Holds back bytes from the client until `resume`; `cut` discards them. */
  silenceClient(): void;
  resume(): void;
  close(): Promise<void>;
}

export async function startRelay(url: string): Promise<Relay> {
  const target = new URL(url);
  const pairs = new Set<{ client: Socket; server: Socket }>();
  let silent = false;
  let clientSilent = false;
  const listener = createServer((client) => {
    const server = connect(Number(target.port), target.hostname);
    const pair = { client, server };
    pairs.add(pair);
    client.on('data', (bytes) => server.write(bytes));
    client.on('end', () => server.end());
    if (clientSilent) client.pause();
    server.on('data', (bytes) => client.write(bytes));
    if (silent) server.pause();
    const end = () => {
      pairs.delete(pair);
      client.destroy();
      server.destroy();
    };
    for (const socket of [client, server]) socket.on('error', end).on('close', end);
  });
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  const relayed = new URL(url);
  relayed.hostname = '127.0.0.1';
  relayed.port = String((listener.address() as AddressInfo).port);
  const cut = () => {
    for (const { client, server } of pairs) {
      client.resetAndDestroy();
      server.destroy();
    }
  };
  return {
    url: relayed.href,
    cut,
    silenceServer() {
      silent = true;
      for (const { server } of pairs) server.pause();
    },
    silenceClient() {
      clientSilent = true;
      for (const { client } of pairs) client.pause();
    },
    resume() {
      silent = false;
      clientSilent = false;
      for (const { client, server } of pairs) {
        client.resume();
        server.resume();
      }
    },
    async close() {
      cut();
      await new Promise((resolve) => listener.close(resolve));
    },
  };
}
