import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Webhook } from 'standardwebhooks';
import type { CloudEvent } from '../../contracts/events.ts';

/** A merchant's HTTP server: verifies deliveries, and answers as the test says. */
export interface Receiver {
  readonly url: string;
  /** Events that were answered with 2xx, in the order of arrival, copies included. */
  readonly taken: CloudEvent[];
  /** Attempts, whatever the answer was. */
  attempts: number;
  /** Deliveries with an invalid signature. */
  forged: number;
  /** The secret that signatures are verified with from then on. */
  secret: string;
  /** The next answers: a status, or undefined for no answer. */
  answer: (event: CloudEvent) => number | undefined;
  close(): Promise<void>;
}

export async function startReceiver(): Promise<Receiver> {
  const server = createServer((request, response) => void receive(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const receiver: Receiver = {
    // A later receiver may get the same port.
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/events/${randomUUID()}`,
    taken: [],
    attempts: 0,
    forged: 0,
    secret: '',
    answer: () => 204,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  async function receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks).toString();
    receiver.attempts += 1;
    try {
      new Webhook(receiver.secret).verify(body, request.headers as Record<string, string>);
    } catch {
      receiver.forged += 1;
    }
    const event: CloudEvent = JSON.parse(body);
    if (event.id !== request.headers['webhook-id']) receiver.forged += 1;
    const status = receiver.answer(event);
    if (status === undefined) return;
    if (status >= 200 && status < 300) receiver.taken.push(event);
    response.writeHead(status).end('thanks');
  }
  return receiver;
}

/** The types of each order's events, in the order in which their first copies were accepted. */
export function lives(taken: readonly CloudEvent[]): Map<string, string[]> {
  const first = new Map<string, CloudEvent>();
  for (const event of taken) if (!first.has(event.id)) first.set(event.id, event);
  const byOrder = Map.groupBy(first.values(), ({ subject }) => subject);
  return new Map([...byOrder].map(([no, events]) => [no, events.map(({ type }) => type)]));
}
