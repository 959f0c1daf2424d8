import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { audit, unitCounts } from '../../db/operations.ts';
import { servers } from '../servers.ts';
import { type Answer, Shopper } from '../shopper.ts';
import { type System, startSystem } from '../system.ts';
import { until } from '../until.ts';

/** Operators intervene and processes die while a sale runs. */
describe('a running sale', () => {
  let system: System;

  beforeAll(async () => {
    system = await startSystem({
      keepers: 2,
      workers: 2,
      environment: { COOLDOWN_SECONDS: '0' },
      // Only workers that know it have the metrics of queue members.
      workerEnvironment: { AMQP_MANAGEMENT_URL: servers.amqpManagementUrl ?? '' },
    });
  });
  afterAll(() => system?.stop());

  const shopper = () => new Shopper(system.url, system.jwtSecret);
  const verdict = ({ status, body }: Answer) => [status, body.verdict];

  /** Shoppers who press until no unit is left, and their last answers. */
  async function crowd(
    sale: string,
    sku: string,
    many: number,
    giveUp?: AbortSignal,
  ): Promise<Answer[]> {
    const options = giveUp === undefined ? {} : { giveUp };
    return Promise.all(Array.from({ length: many }, () => shopper().buy(sale, sku, options)));
  }

  async function held(sku: string): Promise<number> {
    const counts = await unitCounts(system.databases);
    const count = counts.find((candidate) => candidate.sku === sku);
    return count === undefined ? -1 : count.unitsTotal - count.free;
  }

  it('stops at the quota that an operator sets, and continues when it is raised', async () => {
    const sale = await system.createSale([{ sku: 'Quota', units: 60 }]);
    const { quota } = system.paths.sku('Quota');
    await system.set(quota, '20');
    await until('20 units are granted', async () => (await system.granted('Quota')) === 20);
    const sold = (answers: Answer[]) =>
      answers.filter(({ body }) => body.status === 'ordered').length;
    const isSpent = new AbortController();
    const pressing = Promise.all(
      Array.from({ length: 40 }, () => shopper().buy(sale, 'Quota', { giveUp: isSpent.signal })),
    );
    await until('all 20 are sold', async () => (await held('Quota')) === 20);
    isSpent.abort();
    const first = await pressing;
    expect(sold(first)).toBe(20);
    const refused = first.filter(({ status }) => status === 429);
    expect(new Set(refused.map(({ body }) => body.verdict))).toEqual(new Set(['quota_spent']));
    // Units are free but cannot be bought: the shop says neither "in stock" nor "buy one, do not
    // wait".
    const eve = shopper();
    const availability = async (): Promise<string> => {
      const { body } = await eve.call('GET', `/api/v1/sales/${sale}`);
      return body.skus[0].availability;
    };
    await until('it is told', async () => (await availability()) === 'maybe');
    const line = await eve.call('POST', `/api/v1/sales/${sale}/skus/Quota/waiting`, {});
    expect(verdict(line)).toEqual([429, 'quota_spent']);
    await system.set(quota, '60');
    await until('it is on sale again', async () => (await availability()) === 'plenty');
    const second = await crowd(sale, 'Quota', 40);
    const unserved = second.filter(({ body }) => body.status !== 'ordered');
    expect(unserved).toEqual([]);
    expect(await held('Quota')).toBe(60);
  });

  it('keeps the last good value when an operator types an invalid one, and explains why', async () => {
    await system.createSale([{ sku: 'Garbage', units: 10 }]);
    const { quota } = system.paths.sku('Garbage');
    for (const text of ['abc', '-1', '12,5', '']) {
      await system.set(quota, text);
      const path = system.paths.error(quota);
      const why = await until(`an explanation of ${JSON.stringify(text)}`, async () => {
        const found = await system.session.get(path);
        return found.ok && JSON.parse(found.value.text).refused === text && found.value.text;
      });
      expect(JSON.parse(why)).toMatchObject({ refused: text, inForce: '10' });
      expect(await system.granted('Garbage')).toBe(10);
    }
    await system.set(quota, '4');
    await until('the good value is in force', async () => (await system.granted('Garbage')) === 4);
    await until('the explanation is gone', async () => {
      const found = await system.session.exists(system.paths.error(quota));
      return found.ok && found.value === undefined;
    });
  });

  it('sheds all purchases, pauses and closes at once when operators edit ZooKeeper', async () => {
    const sale = await system.createSale([{ sku: 'Switch', units: 1_000 }]);
    const { keep, state } = system.paths.sku('Switch');
    const tickets = Array.from({ length: 3 }, () => shopper());
    const press = async () => {
      const answers = await Promise.all(tickets.map((user) => user.press(sale, 'Switch')));
      return new Set(answers.map((answer) => String(verdict(answer))));
    };
    await system.session.ensure(keep, '0');
    await until('all are shed', async () => (await press()).has('429,shed'));
    await system.set(keep, '1');
    const held = await shopper().ticket(sale, 'Switch');
    await system.set(state, 'paused');
    await until('paused', async () => {
      const answer = await shopper().press(sale, 'Switch', { ticket: held });
      return String(verdict(answer)) === '503,paused' && Number(answer.retryAfter) > 0;
    });
    await system.set(state, 'closed');
    await until('closed', async () => {
      const answer = await shopper().press(sale, 'Switch', { ticket: held });
      return String(verdict(answer)) === '410,closed';
    });
  });

  it('has every metric that an alert or a dashboard uses', async () => {
    const ops = join(import.meta.dirname, '..', '..', 'ops');
    const dashboards = readdirSync(join(ops, 'dashboards')).filter((file) =>
      file.endsWith('.json'),
    );
    const files = ['alerts/flashsale.rules.yml', ...dashboards.map((file) => `dashboards/${file}`)];
    const asking = files.map((file) => readFileSync(join(ops, file), 'utf8')).join('\n');
    const names = new Set(asking.match(/\b(?:flashsale|nodejs|process)_[a-z0-9_]+\b/g));
    expect(names.size).toBeGreaterThan(20);
    const missing = async () => {
      const told = await Promise.all(
        ['web-1', 'worker-1', 'keeper-1'].map((n) => system.metrics(n)),
      );
      const types = [...told.join('\n').matchAll(/^# TYPE (\S+) (\S+)$/gm)].flatMap(
        ([, name, type]) =>
          type === 'histogram'
            ? ['bucket', 'count', 'sum'].map((part) => `${name}_${part}`)
            : [name],
      );
      return [...names].filter((name) => !types.includes(name));
    };
    await until('all of them are told', async () => {
      const untold = await missing();
      if (untold.length > 0) throw new Error(`missing: ${untold.join(' ')}`);
      return true;
    });
  });

  it('has as many series for each SKU as the document on the size of Prometheus says', async () => {
    const sale = await system.createSale([{ sku: 'Series', units: 5 }]);
    await shopper().buy(sale, 'Series');
    const series = async (name: string) =>
      (await system.metrics(name)).match(/^\w+(?=\{.*sku="Series")/gm) ?? [];
    await until('they are counted', async () => {
      expect(await series('web-1')).toHaveLength(6);
      const kept = [...(await series('keeper-1')), ...(await series('keeper-2'))];
      const of = (pattern: RegExp) => kept.filter((name) => pattern.test(name)).length;
      expect(of(/^flashsale_keeper_/)).toBe(6);
      expect(of(/^flashsale_sale_/)).toBe(15);
      expect(of(/^flashsale_stranded_units$/)).toBeGreaterThan(0);
      expect(of(/^(?!flashsale_(keeper|sale|stranded)_)/)).toBe(0);
      return true;
    });
    expect(await series('worker-1')).toEqual([]);
  });

  it('sells the last unit to a shopper who reaches only one node', async () => {
    const sale = await system.createSale([{ sku: 'Last', units: 7 }]);
    // One connection reaches one node, so the other node's units must be granted to it.
    const answers: Answer[] = [];
    for (let i = 0; i < 7; i += 1) answers.push(await shopper().buy(sale, 'Last'));
    expect(answers.map(({ body }) => body.status)).toEqual(Array(7).fill('ordered'));
  });

  it('loses nothing when a web node, a worker and the leading keeper are killed', async () => {
    const sale = await system.createSale([{ sku: 'Kill', units: 240 }]);
    const isSoldOut = new AbortController();
    const served = crowd(sale, 'Kill', 320, isSoldOut.signal);
    await until('some are sold', async () => (await held('Kill')) > 20);
    await Promise.all(['web-1', 'worker-1', 'keeper-1'].map((name) => system.kill(name)));
    await Promise.all(['web-1', 'worker-1', 'keeper-1'].map((name) => system.restart(name)));
    await until('every unit is sold', async () => (await held('Kill')) === 240);
    isSoldOut.abort();
    const statuses = (await served).map(({ body }) => body.status);
    expect(statuses.filter((status) => status === 'ordered')).toHaveLength(240);
    expect(await audit(system.databases)).toEqual([]);
  });

  it('loses no admitted request when a web node is stopped', async () => {
    const sale = await system.createSale([{ sku: 'End', units: 300 }]);
    const answered = Promise.allSettled(
      Array.from({ length: 200 }, () => shopper().press(sale, 'End')),
    );
    expect(await system.end('web-2')).toBe(true);
    const taken = (await answered).flatMap((result) =>
      result.status === 'fulfilled' && result.value.status === 202
        ? [result.value.body.requestId as string]
        : [],
    );
    await until('every taken request has an outcome', async () => {
      const rows = await system.databases.regular.query<{ count: string }>({
        text: 'SELECT count(*) FROM hot.outcome WHERE request_id = ANY($1::uuid[])',
        values: [taken],
      });
      return Number(rows[0]?.count) === taken.length;
    });
    await system.restart('web-2');
    expect(await audit(system.databases)).toEqual([]);
  });
});
