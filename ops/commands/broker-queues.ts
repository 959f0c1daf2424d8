import { type Cluster, clusterOf, membersWanted } from '../../broker/management.ts';
import { queueFigures } from '../../broker/queues.ts';
import { clusterUrl, parseEnvironment } from '../../contracts/config.ts';
import { brokerUrl, withBroker } from './broker.ts';
import type { AddCommand } from './command.ts';
import { table } from './table.ts';

/** `flashsale broker queues`: the length of each queue and the cluster nodes that hold a copy of it. */

const specs = { AMQP_MANAGEMENT_URL: clusterUrl('http', 'https')({ default: undefined }) };

interface Options {
  readonly json?: boolean;
}

/** One line for each queue with too few members, then the commands, one a node, that add them. */
function adviceOf(cluster: Cluster): string[] {
  const lacking = cluster.queues.filter(({ members }) => members.length < membersWanted(cluster));
  if (lacking.length === 0) return [];
  const commands = cluster.nodes.flatMap((node) => {
    const missing = lacking.filter(({ members }) => !members.includes(node));
    if (missing.length === 0) return [];
    const names = missing.map(({ queue }) => queue).join('|');
    return [`  rabbitmq-queues grow ${node} all --queue-pattern '^(${names})$'`];
  });
  return [
    ...lacking.map(
      ({ queue, members }) =>
        `${queue} is on ${members.length} of ${cluster.nodes.length} nodes: if they are lost, its messages are lost.`,
    ),
    'Run on any node:',
    ...commands,
  ];
}

export const addBroker: AddCommand = (program, context) => {
  const broker = program.command('broker').description("inspect the shop's queues in RabbitMQ");
  broker
    .command('queues')
    .description('show messages, consumers and cluster members of each queue, and what to repair')
    .option('--json', 'print the result as one JSON object')
    .action(async ({ json }: Options) => {
      const { AMQP_MANAGEMENT_URL } = parseEnvironment(context.environment, specs);
      const figures = await withBroker(context, queueFigures);
      const cluster =
        AMQP_MANAGEMENT_URL === undefined
          ? undefined
          : await clusterOf(AMQP_MANAGEMENT_URL, brokerUrl(context));
      const queues = figures.map((figure) => {
        const found = cluster?.queues.find(({ queue }) => queue === figure.queue);
        return { ...figure, members: found?.members, online: found?.online };
      });
      const advice = cluster === undefined ? [] : adviceOf(cluster);
      if (json) return console.log(JSON.stringify({ nodes: cluster?.nodes, queues, advice }));
      const of = (nodes: readonly string[] | undefined) =>
        nodes && `${nodes.length} of ${cluster?.nodes.length}`;
      const rows = queues.map((row) => ({
        ...row,
        members: of(row.members),
        online: row.online?.length,
      }));
      const note =
        'Cluster members come from the management API: set AMQP_MANAGEMENT_URL to see them.';
      console.log([table(rows), ...(cluster === undefined ? [note] : advice)].join('\n'));
    });
};
