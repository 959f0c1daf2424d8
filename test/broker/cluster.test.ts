import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { BrokerConnection } from '../../broker/connection.ts';
import { clusterOf, membersWanted } from '../../broker/management.ts';
import { watchBroker } from '../../broker/probe.ts';
import { PROGRAM_ENVIRONMENT } from '../children.ts';
import { until } from '../until.ts';
import { startTwoBrokers, type TwoBrokers } from './cluster.ts';
import { createConnections } from './harness.ts';

/** A real cluster: queues that keep one member, and the loss of the majority. */

const ROOT = join(import.meta.dirname, '../..');
const run = promisify(execFile);
const connections = createConnections();
const stopping = new AbortController();
let brokers: TwoBrokers;
let connection: BrokerConnection;
let trouble: () => string | undefined;

beforeAll(async () => {
  brokers = await startTwoBrokers();
  // The queues are declared here, on a single node.
  connection = await connections.open(brokers.url);
  trouble = await watchBroker(connection, [], stopping.signal);
});
afterAll(async () => {
  stopping.abort();
  await connections.closeAll();
  await brokers?.remove();
});

const cluster = () => clusterOf(brokers.managementUrl, brokers.url);

async function queuesCommand(): Promise<string> {
  const env = {
    ...PROGRAM_ENVIRONMENT,
    AMQP_URL: brokers.url,
    AMQP_MANAGEMENT_URL: brokers.managementUrl,
  };
  const { stdout } = await run(process.execPath, ['ops/cli.ts', 'broker', 'queues'], {
    cwd: ROOT,
    env,
  });
  return stdout;
}

test('queues declared before the cluster have one member; the cockpit says how to repair that', async () => {
  await brokers.join();
  const [first, second] = brokers.nodes;
  await until('the cluster has two nodes', async () => (await cluster()).nodes.length === 2);
  const before = await cluster();
  expect(membersWanted(before)).toBe(2);
  expect(before.queues).toHaveLength(4);
  for (const { members } of before.queues) expect(members).toEqual([first]);

  const said = await queuesCommand();
  expect(said).toMatch(/^orders\.hot +0 +0 +1 of 2 +1$/m);
  const advice = [...said.matchAll(/^ {2}rabbitmq-queues (grow .*)$/gm)].map(
    ([, args = '']) => args,
  );
  expect(advice).toContain(`grow ${second} all --queue-pattern '^orders.hot$'`);
  for (const args of advice) {
    await brokers.tool('rabbitmq-queues', ...args.replaceAll("'", '').split(' '));
  }
  await until('every queue has two members', async () =>
    (await cluster()).queues.every(({ members, online }) => members.length + online.length === 4),
  );
  expect(await queuesCommand()).not.toContain('grow');
});

test('a lost majority is reported although the connection is open', async () => {
  await until('the broker confirms', () => trouble() === undefined);
  await brokers.killSecond();
  const why = await until('it is told', trouble);
  expect(why).toMatch(/confirm nothing/);
  expect(connection.connected).toBe(true);
  await brokers.startSecond();
  await until('the broker confirms again', () => trouble() === undefined, { deadlineMs: 300_000 });
});
