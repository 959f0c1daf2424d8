import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { BrokerConnection } from '../../broker/connection.ts';
import { Publisher } from '../../broker/publisher.ts';
import { VerdictListener } from '../../broker/verdict-listener.ts';
import { type Home, homeOfOrder } from '../../contracts/homes.ts';
import type { PurchaseRequest } from '../../contracts/messages.ts';
import { createLog } from '../../process/log.ts';
import { PublishBreaker } from '../../server/requests/breakers.ts';
import { Envelopes } from '../../server/requests/envelopes.ts';
import { type ByProcess, meter } from '../flow/meter.ts';
import { type Stage, skuOf } from './stage.ts';

/**
 * The load: admitted requests, as web nodes publish them, into the queues of the homes. The shop's own workers decide
 * them, and their verdicts come back here.
 */

const NODE = 'web-bench-0001';
const TIMEOUT_MS = 120_000;
const POLL_MS = 100;

/** The orders that were committed while every home had requests left. */
export interface Decided {
  readonly orders: number;
  /** From the first message until the first home has decided all of its requests. */
  readonly seconds: number;
  readonly cpuUs: ByProcess;
}

export interface Load {
  /**
   * Sends as many requests to each home, and waits until all are decided and their events are published.
   *
   * @throws {Error} if there are not as many rows of orders as requests
   */
  decide(homes: readonly Home[], requests: number): Promise<Decided>;
  close(): Promise<void>;
}

async function rowsOf({ shop }: Stage, homes: readonly Home[], table: string): Promise<number> {
  const text = `SELECT count(*) AS count FROM hot.${table}`;
  const counts = homes.map(async (home) => {
    const [row] = await shop.databases.home(home).query<{ count: string }>({ text });
    return Number(row?.count);
  });
  return (await Promise.all(counts)).reduce((sum, count) => sum + count, 0);
}

/** The events of a run are published after its orders: without this pause the next run would pay for them. */
async function untilPublished(stage: Stage, homes: readonly Home[]): Promise<void> {
  const deadlineMs = performance.now() + TIMEOUT_MS;
  while ((await rowsOf(stage, homes, 'outbox')) > 0) {
    if (performance.now() > deadlineMs) throw new Error('events of orders are not published');
    await delay(POLL_MS);
  }
}

export async function openLoad(stage: Stage): Promise<Load> {
  const log = createLog('bench', 'warn');
  const connection = await BrokerConnection.open({ url: stage.amqpUrl, name: 'bench', log });
  await connection.whenConnected();
  const ordered = new Map<Home, number>();
  let otherwise = '';
  let onVerdicts = () => {};
  const listener = await VerdictListener.open(connection, 'bench-scale', (verdicts) => {
    for (const { status, reason, orderNo } of verdicts) {
      const home = orderNo === undefined ? '' : homeOfOrder(orderNo);
      ordered.set(home, (ordered.get(home) ?? 0) + 1);
      if (status !== 'ordered') otherwise = `${status} ${reason}`;
    }
    onVerdicts();
  });
  const decided = () => ordered.values().reduce((sum, count) => sum + count, 0);
  const publisher = await Publisher.open(connection);
  const breaker = new PublishBreaker(publisher.publish.bind(publisher));
  const transport = { publish: breaker.publish.bind(breaker), trusted: () => true };
  const envelopes = new Envelopes(transport, listener.replyTo, () => {});

  async function send(home: Home, requests: readonly PurchaseRequest[]): Promise<void> {
    const results = await Promise.all(
      requests.map((request) =>
        envelopes.add({
          ...{ sku: skuOf(home), schema: home, node: NODE, request },
          ...{ isCopy: false, onLate: () => {} },
        }),
      ),
    );
    const failed = results.find((result) => result !== 'confirmed');
    if (failed !== undefined) throw new Error(`an envelope was ${failed}`);
  }

  /** Resolves when `isSo`, which is asked after each message with verdicts. */
  async function until(isSo: () => boolean): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const late = () => reject(new Error(`only ${decided()} were decided in time`));
    const timer = setTimeout(late, TIMEOUT_MS);
    onVerdicts = () => {
      if (otherwise !== '') reject(new Error(`a request was ${otherwise}`));
      else if (isSo()) resolve();
    };
    onVerdicts();
    await promise.finally(() => clearTimeout(timer));
  }

  return {
    async decide(homes, requests) {
      const made = homes.map((home) => {
        const one = (): PurchaseRequest => {
          const requestId = randomUUID();
          return { requestId, userId: `guest-${requestId}`, units: 1 };
        };
        return [home, Array.from({ length: requests }, one)] as const;
      });
      const count = homes.length * requests;
      const before = await rowsOf(stage, homes, 'orders');
      ordered.clear();
      const metered = meter(new Map([...stage.pids, ['load', process.pid]]));
      const startMs = performance.now();
      const sent = Promise.all(made.map(([home, those]) => send(home, those)));
      await until(() => homes.some((home) => ordered.get(home) === requests));
      const seconds = (performance.now() - startMs) / 1_000;
      const orders = decided();
      const { cpuUs } = metered(orders);
      await Promise.all([sent, until(() => decided() === count)]);
      stage.limit(undefined);
      const rows = (await rowsOf(stage, homes, 'orders')) - before;
      if (rows !== count) throw new Error(`${rows} rows of orders, and ${count} requests`);
      await untilPublished(stage, homes);
      return { orders, seconds, cpuUs };
    },
    async close() {
      await listener.close();
      await publisher.close();
      await connection.close();
    },
  };
}
