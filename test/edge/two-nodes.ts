import { afterAll, beforeAll, expect } from 'vitest';
import { type Edge, startEdge } from '../edge.ts';
import { call, type Nodes, openNodes, type Told } from './nodes.ts';

/** Two web nodes behind an edge, for one test file. */

/** Opens two web nodes and an edge for a test file, and closes all that the file opens. */
export function edgeOfTwo() {
  let nodes: Nodes;
  let edge: Edge;
  const open: { close(): Promise<void> }[] = [];
  beforeAll(async () => {
    nodes = await openNodes(2);
    edge = await startEdge(nodes.ports);
  });
  afterAll(async () => {
    for (const each of open.reverse()) await each.close();
    await edge?.close();
    await nodes?.close();
  });
  return {
    get nodes(): Nodes {
      return nodes;
    },
    get edge(): Edge {
      return edge;
    },
    alsoClose<T extends { close(): Promise<void> }>(opened: T): T {
      open.push(opened);
      return opened;
    },
    get: (path: string, headers: Record<string, string> = {}) => call(edge.url + path, { headers }),
    buy: (userId: string, url = edge.url) =>
      call(`${url}/api/v1/buy/${nodes.nodes[0]?.ticketOf(userId)}`, {
        method: 'POST',
        headers: { authorization: `Bearer ${nodes.tokenOf(userId)}` },
        body: '{"quantity":1}',
      }),
  };
}

export function expectProblem({ status, headers, body }: Told, expected: object): void {
  expect(headers['content-type']).toBe('application/problem+json');
  expect(headers['cache-control']).toBe('no-store');
  expect(JSON.parse(body)).toMatchObject({ type: 'about:blank', status, ...expected });
}
