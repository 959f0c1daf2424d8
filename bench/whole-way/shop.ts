import { join } from 'node:path';
import { readCosts } from '../../ops/capacity/costs.ts';
import { limitsOf } from '../../ops/capacity/model.ts';
import { WEB_NAMES } from '../../ops/stack/application.ts';
import { cpuCosts, eachAlone, workersOf } from '../capacity/each-alone.ts';
import { atRest, eventsPublished } from '../capacity/measure.ts';
import { Child } from '../child.ts';
import { percentile, rounded } from '../figures.ts';
import { openShopWay } from '../flow/ways.ts';
import { cpuSeconds, machine } from '../machine.ts';
import type { Arrivals, Came } from './crowd.ts';

/** A shop with stock enough, and shoppers who take the whole way. */

const UNITS = 20_000_000;
/** The crowd that shows what a shopper takes from the process of the crowd: few, so that no machine is full. */
const FEW_PER_SECOND = 300;
const FEW_SECONDS = 10;

export async function openShop(write: (line: string) => void) {
  const { shop, way, close } = await openShopWay(write, UNITS);
  const crowd = new Child(join(import.meta.dirname, 'crowd.ts'));

  async function come(perSecond: number, seconds: number): Promise<Came> {
    const { host, port } = way.place;
    const order: Arrivals = { keys: way.keys, host, port, perSecond, seconds };
    const came = await crowd.ask<Came>(order);
    await eventsPublished(shop);
    return came;
  }

  /** CPU µs of the crowd for a shopper: three calls and their JSON. */
  async function crowdUs(): Promise<number> {
    const used = () => cpuSeconds(new Map([['crowd', crowd.pid]])).get('crowd') ?? 0;
    const before = used();
    const { due } = await come(FEW_PER_SECOND, FEW_SECONDS);
    return ((used() - before) * 1e6) / due;
  }

  return {
    shop,
    way,
    come,
    /**
     * Shoppers a second at which the first part of this machine is full, by the capacity model and by the costs that this machine
     * has now. Machines differ by a factor of two, and one from hour to hour.
     */
    async fullRate(): Promise<number> {
      const rest = await atRest(shop.pids);
      const measured = cpuCosts(shop, rest, await eachAlone(shop, way, rest, write));
      const { cores } = machine;
      const generatorUs = await crowdUs();
      const one = { cores, webNodes: WEB_NAMES.length, workers: workersOf(shop), generatorUs };
      const costs = { ...readCosts().costs, ...measured };
      const [first] = limitsOf(one, { shed: 0, ticket: 1, order: 1, wait: 1 }, costs);
      const { limit = '', perSecond = 0 } = first ?? {};
      write(
        `${Math.round(perSecond)} shoppers/s fill the ${limit}; a shopper takes ${Math.round(generatorUs)} µs of the crowd`,
      );
      return perSecond;
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
