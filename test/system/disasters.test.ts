import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { connect } from 'amqplib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ENVELOPE_SCHEMA, encode, SCHEMA_HEADER } from '../../contracts/messages.ts';
import { DEAD_LETTERS_QUEUE, ORDERS_EXCHANGE, ordersQueue } from '../../contracts/topology.ts';
import { audit } from '../../db/operations.ts';
import { type PrivateBroker, startPrivateBroker } from '../broker/private-broker.ts';
import { type Relay, startRelay } from '../broker/relay.ts';
import { type CrashServer, startCrashServer } from '../db/crash-server.ts';
import { uniqueName } from '../servers.ts';
import { type System, startSystem } from '../system.ts';
import { until } from '../until.ts';
import { Flow, type FlowCounts } from './flow.ts';
import { startWaiters } from './waiters.ts';

/**
 * No disaster may lose a request or cause a false answer. Each one happens while orders flow, or while
 * shoppers wait. Every test with a flow prints its counts: taken, decided, dead-lettered, lost.
 */

const ALARM_MS = 20_000;
const WORKERS = ['worker-1', 'worker-2'];
const WEB_NODES = ['web-1', 'web-2'];
/** Requests before and after each disaster. */
const SOME = 50;

describe('under load, no request is lost and no answer is false when', () => {
  let broker: PrivateBroker;
  let database: CrashServer;
  let relay: Relay;
  let system: System;

  beforeAll(async () => {
    [broker, database] = await Promise.all([startPrivateBroker(), startCrashServer()]);
    // The workers reach the broker through a relay that can hold their acknowledgements back.
    relay = await startRelay(broker.url);
    system = await startSystem({
      keepers: 1,
      workers: WORKERS.length,
      databaseServerUrl: database.url,
      amqpUrl: broker.url,
      workerEnvironment: { AMQP_URL: relay.url },
    });
    await broker.flush();
  });
  afterAll(async () => {
    await system?.stop();
    await relay?.close();
    await Promise.all([broker?.remove(), database?.remove()]);
  });

  async function putOnSale(): Promise<{ sale: string; sku: string }> {
    const sku = uniqueName('sku');
    return { sku, sale: await system.createSale([{ sku, units: 1_000_000 }]) };
  }

  async function begin({ sale, sku }: { sale: string; sku: string }): Promise<Flow> {
    const flow = new Flow(system, sale, sku);
    await flow.more(SOME);
    return flow;
  }

  async function withChannel<T>(use: (channel: Channel) => Promise<T>): Promise<T> {
    const connection = await connect(broker.url);
    connection.on('error', () => {});
    try {
      return await use(await connection.createConfirmChannel());
    } finally {
      await connection.close();
    }
  }

  const deadLetters = () =>
    withChannel(async (channel) => (await channel.checkQueue(DEAD_LETTERS_QUEUE)).messageCount);

  /**
   * Every request that was taken is ordered, its shopper was told so, and the audit finds nothing.
   */
  async function expectNothingLost(name: string, flow: Flow): Promise<FlowCounts> {
    await flow.more(SOME);
    const counts = await flow.stop();
    console.log(`${name}: ${JSON.stringify({ ...counts, lost: counts.undecided })}`);
    expect(counts.lies).toEqual([]);
    expect(counts.undecided).toBe(0);
    expect(counts.decided).toEqual({ ordered: counts.taken });
    expect(await audit(system.databases)).toEqual([]);
    return counts;
  }

  it("the broker's memory alarm is on for 20 s", async () => {
    const flow = await begin(await putOnSale());
    await broker.rabbitmqctl('set_vm_memory_high_watermark', '0.00001');
    await delay(ALARM_MS);
    const { refused } = await until('purchases are refused', () => {
      const { refused } = flow;
      return (refused.get('overloaded') ?? 0) > 0 && { refused };
    });
    expect([...refused.keys()]).toEqual(['overloaded']);
    await broker.rabbitmqctl('set_vm_memory_high_watermark', '0.4');
    await expectNothingLost('memory alarm', flow);
  });

  const restarts: Readonly<Record<string, () => Promise<void>>> = {
    'a web node': () => killed('web-1'),
    'both web nodes': () => killed(...WEB_NODES),
    'every worker': () => killed(...WORKERS),
    'the broker': async () => {
      await broker.kill();
      await broker.start();
    },
    'the database': async () => database.stopImmediately(),
  };

  async function killed(...names: readonly string[]): Promise<void> {
    await Promise.all(names.map((name) => system.kill(name)));
    await Promise.all(names.map((name) => system.restart(name)));
  }

  it.each(Object.keys(restarts))('this is killed and started again: %s', async (part) => {
    const place = await putOnSale();
    // Nothing is decided before everybody waits.
    for (const name of WORKERS) system.signal(name, 'SIGSTOP');
    const { units, heard } = await startWaiters(system, WEB_NODES, place);
    const flow = await begin(place);
    await restarts[part]?.();
    if (part !== 'every worker') for (const name of WORKERS) system.signal(name, 'SIGCONT');
    const answers = await heard;
    expect(answers).toHaveLength(units);
    for (const own of answers) {
      expect(own.at(-1)).toBe('ordered');
      // A node that does not know the state answers 503, and one that got no core for seconds 408. No answer is false.
      expect(['queued', 'ordered', '503', '408']).toEqual(expect.arrayContaining(own));
    }
    await expectNothingLost(`killed: ${part}`, flow);
  });

  it('every worker is killed between COMMIT and acknowledgement', async () => {
    const flow = await begin(await putOnSale());
    relay.silenceClient();
    const before = (await flow.outcomes()).size;
    await flow.more(SOME);
    // These calls have committed, and none of them can have been acknowledged.
    const committed = await until('calls have committed', async () => {
      const decided = (await flow.outcomes()).size - before;
      return decided > 0 && decided;
    });
    await Promise.all(WORKERS.map((name) => system.kill(name)));
    relay.cut();
    relay.resume();
    await Promise.all(WORKERS.map((name) => system.restart(name)));
    await expectNothingLost(`workers killed with ${committed} committed, not acknowledged`, flow);
  });

  it('a poison message is in the middle of a batch', async () => {
    const flow = await begin(await putOnSale());
    const before = await deadLetters();
    const request = (userId: string) => ({ requestId: randomUUID(), userId, units: 1 });
    const good = [request('good-1'), request('good-2'), request('good-3')];
    const [first, second, third] = good;
    // PostgreSQL accepts no NUL in a text, so a batch with one fails as a whole.
    const culprit = request('poison\0');
    const envelope = { sku: flow.sku, node: 'somebody', requests: [first, culprit, second, third] };
    const poison: [Buffer, string][] = [
      [Buffer.from('{"sku":'), ENVELOPE_SCHEMA],
      [Buffer.from('{}'), 'flashsale.envelope.v99'],
      [encode(envelope as Parameters<typeof encode>[0]), ENVELOPE_SCHEMA],
    ];
    await withChannel(async (channel) => {
      for (const [content, schema] of poison) {
        channel.publish(ORDERS_EXCHANGE, 'hot', content, {
          persistent: true,
          headers: { [SCHEMA_HEADER]: schema },
        });
      }
      await channel.waitForConfirms();
    });
    await until('the poison is dead-lettered', async () => (await deadLetters()) === before + 3);
    await until('those beside the culprit are decided', async () => {
      const rows = await system.databases.home('hot').query({
        text: `SELECT FROM hot.outcome WHERE request_id = ANY ($1::uuid[]) AND status = 'ordered'`,
        values: [good.map(({ requestId }) => requestId)],
      });
      return rows.length === good.length;
    });
    await expectNothingLost('poison: 3 dead letters', flow);
    expect(await deadLetters()).toBe(before + 3);
  });

  it('every message is delivered twice', async () => {
    const flow = await begin(await putOnSale());
    const connection = await connect(broker.url);
    const channel = await connection.createChannel();
    const { queue } = await channel.assertQueue('', { exclusive: true });
    await channel.bindQueue(queue, ORDERS_EXCHANGE, 'hot');
    let copies = 0;
    await channel.consume(
      queue,
      (message) => {
        if (message === null) return;
        copies += 1;
        channel.sendToQueue(ordersQueue('hot'), message.content, message.properties);
      },
      { noAck: true },
    );
    await flow.more(2 * SOME);
    await expectNothingLost('delivered twice', flow);
    await connection.close();
    console.log(`delivered twice: ${copies} messages`);
    expect(copies).toBeGreaterThan(0);
  });
});

type Channel = Awaited<ReturnType<Awaited<ReturnType<typeof connect>>['createConfirmChannel']>>;
