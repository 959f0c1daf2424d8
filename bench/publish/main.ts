import { parseArgs } from 'node:util';
import type { Channel } from '../../broker/amqp.ts';
import { BrokerConnection } from '../../broker/connection.ts';
import { PUBLISHER_LIMITS, Publisher } from '../../broker/publisher.ts';
import { ORDERS_EXCHANGE, ordersQueue } from '../../contracts/topology.ts';
import { createProgress } from '../../ops/stack/progress.ts';
import { createLog } from '../../process/log.ts';
import { PublishBreaker } from '../../server/requests/breakers.ts';
import { Envelopes } from '../../server/requests/envelopes.ts';
import { median, rounded } from '../figures.ts';
import { cpuSeconds, machine } from '../machine.ts';
import { startServers } from '../shop.ts';
import { plainLoop, throughEnvelopes, type Way } from './ways.ts';

/**
 * `npm run bench -- publish [--json]`: admitted requests per second that the quorum queue of orders
 * confirms, sent through the web node's envelopes, circuit breaker and publisher. For comparison it
 * measures amqplib's plain confirm loop, with one message per request and the window that is fastest
 * on this machine. Both run by turns in one process. The queue is emptied in between.
 */

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '7' },
    seconds: { type: 'string', default: '2' },
  },
});
const WINDOWS = [16, 64, 256, 1_024, 4_096];
/** Numbers of shoppers whose admitted requests wait for their confirm at the same time. */
const SHOPPERS = [64, 256, 1_024, 4_096];
const TRIAL_SECONDS = 1;
const MUST_REACH = 3;

const write = (line: string) => (values.json ? console.error(line) : console.log(line));
const bench = await startServers(['rabbitmq'], process.env, createProgress(write));
const figures: Record<string, unknown> = {};

async function measure(amqpUrl: string): Promise<void> {
  const log = createLog('bench', 'warn');
  const connection = await BrokerConnection.open({ url: amqpUrl, name: 'bench', log });
  await connection.whenConnected();
  const channel = await connection.openChannel();
  const publisher = await Publisher.open(connection);
  const breaker = new PublishBreaker(publisher.publish.bind(publisher));
  let envelopesSent = 0;
  const transport = { publish: breaker.publish.bind(breaker), trusted: () => true };
  const envelopes = new Envelopes(transport, 'bench', () => {
    envelopesSent += 1;
  });
  const broker = bench.supervisor.records().find(({ name }) => name === 'rabbitmq');
  const pids = new Map([
    ['client', process.pid],
    ...(broker ? [['rabbitmq', broker.pid] as const] : []),
  ]);

  async function run(way: Way, underWay: number, seconds: number) {
    const cpuBefore = cpuSeconds(pids);
    const { confirmed, tookSeconds } = await way(underWay, seconds);
    const cpu = cpuSeconds(pids);
    await emptyQueue(channel);
    const us = (name: string) =>
      rounded((((cpu.get(name) ?? 0) - (cpuBefore.get(name) ?? 0)) * 1e6) / confirmed);
    const cpuUs = { client: us('client'), rabbitmq: us('rabbitmq') };
    return { perSecond: confirmed / tookSeconds, cpuUs };
  }
  async function best(name: string, way: Way, choices: readonly number[]): Promise<number> {
    await run(way, choices[1] ?? 1, TRIAL_SECONDS);
    const rates: number[] = [];
    for (const choice of choices) rates.push((await run(way, choice, TRIAL_SECONDS)).perSecond);
    const at = rates.indexOf(Math.max(...rates));
    const said = choices.map((choice, index) => `${choice}: ${Math.round(rates[index] ?? 0)}/s`);
    write(`${name}: ${said.join(', ')}`);
    return choices[at] ?? 1;
  }

  const plain = plainLoop(channel);
  // The limit of messages on one channel of the publisher. They may hold many more requests.
  const ours = throughEnvelopes(envelopes);
  const window = await best('plain loop by window', plain, WINDOWS);
  const shoppers = await best('envelopes by shoppers under way', ours, SHOPPERS);
  const rounds: { ours: number; plain: number }[] = [];
  let cpu = {};
  for (let index = 0; index < Number(values.rounds); index += 1) {
    const before = envelopesSent;
    const one = await run(ours, shoppers, Number(values.seconds));
    const sent = envelopesSent - before;
    const two = await run(plain, window, Number(values.seconds));
    rounds.push({ ours: one.perSecond, plain: two.perSecond });
    cpu = { cpu_us_a_request: one.cpuUs, plain_cpu_us_a_request: two.cpuUs };
    const mean = (one.perSecond * Number(values.seconds)) / sent;
    write(
      `${Math.round(one.perSecond)} requests/s in envelopes of ${mean.toFixed(0)}, plain ` +
        `${Math.round(two.perSecond)}/s: ${rounded(one.perSecond / two.perSecond)}`,
    );
  }
  const mid = (of: (one: (typeof rounds)[number]) => number) => rounded(median(rounds.map(of)));
  Object.assign(figures, {
    publish_vs_limit: mid(({ ours, plain }) => ours / plain),
    requests_per_s: mid(({ ours }) => ours),
    plain_per_s: mid(({ plain }) => plain),
    plain_window: window,
    shoppers_under_way: shoppers,
    unconfirmed_messages_max: PUBLISHER_LIMITS.unconfirmedMax,
    ...cpu,
  });
  await publisher.close();
  await connection.close();
}

async function emptyQueue(channel: Channel): Promise<void> {
  await channel.purgeQueue(ordersQueue('hot'));
}

try {
  const { amqpUrl } = bench.servers;
  if (amqpUrl === undefined) throw new Error('RabbitMQ did not start');
  await measure(amqpUrl);
} finally {
  await bench.stop();
}
const ratio = Number(figures['publish_vs_limit']);
write(
  `publish_vs_limit: ${ratio} (must reach ${MUST_REACH})${ratio < MUST_REACH ? ' NOT REACHED' : ''}`,
);
console.log(
  JSON.stringify({
    bench: 'publish',
    ...figures,
    exchange: ORDERS_EXCHANGE,
    rounds: Number(values.rounds),
    machine,
  }),
);
