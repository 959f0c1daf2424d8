import { join } from 'node:path';
import { readCosts } from '../../ops/capacity/costs.ts';
import { limitsOf } from '../../ops/capacity/model.ts';
import { APPLICATION_NAMES, WEB_NAMES } from '../../ops/stack/application.ts';
import { eventsPublished } from '../capacity/measure.ts';
import { Child } from '../child.ts';
import { percentile, rounded } from '../figures.ts';
import { openShopWay } from '../flow/ways.ts';
import { machine } from '../machine.ts';
import type { Arrivals, Came } from './crowd.ts';

/** A shop with stock enough, and shoppers who take the whole way. */

const UNITS = 20_000_000;
/** CPU µs of the crowd for a shopper: three calls and their JSON. */
const CROWD_US = 150;

/** Shoppers a second at which the first part of this machine is full, by the measured costs. */
export function fullRate(): number {
  const { costs } = readCosts();
  const workers = APPLICATION_NAMES.filter((name) => name.startsWith('worker-')).length;
  const one = { cores: machine.cores, webNodes: WEB_NAMES.length, workers, generatorUs: CROWD_US };
  return limitsOf(one, { shed: 0, ticket: 1, order: 1, wait: 1 }, costs)[0]?.perSecond ?? 0;
}

export async function openShop(write: (line: string) => void) {
  const { shop, way, close } = await openShopWay(write, UNITS);
  const crowd = new Child(join(import.meta.dirname, 'crowd.ts'));
  return {
    shop,
    way,
    async come(perSecond: number, seconds: number): Promise<Came> {
      const { host, port } = way.place;
      const order: Arrivals = { keys: way.keys, host, port, perSecond, seconds };
      const came = await crowd.ask<Came>(order);
      await eventsPublished(shop);
      return came;
    },
    async close() {
      crowd.end();
      await close();
    },
  };
}

/** Percentiles of a crowd, in milliseconds. */
export function figuresOf({ acceptedMs, orderedMs, lateMs, ...counts }: Came) {
  const of = (name: string, ms: readonly number[]) => ({
    [`${name}_ms_p50`]: rounded(percentile(ms, 0.5)),
    [`${name}_ms_p95`]: rounded(percentile(ms, 0.95)),
    [`${name}_ms_p99`]: rounded(percentile(ms, 0.99)),
  });
  return {
    ...of('accepted', acceptedMs),
    ...of('ordered', orderedMs),
    ...of('sent_late', lateMs),
    ...counts,
  };
}
