import { BrokerConnection, type ConnectionLimits } from '../../broker/connection.ts';
import type { OutgoingMessage } from '../../broker/publisher.ts';
import { SCHEMAS } from '../../contracts/names.ts';
import { DEAD_LETTERS_QUEUE, ORDERS_EXCHANGE, ordersQueue } from '../../contracts/topology.ts';
import { createLog } from '../../process/log.ts';

export const log = createLog('test', 'silent');

/** The connections of one test file, closed together at its end. */
export function createConnections() {
  const opened: BrokerConnection[] = [];
  return {
    async open(url: string, limits: Partial<ConnectionLimits> = {}): Promise<BrokerConnection> {
      const connection = await BrokerConnection.open({ url, name: 'test', log, limits });
      opened.push(connection);
      await connection.whenConnected();
      return connection;
    },
    async closeAll(): Promise<void> {
      await Promise.all(opened.splice(0).map((connection) => connection.close()));
    },
  };
}

/**
 * Resolves when the connection has been lost, however quickly it is made again. Call it before the
 * connection is cut.
 */
export function lost(connection: BrokerConnection): Promise<void> {
  return new Promise((resolve) => {
    const undo = connection.onChange(() => {
      if (connection.connected) return;
      undo();
      resolve();
    });
  });
}

/** A persistent message for the queue of regular orders. */
export function order(text: string, changes: Partial<OutgoingMessage> = {}): OutgoingMessage {
  return {
    exchange: ORDERS_EXCHANGE,
    routingKey: 'regular',
    schema: 'test.v1',
    content: Buffer.from(text),
    persistent: true,
    mandatory: true,
    ...changes,
  };
}

/** Takes all messages of a queue. */
export async function takeAll(connection: BrokerConnection, queue: string): Promise<string[]> {
  const channel = await connection.openChannel();
  const texts: string[] = [];
  for (;;) {
    const message = await channel.get(queue, { noAck: true });
    if (message === false) break;
    texts.push(message.content.toString());
  }
  await channel.close();
  return texts;
}

/** Empties the queues, so that a test sees no messages of an earlier one. */
export async function purge(connection: BrokerConnection): Promise<void> {
  // Takes one message at a time, because RabbitMQ 3.10 may take 30 s to purge a quorum queue after
  // a restart.
  for (const queue of [...SCHEMAS.map(ordersQueue), DEAD_LETTERS_QUEUE]) {
    await takeAll(connection, queue);
  }
}
