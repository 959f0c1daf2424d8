import { connect } from 'node:net';

/** Asks each ZooKeeper server with `srvr`, the one command that every version answers by default. */

const ANSWER_LENGTH_MAX = 10_000;

export interface ZookeeperServer {
  readonly server: string;
  /** Undefined: it did not answer, for this reason. */
  readonly mode: string | undefined;
  readonly version: string;
  readonly reason: string;
}

function srvr(server: string, timeoutMs: number): Promise<string> {
  const at = server.lastIndexOf(':');
  return new Promise((resolve, reject) => {
    const socket = connect({ host: server.slice(0, at), port: Number(server.slice(at + 1)) });
    let text = '';
    socket.setTimeout(timeoutMs, () => socket.destroy(new Error('it does not answer')));
    socket.on('connect', () => socket.write('srvr'));
    socket.on('data', (part) => {
      text += part;
      if (text.length > ANSWER_LENGTH_MAX) socket.destroy(new Error('it is no ZooKeeper'));
    });
    socket.on('error', reject);
    socket.on('close', () => resolve(text));
  });
}

export async function askServers(
  servers: string,
  timeoutMs: number,
): Promise<readonly ZookeeperServer[]> {
  return Promise.all(
    servers.split(',').map(async (server): Promise<ZookeeperServer> => {
      try {
        const text = await srvr(server, timeoutMs);
        return {
          server,
          mode: /^Mode: (\w+)/m.exec(text)?.[1],
          version: /version: ([\d.]+)/.exec(text)?.[1] ?? 'unknown',
          reason: text.split('\n')[0]?.trim() || 'it closed the connection',
        };
      } catch (error) {
        const { message } = error as Error;
        return { server, mode: undefined, version: 'unknown', reason: message };
      }
    }),
  );
}
