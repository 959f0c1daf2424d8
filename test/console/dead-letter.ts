import { BrokerConnection } from '../../broker/connection.ts';
import { DEAD_HEADERS } from '../../contracts/dead-letters.ts';
import { ENVELOPE_SCHEMA, type Envelope, encode } from '../../contracts/messages.ts';
import { DEAD_EXCHANGE } from '../../contracts/topology.ts';
import { createLog } from '../../process/log.ts';

/** Makes a message a dead letter, as a worker does that failed with it. */
export async function publishDeadLetter(amqpUrl: string, envelope: Envelope): Promise<void> {
  const log = createLog('test', 'silent');
  const broker = await BrokerConnection.open({ url: amqpUrl, name: 'test', log });
  try {
    await broker.whenConnected();
    const channel = await broker.openChannel();
    channel.publish(DEAD_EXCHANGE, 'hot', encode(envelope), {
      persistent: true,
      headers: { 'x-schema': ENVELOPE_SCHEMA, [DEAD_HEADERS.cause]: 'failed' },
    });
    await channel.waitForConfirms();
  } finally {
    await broker.close();
  }
}
