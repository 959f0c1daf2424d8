import type { Publisher } from '../broker/publisher.ts';
import { encode, VERDICTS_SCHEMA, type Verdict } from '../contracts/messages.ts';
import { VERDICTS_EXCHANGE } from '../contracts/topology.ts';

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
    void publisher.publish({
      exchange: VERDICTS_EXCHANGE,
      routingKey: replyTo,
      schema: VERDICTS_SCHEMA,
      content: encode({ verdicts: group.map(({ verdict }) => verdict) }),
      persistent: false,
      mandatory: false,
    });
  }
}
