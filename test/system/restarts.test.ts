import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { audit } from '../../db/operations.ts';
import { type PrivateBroker, startPrivateBroker } from '../broker/private-broker.ts';
import { type CrashServer, startCrashServer } from '../db/crash-server.ts';
import { uniqueName } from '../servers.ts';
import { Shopper } from '../shopper.ts';
import { type System, startSystem } from '../system.ts';
import { until } from '../until.ts';

/**
 * Shoppers wait while a part of the system ends and comes back: they lose time, and nothing else.
 * They connect again after a cut, as the page does, and are answered `queued` until the outcome is
 * known.
 */

/** Half of them use long polls, half event streams. */
const SHOPPERS = 12;
const DEADLINE_MS = 300_000;
const RECONNECT_MS = 100;

/** Every answer to one shopper, in order. A refusal is its HTTP status. */
type Heard = string[];

async function longPoll(shopper: Shopper, statusUrl: string, heard: Heard): Promise<void> {
  const answer = await shopper.call('GET', `${statusUrl}?wait=10`);
  heard.push(answer.status === 200 ? answer.body.status : String(answer.status));
}

async function stream(shopper: Shopper, statusUrl: string, heard: Heard): Promise<void> {
  const response = await shopper.open(`${statusUrl}/events`);
  if (response.status !== 200 || response.body === null) {
    heard.push(String(response.status));
    return;
  }
  const decoder = new TextDecoder();
  let text = '';
  for await (const chunk of response.body) {
    text += decoder.decode(chunk, { stream: true });
    const events = text.split('\n\n');
    text = events.pop() ?? '';
    for (const event of events) {
      const [, data] = /^event: status\ndata: (.*)$/.exec(event) ?? [];
      if (data !== undefined) heard.push(JSON.parse(data).status);
    }
  }
}

describe('shoppers who wait', () => {
  let broker: PrivateBroker;
  let database: CrashServer;
  let system: System;

  beforeAll(async () => {
    [broker, database] = await Promise.all([startPrivateBroker(), startCrashServer()]);
    system = await startSystem({ databaseServerUrl: database.url, amqpUrl: broker.url });
    await broker.flush();
  });
  afterAll(async () => {
    await system?.stop();
    await Promise.all([broker?.remove(), database?.remove()]);
  });

  const restarts: Readonly<Record<string, () => Promise<void>>> = {
    'a web node': async () => {
      await system.kill('web-1');
      await system.restart('web-1');
    },
    'both web nodes': async () => {
      await Promise.all([system.kill('web-1'), system.kill('web-2')]);
      await Promise.all([system.restart('web-1'), system.restart('web-2')]);
    },
    'the worker': async () => {
      await system.kill('worker-1');
      await system.restart('worker-1');
    },
    'the broker': async () => {
      await broker.kill();
      await broker.start();
    },
    'the database': async () => database.stopImmediately(),
  };

  it.each(Object.keys(restarts))(
    'get the true outcome, only later, when this restarts: %s',
    async (part) => {
      const sku = uniqueName('sku');
      // More units than needed: the grant of a killed node cannot be given out again while the worker
      // is suspended.
      const sale = await system.createSale([{ sku, units: 10 * SHOPPERS }]);
      // Nothing is decided before everybody waits.
      system.signal('worker-1', 'SIGSTOP');
      const heard: Heard[] = [];
      const waiting = Array.from({ length: SHOPPERS }, async (_, index) => {
        const shopper = new Shopper(system.url, system.jwtSecret);
        const taken = await until('a press is taken', async () => {
          const answer = await shopper.press(sale, sku).catch(() => undefined);
          return answer?.status === 202 && answer.body;
        });
        const own: Heard = [];
        heard.push(own);
        const listen = index % 2 === 0 ? longPoll : stream;
        const untilMs = performance.now() + DEADLINE_MS;
        while (own.at(-1) !== 'ordered' && performance.now() < untilMs) {
          const isCut = await listen(shopper, taken.statusUrl, own).then(
            () => own.at(-1) === '503',
            () => true,
          );
          // As the page does. A shopper who asks again at once, repeatedly, is refused.
          if (isCut) await delay(RECONNECT_MS);
        }
      });
      await until('everybody waits', async () => {
        const counts = await Promise.all(['web-1', 'web-2'].map((name) => system.metrics(name)));
        const waits = counts.map(
          (text) => /^flashsale_waiting_shoppers{.*} (\d+)$/m.exec(text)?.[1],
        );
        return waits.reduce((sum, count) => sum + Number(count), 0) === SHOPPERS;
      });
      await restarts[part]?.();
      if (part !== 'the worker') system.signal('worker-1', 'SIGCONT');
      await Promise.all(waiting);
      expect(heard).toHaveLength(SHOPPERS);
      for (const own of heard) {
        expect(own.at(-1)).toBe('ordered');
        // A node that does not know the state answers 503, and no answer is false.
        expect(['queued', 'ordered', '503']).toEqual(expect.arrayContaining(own));
      }
      expect(await audit(system.databases)).toEqual([]);
    },
  );
});
