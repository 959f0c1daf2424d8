import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { audit, unitCounts } from '../../db/operations.ts';
import { Reader } from '../../ops/quota/overview.ts';
import { RealEnsemble } from '../keeper/ensemble.ts';
import { Shopper } from '../shopper.ts';
import { type System, startSystem } from '../system.ts';
import { until } from '../until.ts';

/**
 * A whole sale on a real ensemble of three: its leader is killed, later two of three are killed,
 * and each time they come back, while shoppers press all the time.
 */

const SKU = 'Quorum';
const UNITS = 700;
/** The number of shoppers who press at once, and the pause of each between two presses. */
const PRESSERS = 4;
const CALM_MS = 80;
/**
 * The number of units that one part of the test may take at most, so that enough are left for the
 * last part.
 */
const PART = 120;

let ensemble: RealEnsemble;
let system: System;

beforeAll(async () => {
  ensemble = await RealEnsemble.start();
  system = await startSystem({
    keepers: 2,
    zookeeper: ensemble.addresses,
    environment: { COOLDOWN_SECONDS: '0', ZK_SESSION_TIMEOUT_MS: '2000' },
  });
});
afterAll(async () => {
  await system?.stop();
  await ensemble?.close();
});

/** Shoppers who press until they are stopped, each time as another user. */
class Crowd {
  readonly answers = new Map<string, number>();
  readonly taken: string[] = [];
  pauseMs = CALM_MS;
  /** The shoppers pause when this many requests were taken. */
  mayTake = PART;
  #isOver = false;
  #all: Promise<unknown>;

  constructor(sale: string) {
    this.#all = Promise.all(Array.from({ length: PRESSERS }, () => this.#press(sale)));
  }

  async #press(sale: string): Promise<void> {
    while (!this.#isOver) {
      if (this.taken.length >= this.mayTake) {
        await delay(CALM_MS);
        continue;
      }
      const { status, body } = await new Shopper(system.url, system.jwtSecret).press(sale, SKU);
      if (status === 202) this.taken.push(body.requestId);
      const said = status === 202 ? 'queued' : String(body.verdict);
      this.answers.set(said, (this.answers.get(said) ?? 0) + 1);
      await delay(this.pauseMs);
    }
  }

  count(verdict: string): number {
    return this.answers.get(verdict) ?? 0;
  }

  /** Milliseconds until units are admitted again. */
  async isServed(what: string): Promise<number> {
    const [startedAt, before] = [performance.now(), this.taken.length];
    this.mayTake = before + PART;
    await until(what, () => this.taken.length > before + PRESSERS * 2);
    return Math.round(performance.now() - startedAt);
  }

  async end(): Promise<void> {
    this.#isOver = true;
    await this.#all;
  }
}

/** The index of the leading server, which may be 0. */
async function leads(): Promise<number> {
  const [leader] = await until('one leads', async () => {
    const index = await ensemble.leader();
    return index !== undefined && ([index] as const);
  });
  return leader;
}

async function held(): Promise<number> {
  const count = (await unitCounts(system.databases)).find(({ sku }) => sku === SKU);
  return count === undefined ? -1 : count.unitsTotal - count.free;
}

test('a sale sells every unit once, whichever servers of ZooKeeper die', {
  timeout: 600_000,
}, async () => {
  const sale = await system.createSale([{ sku: SKU, units: UNITS }]);
  const crowd = new Crowd(sale);
  const figures: Record<string, number> = {};
  await crowd.isServed('it sells');

  await ensemble.kill(await leads());
  figures['sold again ms after the leader was killed'] = await crowd.isServed('without the leader');
  await leads();
  await ensemble.restore();
  await crowd.isServed('all three are back');

  const leader = await leads();
  await Promise.all([ensemble.kill(leader), ensemble.kill((leader + 1) % 3)]);
  const killedAt = performance.now();
  await until('nothing is admitted on grants that may be over', () => {
    return crowd.count('quota_unavailable') > PRESSERS * 4;
  });
  figures['quota_unavailable ms after two of three were killed'] = Math.round(
    performance.now() - killedAt,
  );
  expect(await held(), 'most is still to be sold').toBeLessThan(UNITS);
  await ensemble.restore();
  figures['sold again ms after all three served'] = await crowd.isServed('two came back');

  crowd.pauseMs = 0;
  crowd.mayTake = Number.POSITIVE_INFINITY;
  await until('every unit is sold', async () => (await held()) === UNITS);
  await crowd.end();
  const overview = await new Reader(system.session, system.paths).overview(SKU);
  const decided = await until('every request that was taken is decided', async () => {
    const [row] = await system.databases.regular.query<{ ordered: string; all: string }>({
      text: `SELECT count(*) FILTER (WHERE status = 'ordered') AS ordered, count(*) AS all
             FROM hot.outcome WHERE request_id = ANY($1::uuid[])`,
      values: [crowd.taken],
    });
    return Number(row?.all) === crowd.taken.length && row;
  });
  const books = await audit(system.databases);
  console.log(
    JSON.stringify({
      ...figures,
      answers: Object.fromEntries(crowd.answers),
      units: UNITS,
      taken: crowd.taken.length,
      ordered: Number(decided.ordered),
      held: await held(),
      granted: overview.skus[0]?.granted,
      audit: books.length,
    }),
  );
  expect(Number(decided.ordered)).toBeLessThanOrEqual(UNITS);
  expect(books).toEqual([]);
});
