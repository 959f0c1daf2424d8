import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { BrokerConnection } from '../../broker/connection.ts';
import { Consumer } from '../../broker/consumer.ts';
import { clusterOf, membersWanted } from '../../broker/management.ts';
import { watchBroker } from '../../broker/probe.ts';
import { Publisher, type PublishResult } from '../../broker/publisher.ts';
import { ordersQueue } from '../../contracts/topology.ts';
import { PROGRAM_ENVIRONMENT } from '../children.ts';
import { until } from '../until.ts';
import { type Brokers, startBrokers } from './cluster.ts';
import { createConnections, order } from './harness.ts';

/** A real cluster of three: members of queues, lost nodes, and clients that change their host. */

const ROOT = join(import.meta.dirname, '../..');
const run = promisify(execFile);
const connections = createConnections();
const stopping = new AbortController();
/** Brokers need long on a slow machine to start beside others. */
const START_DEADLINE = { deadlineMs: 300_000 };
/** Between two messages: without it, three brokers would be busy with copies of them all the time. */
const PAUSE_MS = 10;
let brokers: Brokers;
let connection: BrokerConnection;
let trouble: () => string | undefined;

beforeAll(async () => {
  brokers = await startBrokers(['first', 'second', 'third']);
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

/** After a start, the queues of a node find their members one after the other. */
const untilAllAreOnline = () =>
  until(
    'all members of all queues are online',
    async () => (await cluster()).queues.every(({ online }) => online.length === 3),
    START_DEADLINE,
  );

async function queuesCommand(): Promise<string> {
  const env = {
    ...PROGRAM_ENVIRONMENT,
    AMQP_URL: brokers.clusterUrl,
    AMQP_MANAGEMENT_URL: brokers.managementUrl,
  };
  const { stdout } = await run(process.execPath, ['ops/cli.ts', 'broker', 'queues'], {
    cwd: ROOT,
    env,
  });
  return stdout;
}

/** Runs what the command advises until it advises nothing. */
async function heal(): Promise<string[]> {
  const advice = [...(await queuesCommand()).matchAll(/^ {2}rabbitmq-queues (grow .*)$/gm)].map(
    ([, args = '']) => args,
  );
  for (const args of advice) {
    await brokers.tool('rabbitmq-queues', ...args.replaceAll("'", '').split(' '));
  }
  await until('every queue has three running members', async () =>
    (await cluster()).queues.every(({ members, online }) => members.length + online.length === 6),
  );
  expect(await queuesCommand()).not.toContain('grow');
  return advice;
}

test('queues declared before the cluster have one member; the cockpit says how to repair that', async () => {
  await brokers.join('second');
  await brokers.join('third');
  const [first, second] = brokers.nodes;
  await until('the cluster has three nodes', async () => (await cluster()).nodes.length === 3);
  const before = await cluster();
  expect(membersWanted(before)).toBe(3);
  expect(before.queues).toHaveLength(4);
  for (const { members } of before.queues) expect(members).toEqual([first]);
  expect(await queuesCommand()).toMatch(/^orders\.hot +0 +0 +1 of 3 +1$/m);

  const [advice] = await heal();
  expect(advice).toMatch(new RegExp(`^grow ${second} all --queue-pattern '.*orders.hot.*'$`));
});

test('a lost majority is reported although the connection is open', async () => {
  await until('the broker confirms', () => trouble() === undefined);
  brokers.signal('SIGSTOP', 'second', 'third');
  const why = await until('it is told', trouble);
  expect(why).toMatch(/confirm nothing/);
  expect(connection.connected).toBe(true);
  brokers.signal('SIGCONT', 'second', 'third');
  await until('the broker confirms again', () => trouble() === undefined, START_DEADLINE);
});

describe('clients of three hosts', () => {
  const queue = ordersQueue('regular');
  const results = new Map<string, PublishResult>();
  const received: string[] = [];
  let sender: BrokerConnection;
  let publisher: Publisher;
  let flow: Promise<void>;
  const ending = new AbortController();

  const host = (name: string) => brokers.hosts[brokers.names.indexOf(name)];
  /** Opens connections until one prefers the host; most of them prefer another. */
  async function preferring(name: string): Promise<BrokerConnection> {
    for (;;) {
      const one = await connections.open(brokers.clusterUrl, { returnDelayMs: 1_000 });
      if (one.host === host(name)) return one;
      await one.close();
    }
  }
  async function sendOne(): Promise<void> {
    const text = String(results.size);
    results.set(text, 'unknown');
    results.set(text, await publisher.publish(order(text)));
    // After a failed test there may be no broker that lets it go on.
    if (results.get(text) === 'refused')
      await publisher.whenAvailable(ending.signal).catch(() => {});
  }
  const countOf = (wanted: PublishResult) =>
    [...results.values()].filter((result) => result === wanted).length;
  async function confirmMore(): Promise<void> {
    const before = countOf('confirmed');
    await until('more is confirmed', () => countOf('confirmed') > before + 20, START_DEADLINE);
  }

  beforeAll(async () => {
    // The cluster's nodes answer at different times after they have been killed.
    await untilAllAreOnline();
    sender = await preferring('third');
    publisher = await Publisher.open(sender, { publishConfirmTimeoutMs: 60_000 });
    const receiver = await preferring('third');
    await Consumer.open(receiver, { queue, prefetchMax: 20 }, (delivery) => {
      received.push(delivery.content.toString());
      delivery.ack();
    });
    flow = (async () => {
      while (!ending.signal.aborted) {
        await sendOne();
        await delay(PAUSE_MS);
      }
    })();
  });
  afterAll(async () => {
    ending.abort();
    await flow;
  });

  test('spread over all of them', async () => {
    // That one host is chosen by none of them happens once in five million runs.
    const many = await Promise.all(
      Array.from({ length: 40 }, () => connections.open(brokers.clusterUrl)),
    );
    expect(new Set(many.map((one) => one.host))).toEqual(new Set(brokers.hosts));
    await Promise.all(many.map((one) => one.close()));
  });

  test('go on to another host when theirs is killed, and return without a refusal', async () => {
    await confirmMore();
    await brokers.kill('third');
    await until(
      'the client has another host',
      () => sender.connected && sender.host !== host('third'),
    );
    await confirmMore();

    const refused = countOf('refused');
    await brokers.start('third');
    await until('the client has returned', () => sender.host === host('third'), START_DEADLINE);
    await confirmMore();
    expect(countOf('refused')).toBe(refused);
  });

  test('go on to another host when theirs is frozen, and return', async () => {
    brokers.signal('SIGSTOP', 'third');
    await until(
      'the client has another host',
      () => sender.connected && sender.host !== host('third'),
      START_DEADLINE,
    );
    await confirmMore();
    brokers.signal('SIGCONT', 'third');
    await until('the client has returned', () => sender.host === host('third'), START_DEADLINE);
    await confirmMore();
    expect(sender.connected).toBe(true);
  });

  test('leave a node that is cut off from the others', async () => {
    const peers = brokers.nodes.slice(0, 2).map((node) => `'${node}'`);
    const each = (call: string) => peers.map((peer) => call.replaceAll('PEER', peer)).join(', ');
    await brokers.evaluate(
      'third',
      `${each('erlang:set_cookie(PEER, wrong), erlang:disconnect_node(PEER)')}.`,
    );
    await until(
      'the client has another host',
      () => sender.connected && sender.host !== host('third'),
      START_DEADLINE,
    );
    await confirmMore();
    await brokers.evaluate('third', `${each('erlang:set_cookie(PEER, erlang:get_cookie())')}.`);
    await until('the client has returned', () => sender.host === host('third'), START_DEADLINE);
  });

  test('lose no confirmed message when all nodes are killed in the same instant', async () => {
    await confirmMore();
    await brokers.kill(...brokers.names);
    await until('the loss is noticed', () => !sender.connected);
    await brokers.start(...brokers.names);
    await confirmMore();
    ending.abort();
    await flow;
    const confirmed = [...results].filter(([, result]) => result === 'confirmed');
    await until(
      'every confirmed message has arrived',
      () => {
        const arrived = new Set(received);
        return confirmed.every(([text]) => arrived.has(text));
      },
      START_DEADLINE,
    );
    expect(countOf('returned')).toBe(0);
  });
});

test('a replaced node gets its members back', async () => {
  await untilAllAreOnline();
  await brokers.kill('third');
  await brokers.replace('third');
  expect((await cluster()).queues.every(({ members }) => members.length === 2)).toBe(true);
  await heal();
});
