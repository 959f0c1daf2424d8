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
  /** Routing key of the web process that waits for it. */
  readonly replyTo: string;
  readonly verdict: Verdict;
  /** Of the orders of the same call: the same object in each. */
  readonly terms?: OrderTerms;
}

/**
 * Tells web processes what was committed, one message a process and call. Not persistent, not
 * mandatory, its result not waited for: what is lost is looked up in the database.
 */
export function sendVerdicts(publisher: Publisher, addressed: readonly AddressedVerdict[]): void {
  for (const [terms, ofCall] of Map.groupBy(addressed, (each) => each.terms)) {
    for (const [replyTo, group] of Map.groupBy(ofCall, (each) => each.replyTo)) {
      const verdicts = group.map(({ verdict }) => verdict);
      send(publisher, replyTo, { verdicts, ...(terms && { terms }) });
    }
  }
}

/** Tells a web process that these requests are safe but stand still: somebody has to look. */
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
