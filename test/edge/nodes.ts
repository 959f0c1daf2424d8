import { randomBytes } from 'node:crypto';
import {
  type Agent,
  createServer,
  type IncomingMessage,
  request,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { openWebNode, type WebNode } from '../server/web-node.ts';

/** Web nodes of one shop in this process, and plain calls to what is in front of them. */

export interface Told {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

/** @param from an address of this machine: all of 127.0.0.0/8 lead to it */
export function call(
  url: string,
  { method = 'GET', headers = {}, body = '', from = '127.0.0.1', agent } = {} as {
    method?: string;
    headers?: Record<string, string>;
    body?: string;
    from?: string;
    agent?: Agent;
  },
): Promise<Told> {
  return new Promise((resolve, reject) => {
    const json = body === '' ? {} : { 'content-type': 'application/json' };
    const options = {
      method,
      headers: { ...json, ...headers },
      localAddress: from,
      agent: agent ?? false,
    };
    const sent = request(url, options, (answer) => {
      let text = '';
      answer.on('data', (chunk) => {
        text += chunk;
      });
      answer.on('end', () =>
        resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: text }),
      );
      answer.on('error', reject);
    });
    sent.on('error', reject).end(body);
  });
}

export interface Nodes {
  readonly nodes: readonly WebNode[];
  readonly ports: readonly number[];
  /** Calls that reached a node: method and URL. */
  readonly seen: string[];
  /** The nodes that were reached, in the same order. */
  readonly at: number[];
  tokenOf(userId: string): string;
  close(): Promise<void>;
}

export async function openNodes(
  many: number,
  environment: Readonly<Record<string, string>> = {},
): Promise<Nodes> {
  const shared = {
    jwtSecret: randomBytes(32).toString('base64url'),
    ticketKey: randomBytes(32),
    environment: { TRUST_PROXY: '127.0.0.1', TRUST_PROXY_HOPS: '1', ...environment },
  };
  const nodes: WebNode[] = [];
  const ports: number[] = [];
  const seen: string[] = [];
  const at: number[] = [];
  for (let node = 0; node < many; node += 1) {
    const opened = await openWebNode(shared);
    await opened.app.listen({ host: '127.0.0.1', port: 0 });
    opened.app.server.on('request', (asked: IncomingMessage) => {
      seen.push(`${asked.method} ${asked.url}`);
      at.push(node);
    });
    nodes.push(opened);
    ports.push((opened.app.server.address() as AddressInfo).port);
  }
  return {
    nodes,
    ports,
    seen,
    at,
    tokenOf: (userId) => nodes[0]?.tokenOf(userId) ?? '',
    async close() {
      for (const { app } of nodes) app.server.closeAllConnections();
      await Promise.all(nodes.map((node) => node.close()));
    },
  };
}

/** A server that answers as the test wants, where a web node is expected. */
export async function standIn(
  answer: (asked: IncomingMessage, response: ServerResponse) => void,
): Promise<{ port: number; server: Server; close(): Promise<void> }> {
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    server,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
