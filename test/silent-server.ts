import { type AddressInfo, createServer, type Socket } from 'node:net';

/** Accepts connections and never answers, like a machine that is frozen. */
export interface SilentServer {
  /** Its `host:port`. */
  readonly address: string;
  /** Ends the connections, too. */
  close(): Promise<void>;
}

export async function startSilentServer(): Promise<SilentServer> {
  const clients = new Set<Socket>();
  const server = createServer((client) => {
    clients.add(client);
    // What is not read hides the end of the connection.
    client.resume();
    client.on('error', () => {}).on('close', () => clients.delete(client));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    close() {
      for (const client of clients) client.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
