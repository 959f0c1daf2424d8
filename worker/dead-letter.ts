import type { Delivery } from '../broker/consumer.ts';
import type { OutgoingMessage } from '../broker/publisher.ts';
import { DEAD_HEADERS, type DeadCause } from '../contracts/dead-letters.ts';
import { DEAD_EXCHANGE } from '../contracts/topology.ts';
import { DatabaseError } from '../db/client/errors.ts';

/** Maximum characters of the error text in a dead letter. */
const ERROR_LENGTH_MAX = 500;

/**
 * The dead letter of a delivery, or of one request of it. The worker publishes it instead of leaving
 * that to the broker (nack), so that it carries the reason and not the requests that were decided.
 */
export function deadLetter(
  delivery: Pick<Delivery, 'schema' | 'replyTo'>,
  content: Buffer,
  { queue, cause, error }: { queue: string; cause: DeadCause; error: unknown },
): OutgoingMessage {
  const sqlstate = error instanceof DatabaseError ? error.sqlstate : undefined;
  const text = error instanceof Error ? error.message : String(error);
  return {
    exchange: DEAD_EXCHANGE,
    routingKey: '',
    schema: delivery.schema ?? '',
    content,
    ...(delivery.replyTo !== undefined && { replyTo: delivery.replyTo }),
    headers: {
      [DEAD_HEADERS.cause]: cause,
      [DEAD_HEADERS.error]: text.slice(0, ERROR_LENGTH_MAX),
      ...(sqlstate !== undefined && { [DEAD_HEADERS.sqlstate]: sqlstate }),
      [DEAD_HEADERS.queue]: queue,
      [DEAD_HEADERS.at]: new Date().toISOString(),
    },
    persistent: true,
    mandatory: true,
  };
}
