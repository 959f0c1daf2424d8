import { encode, VERDICTS_SCHEMA, type Verdict, type Verdicts } from '../contracts/messages.ts';
import { VERDICTS_EXCHANGE } from '../contracts/topology.ts';
import type { Publisher } from './publisher.ts';

export interface ToldVerdict {
  /** Routing key of the web process that waits for it. */
  readonly replyTo: string;
  readonly verdict: Verdict;
}

/**
 * Tells web processes what was committed, one message a process. Not persistent, not mandatory, its
 * result not waited for: what is lost is looked up in the database.
 */
export function sendVerdicts(publisher: Publisher, told: readonly ToldVerdict[]): void {
  const byProcess = Map.groupBy(told, ({ replyTo }) => replyTo);
  for (const [replyTo, group] of byProcess) {
    tell(publisher, replyTo, { verdicts: group.map(({ verdict }) => verdict) });
  }
}

/** Tells a web process that these requests are safe but stand still: somebody has to look. */
export function sendDelayed(
  publisher: Publisher,
  replyTo: string | undefined,
  requestIds: readonly string[],
): void {
  if (replyTo !== undefined && requestIds.length > 0) {
    tell(publisher, replyTo, { verdicts: [], delayed: requestIds });
  }
}

function tell(publisher: Publisher, replyTo: string, message: Verdicts): void {
  void publisher.publish({
    exchange: VERDICTS_EXCHANGE,
    routingKey: replyTo,
    schema: VERDICTS_SCHEMA,
    content: encode(message),
    persistent: false,
    mandatory: false,
  });
}
