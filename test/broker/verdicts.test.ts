import { afterAll, beforeAll, expect, test } from 'vitest';
import type { BrokerConnection } from '../../broker/connection.ts';
import { Publisher } from '../../broker/publisher.ts';
import { VerdictListener } from '../../broker/verdict-listener.ts';
import { sendVerdicts } from '../../broker/verdict-sender.ts';
import {
  encode,
  type OrderTerms,
  VERDICTS_SCHEMA,
  type Verdict,
} from '../../contracts/messages.ts';
import { VERDICTS_EXCHANGE } from '../../contracts/topology.ts';
import { createVirtualHost, type VirtualHost } from '../servers.ts';
import { until } from '../until.ts';
import { createConnections } from './harness.ts';
import { type Relay, startRelay } from './relay.ts';

const connections = createConnections();
let host: VirtualHost;
let relay: Relay;
let worker: BrokerConnection;
let publisher: Publisher;

beforeAll(async () => {
  host = await createVirtualHost();
  relay = await startRelay(host.url);
  worker = await connections.open(host.url);
  publisher = await Publisher.open(worker);
});

afterAll(async () => {
  await connections.closeAll();
  await relay?.close();
  await host?.remove();
});

const verdict: Verdict = {
  requestId: '00000000-0000-4000-8000-000000000001',
  status: 'ordered',
  orderNo: '17',
  units: 1,
};

function send(replyTo: string, content: Buffer, mandatory = true) {
  return publisher.publish({
    exchange: VERDICTS_EXCHANGE,
    routingKey: replyTo,
    schema: VERDICTS_SCHEMA,
    content,
    persistent: false,
    mandatory,
  });
}

test('each process gets its own verdicts; undecodable messages are counted and dropped', async () => {
  const connection = await connections.open(host.url);
  const got: Verdict[][] = [[], []];
  const one = await VerdictListener.open(connection, 'one', (all) => got[0]?.push(...all));
  const two = await VerdictListener.open(connection, 'two', (all) => got[1]?.push(...all));
  await send(one.replyTo, Buffer.from('{"verdicts":[{"requestId":7}]}'));
  expect(await send(one.replyTo, encode({ verdicts: [verdict] }))).toBe('confirmed');
  await until('it is told', () => got[0]?.length === 1);
  expect(got).toEqual([[verdict], []]);
  expect([one.undecodable, two.undecodable]).toEqual([1, 0]);
  await one.close();
  await until('its queue is gone', async () => {
    return (await send('one', encode({ verdicts: [] }))) === 'returned';
  });
  await connection.close();
});

test('orders arrive with their terms, or without them from an older worker', async () => {
  const connection = await connections.open(host.url);
  const terms = {
    sale: 'demo',
    sku: 'TV',
    currency: 'EUR',
    createdAt: '2026-01-01T00:00:00.000Z',
    payBefore: '2026-01-01T00:15:00.000Z',
  };
  const got: [readonly Verdict[], OrderTerms | undefined][] = [];
  const listener = await VerdictListener.open(connection, 'terms', (all, _delayed, its) =>
    got.push([all, its]),
  );
  const old = { ...verdict, requestId: verdict.requestId.replace('1', '2') };
  sendVerdicts(publisher, [
    { replyTo: 'terms', verdict: { ...verdict, amount: '9.95' }, terms },
    { replyTo: 'terms', verdict: old, terms },
  ]);
  sendVerdicts(publisher, [{ replyTo: 'terms', verdict }]);
  await send('terms', Buffer.from('{"verdicts":[],"terms":{"sale":"demo"}}'));
  await until('all have come', () => got.length + listener.undecodable === 3);
  expect(got).toEqual([
    [[{ ...verdict, amount: '9.95' }, old], terms],
    [[verdict], undefined],
  ]);
  expect(listener.undecodable).toBe(1);
  await connection.close();
});

test('the queue is declared again after a reconnect', async () => {
  const connection = await connections.open(relay.url, { channelReopenDelayMs: 50 });
  let told = 0;
  const listener = await VerdictListener.open(connection, 'back', (all) => {
    told += all.length;
  });
  relay.cut();
  await until('verdicts flow again', async () => {
    await send(listener.replyTo, encode({ verdicts: [verdict] }), false);
    return told > 0;
  });
  await connection.close();
});

test('a queue that a dead connection still holds is taken over once it is released', async () => {
  const holder = await connections.open(host.url);
  await VerdictListener.open(holder, 'held', () => {});
  const connection = await connections.open(host.url, { channelReopenDelayMs: 50 });
  let told = 0;
  await VerdictListener.open(connection, 'held', (all) => {
    told += all.length;
  });
  await holder.close();
  await until('verdicts come', async () => {
    await send('held', encode({ verdicts: [verdict] }), false);
    return told > 0;
  });
  expect(connection.connected).toBe(true);
  await connection.close();
});
