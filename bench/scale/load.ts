import { randomUUID } from 'node:crypto';
import { BrokerConnection } from '../../broker/connection.ts';
import { Publisher } from '../../broker/publisher.ts';
import { VerdictListener } from '../../broker/verdict-listener.ts';
import type { Home } from '../../contracts/homes.ts';
import type { PurchaseRequest, Verdict } from '../../contracts/messages.ts';
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

export interface Decided {
  /** Committed rows of orders. */
  readonly orders: number;
  /** From the first message to the last verdict of the slowest home. */
  readonly seconds: number;
  readonly cpuUs: ByProcess;
}

export interface Load {
  /** Sends as many requests to each home, and waits until all are decided. @throws {Error} if one is lost */
  decide(homes: readonly Home[], requests: number): Promise<Decided>;
  close(): Promise<void>;
}

async function rowsOf({ shop }: Stage, home: Home): Promise<number> {
  const text = 'SELECT count(*) AS count FROM hot.orders';
  const [row] = await shop.databases.home(home).query<{ count: string }>({ text });
  return Number(row?.count);
}

export async function openLoad(stage: Stage): Promise<Load> {
  const log = createLog('bench', 'warn');
  const connection = await BrokerConnection.open({ url: stage.amqpUrl, name: 'bench', log });
  await connection.whenConnected();
  let ordered = 0;
  let otherwise = '';
  let onVerdicts = () => {};
  const listener = await VerdictListener.open(connection, 'bench-scale', (verdicts) => {
    for (const { status, reason } of verdicts satisfies readonly Verdict[]) {
      if (status === 'ordered') ordered += 1;
      else otherwise = `${status} ${reason}`;
    }
    onVerdicts();
  });
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

  async function allOrdered(count: number): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const late = () => reject(new Error(`${ordered} of ${count} were ordered in time`));
    const timer = setTimeout(late, TIMEOUT_MS);
    onVerdicts = () => {
      if (otherwise !== '') reject(new Error(`a request was ${otherwise}`));
      else if (ordered === count) resolve();
    };
    onVerdicts();
    await promise.finally(() => clearTimeout(timer));
  }

  return {
    async decide(homes, requests) {
      const sum = async () =>
        (await Promise.all(homes.map((home) => rowsOf(stage, home)))).reduce((a, b) => a + b, 0);
      const made = homes.map((home) => {
        const one = (): PurchaseRequest => {
          const requestId = randomUUID();
          return { requestId, userId: `guest-${requestId}`, units: 1 };
        };
        return [home, Array.from({ length: requests }, one)] as const;
      });
      const count = homes.length * requests;
      const before = await sum();
      ordered = 0;
      const metered = meter(new Map([...stage.pids, ['load', process.pid]]));
      const startMs = performance.now();
      const sent = Promise.all(made.map(([home, those]) => send(home, those)));
      await Promise.all([sent, allOrdered(count)]);
      const seconds = (performance.now() - startMs) / 1_000;
      const { cpuUs } = metered(count);
      const orders = (await sum()) - before;
      if (orders !== count) throw new Error(`${orders} rows of orders, and ${count} requests`);
      return { orders, seconds, cpuUs };
    },
    async close() {
      await listener.close();
      await publisher.close();
      await connection.close();
    },
  };
}
