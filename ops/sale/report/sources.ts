import type { BrokerConnection } from '../../../broker/connection.ts';
import { queueFigures } from '../../../broker/queues.ts';
import { DEAD_LETTERS_QUEUE } from '../../../contracts/topology.ts';
import type { ZkSession } from '../../../zk/client/session.ts';
import { HISTORY_ENTRIES_MAX } from '../../../zk/tree/history.ts';
import type { Paths } from '../../../zk/tree/paths.ts';
import { parseUnits } from '../../../zk/tree/values.ts';
import { Operator } from '../../quota/operator.ts';
import { Reader } from '../../quota/overview.ts';
import type { ReportSources, Undecided } from './facts.ts';

/** What ZooKeeper and RabbitMQ know of a sale. */

export async function zookeeperFacts(
  session: ZkSession,
  paths: Paths,
): Promise<Pick<ReportSources, 'history' | 'historyIsFull' | 'quotas'>> {
  const reader = new Reader(session, paths);
  const history = await new Operator(session, paths, '').history();
  const quotas = new Map<string, number>();
  for (const sku of await reader.names(paths.skus)) {
    const quota = parseUnits((await reader.inForce(paths.sku(sku).quota)) ?? '');
    if (quota.ok) quotas.set(sku, quota.value);
  }
  return { history, historyIsFull: history.length >= HISTORY_ENTRIES_MAX, quotas };
}

/** Counts what is not decided yet. @throws {BrokerUnavailable} */
export async function undecidedNow(
  session: ZkSession,
  paths: Paths,
  broker: BrokerConnection,
  skus: readonly string[],
): Promise<Undecided> {
  const reader = new Reader(session, paths);
  let [admitted, decided] = [0, 0];
  for (const node of await reader.names(paths.reports)) {
    const report = await reader.report(node);
    for (const sku of skus) {
      admitted += report?.skus[sku]?.admitted ?? 0;
      decided += report?.skus[sku]?.decided ?? 0;
    }
  }
  let [messages, deadLetters] = [0, 0];
  for (const figure of await queueFigures(broker)) {
    if (figure.queue === DEAD_LETTERS_QUEUE) deadLetters += figure.messages;
    else messages += figure.messages;
  }
  return { admitted, decided, messages, deadLetters };
}
