import type { BrokerConnection } from '../../broker/connection.ts';
import { withDeadLetters } from '../../broker/dead-letters.ts';
import { queueFigures } from '../../broker/queues.ts';
import type { DeadCause } from '../../contracts/dead-letters.ts';
import { DEAD_LETTERS_QUEUE } from '../../contracts/topology.ts';

/** Looks for a request that no database has decided. The broker cannot be asked for one message. */

/** With more dead letters, operators look for it: reading takes all letters out of the queue for a moment. */
const LETTERS_READ_MAX = 1_000;

export interface Undecided {
  /** Messages that wait in the orders queues. Each has one request or more. */
  readonly waiting: number;
  readonly deadLetters: number;
  /** Whether the dead letters were searched. */
  readonly areLettersRead: boolean;
  /** The dead letter that has the request. */
  readonly letter:
    | {
        readonly id: string;
        readonly cause: DeadCause | 'unknown';
        readonly at: Date | null;
        readonly userId: string;
        readonly sku: string | null;
        /** The web node that admitted the request. */
        readonly node: string | null;
      }
    | undefined;
}

/** @throws {BrokerUnavailable} when there is no connection */
export async function findUndecided(
  broker: BrokerConnection,
  requestId: string,
): Promise<Undecided> {
  const queues = await queueFigures(broker);
  const isDead = ({ queue }: { readonly queue: string }) => queue === DEAD_LETTERS_QUEUE;
  const sum = (all: typeof queues) => all.reduce((messages, one) => messages + one.messages, 0);
  const deadLetters = sum(queues.filter(isDead));
  const waiting = sum(queues.filter((queue) => !isDead(queue)));
  const areLettersRead = deadLetters > 0 && deadLetters <= LETTERS_READ_MAX;
  const letter = areLettersRead ? await letterOf(broker, requestId) : undefined;
  return { waiting, deadLetters, areLettersRead, letter };
}

function letterOf(broker: BrokerConnection, requestId: string): Promise<Undecided['letter']> {
  return withDeadLetters(broker, async (letters) => {
    for (const { id, cause, at = null, envelope } of letters) {
      const request = envelope.requests.find((one) => one.requestId === requestId);
      if (request === undefined) continue;
      const { sku = null, node = null } = envelope;
      return { id, cause, at, userId: request.userId, sku, node };
    }
    return undefined;
  });
}
