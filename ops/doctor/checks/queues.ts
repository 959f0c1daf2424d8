import { type BrokerNode, membersWanted } from '../../../broker/management.ts';
import { firstUrl } from '../../../contracts/cluster-url.ts';
import { DEAD_LETTERS_QUEUE } from '../../../contracts/topology.ts';
import { type Check, count, type Finding, few, no, ok, unless } from '../check.ts';
import { aheadOf, call } from '../sources/http.ts';
import type { Sources } from '../sources/sources.ts';

/** RabbitMQ: what anybody with a login sees of the queues, and what only its management API shows. */

/** While nobody buys, nothing waits. */
const WAITING_MAX = 100;
const QUEUES = 'flashsale broker queues';

export const queues: Check = {
  name: 'queues',
  about: 'whether workers take from each queue of orders, and nothing waits or is a dead letter',
  async look(sources) {
    const figures = await sources.queues();
    const problems = figures.flatMap(({ queue, messages, consumers }): Finding[] => {
      if (queue === DEAD_LETTERS_QUEUE) {
        if (messages === 0) return [];
        const reason = `${count(messages, 'dead letter')}: their shoppers still see queued`;
        return [no(reason, 'flashsale dead-letters list')];
      }
      return [
        ...(consumers === 0
          ? [no(`no worker takes from ${queue}: its orders would wait`, QUEUES)]
          : []),
        ...(messages > WAITING_MAX ? [no(`${messages} messages wait in ${queue}`, QUEUES)] : []),
      ];
    });
    const taken = figures
      .filter(({ queue }) => queue !== DEAD_LETTERS_QUEUE)
      .map(({ queue, consumers }) => `${queue} (${count(consumers, 'consumer')})`);
    return unless(problems, ok(`nothing waits in ${few(taken)}; no dead letter`, QUEUES));
  },
};

const OFF_MAX_SECONDS = 0.5;
/** Twice the limit at which the broker takes nothing more. */
const DISK_FACTOR = 2;
const FILES_USED_MAX = 0.5;

function problemsOf(node: BrokerNode): Finding[] {
  const status = `rabbitmq-diagnostics -n ${node.name} status`;
  if (!node.isRunning) return [no(`${node.name} does not run`, 'rabbitmqctl cluster_status')];
  const { openFiles, openFilesMax } = node;
  const problems = [
    ...(node.memoryAlarm ? ['has its memory alarm on: it takes no message'] : []),
    ...(node.diskAlarm ? ['has its disk alarm on: it takes no message'] : []),
    ...(node.diskFreeBytes < DISK_FACTOR * node.diskLimitBytes
      ? ['has little more disk left than the limit at which it takes no message']
      : []),
    ...(openFiles > openFilesMax * FILES_USED_MAX
      ? [`has opened ${openFiles} of ${openFilesMax} files already`]
      : []),
    ...(node.partitions.length > 0 ? [`is cut off from ${few(node.partitions)}`] : []),
  ];
  return problems.map((problem) => no(`${node.name} ${problem}`, status));
}

/** The clock of the host that answers, by the header of the answer. */
async function clockOf(sources: Sources): Promise<Finding[]> {
  const first = firstUrl(sources.addresses.env.AMQP_MANAGEMENT_URL ?? '');
  const { timeoutMs } = sources.options;
  const answer = await call(first, '/api/overview', timeoutMs).catch(() => undefined);
  const ahead = (answer && aheadOf(answer)) ?? 0;
  if (Math.abs(ahead) <= OFF_MAX_SECONDS) return [];
  const reason = `the clocks of RabbitMQ and of this machine differ by more than ${OFF_MAX_SECONDS} s`;
  return [no(reason, 'chronyc tracking, on both machines')];
}

export const broker: Check = {
  name: 'broker',
  about: "RabbitMQ's nodes and alarms, and on how many nodes each queue is (AMQP_MANAGEMENT_URL)",
  async look(sources) {
    const { cluster, nodes } = await sources.cluster();
    const wanted = membersWanted(cluster);
    const lacking = cluster.queues.flatMap(({ queue, members, online }): Finding[] => {
      const few = members.length < wanted;
      if (!few && online.length >= members.length) return [];
      const where = few ? `is on ${members.length} of ${cluster.nodes.length} nodes` : '';
      const away = few ? '' : `has ${online.length} of ${members.length} members running`;
      return [no(`${queue} ${where}${away}`, QUEUES)];
    });
    const problems = [...nodes.flatMap(problemsOf), ...lacking, ...(await clockOf(sources))];
    const well = `${count(nodes.length, 'node')} without an alarm, each queue on ${wanted} of them`;
    return unless(problems, ok(well, QUEUES));
  },
};
