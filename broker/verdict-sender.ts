import {
  encode,
  type OrderTerms,
  VERDICTS_SCHEMA,
  type Verdict,
  type Verdicts,
} from '../contracts/messages.ts';
import { VERDICTS_EXCHANGE } from '../contracts/topology.ts';
import type { Publisher } from './publisher.ts';

export interface AddressedVerdict {
  /** Routing key of the web process that waits for the verdict. */
  readonly replyTo: string;
  readonly verdict: Verdict;
  /** Terms of the orders of one database call; every verdict of the call has the same object. */
  readonly terms?: OrderTerms;
}

/**
 * Sends committed verdicts to web processes, one message for each process and database call.
 * Messages are neither persistent nor mandatory, and their confirms are not awaited: a web node
 * reads a lost verdict from the database.
 */
export function sendVerdicts(publisher: Publisher, addressed: readonly AddressedVerdict[]): void {
  for (const [terms, ofCall] of Map.groupBy(addressed, (each) => each.terms)) {
    for (const [replyTo, group] of Map.groupBy(ofCall, (each) => each.replyTo)) {
      const verdicts = group.map(({ verdict }) => verdict);
      send(publisher, replyTo, { verdicts, ...(terms && { terms }) });
    }
  }
}

/**
 * Tells a web process that these requests are safe but not processed further until an operator
 * acts.
 */
export function sendDelayed(
  publisher: Publisher,
  replyTo: string | undefined,
  requestIds: readonly string[],
): void {
  if (replyTo !== undefined && requestIds.length > 0) {
    send(publisher, replyTo, { verdicts: [], delayed: requestIds });
  }
}

function send(publisher: Publisher, replyTo: string, message: Verdicts): void {
  void publisher.publish({
    exchange: VERDICTS_EXCHANGE,
    routingKey: replyTo,
    schema: VERDICTS_SCHEMA,
    content: encode(message),
    persistent: false,
    mandatory: false,
  });
}
