import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Keeper } from '../../../keeper/keeper.ts';
import { Operator } from '../../../ops/quota/operator.ts';
import { Reader } from '../../../ops/quota/overview.ts';
import type { NodeAgent } from '../../../server/quota/agent.ts';
import { until } from '../../until.ts';
import { ControlPlane, grantOf } from '../control-plane.ts';

/** `keep = auto` on a real ZooKeeper: its writes, how web nodes follow them, and edits by hand. */

const SKU = 'TV';
let plane: ControlPlane;
let keeper: Keeper;
let agents: NodeAgent[];
let pressing: NodeJS.Timeout;
const PRESS_EVERY_MS = 20;
/** Requests in that time at each node. */
let presses = 0;

beforeAll(async () => {
  plane = await ControlPlane.start();
  await plane.sell(SKU, 100);
  keeper = plane.keeper();
  agents = [plane.agent(), plane.agent()];
  await until('granted', () => agents.every((agent) => grantOf(agent, SKU) === 50));
  let pressedAt = performance.now();
  pressing = setInterval(() => {
    // Sends all that are due, however late the timer fires.
    const due = Math.round((presses * (performance.now() - pressedAt)) / PRESS_EVERY_MS);
    pressedAt = performance.now();
    for (const agent of agents) {
      for (let press = 0; press < due; press += 1) {
        const isKept = Math.random() < agent.switches.keep(SKU);
        agent.pressed(SKU, isKept);
        if (!isKept) continue;
        const draw = agent.draw(SKU, 1);
        if (draw.drawn) plane.order(agent, draw.node, SKU, 1);
      }
    }
  }, PRESS_EVERY_MS);
});

afterAll(async () => {
  clearInterval(pressing);
  await plane.close();
});

const keeps = () => agents.map((agent) => agent.switches.keep(SKU));
const written = async () => Number(await plane.text(plane.paths.sku(SKU).autoKeep));

test('a number is in force until `auto` is set, which starts at the configured share', async () => {
  const operator = new Operator(plane.operator, plane.paths, 'ann@laptop');
  await operator.keep(undefined, '0.7');
  await until('0.7', () => keeps().every((keep) => keep === 0.7));
  await plane.write(plane.paths.autoKeep.start, '0.2');
  await operator.keep(SKU, 'auto');
  await until('the start', () => keeps().every((keep) => keep === 0.2));
  const overview = await new Reader(plane.operator, plane.paths).overview(SKU);
  expect(overview.skus[0]).toMatchObject({ keep: 'auto', share: 0.2, isAutomatic: true });
});

test('under high demand the share falls and everything is sold; afterwards it rises to 1', async () => {
  presses = 20;
  await until('it fell', () => keeps().every((keep) => keep <= 0.02));
  await until('all are sold', () => plane.units.get(SKU)?.held === 100);
  await until('metrics', () => (keeper.autoKeep().get(SKU)?.askedPerSecond ?? 0) > 500);
  presses = 0;
  await until('it rose', () => keeps().every((keep) => keep === 1));
});

test('a number typed by hand is in force at once, and the keeper does not change it', async () => {
  await plane.write(plane.paths.sku(SKU).keep, '0.42');
  await until('0.42', () => keeps().every((keep) => keep === 0.42));
  await until('no figures of it', () => !keeper.autoKeep().has(SKU));
  await plane.write(plane.paths.sku(SKU).keep, 'automatic');
  await until(
    'an edit error',
    async () => (await plane.editError(plane.paths.sku(SKU).keep)) !== undefined,
  );
  expect((await plane.editError(plane.paths.sku(SKU).keep))?.['reason']).toMatch(
    /or the word auto/,
  );
  expect(keeps()).toEqual([0.42, 0.42]);
});

test('without a keeper the last share stays in force; the next keeper continues from it', async () => {
  await plane.write(plane.paths.sku(SKU).keep, 'auto');
  presses = 20;
  await until('it fell', async () => (await written()) <= 0.02);
  await keeper.close();
  presses = 0;
  const last = await written();
  await until('applied', () => keeps().every((keep) => keep === last));
  keeper = plane.keeper();
  await until('leads', () => keeper.leads);
  expect(await written(), 'nobody asks it to change').toBe(last);
  presses = 1;
  await until('it learns', () => keeper.autoKeep().has(SKU));
});

test('a lottery only raises the share', async () => {
  await plane.write(plane.paths.shed, 'lottery');
  await plane.sell('PHONE', 100);
  await plane.write(plane.paths.sku('PHONE').keep, 'auto');
  const shares: number[] = [];
  const press = setInterval(() => {
    for (const agent of agents) for (let n = 0; n < 20; n += 1) agent.pressed('PHONE', false);
    shares.push(agents[0]?.switches.keep('PHONE') ?? 0);
  }, PRESS_EVERY_MS);
  const keep = () => agents[0]?.switches.keep('PHONE') ?? 0;
  await until('it has begun, and rises', () => shares.some((share) => share < 1) && keep() >= 0.3);
  clearInterval(press);
  const begun = shares.slice(shares.findIndex((share) => share < 1));
  expect(begun[0]).toBeGreaterThanOrEqual(0.2);
  expect(begun).toEqual(begun.toSorted((a, b) => a - b));
});

test.each([
  ['factor', '0.5', /from 1 to 1000/],
  ['waitMs', '50', /from 100 to 600000/],
  ['start', '0', /below 0.001/],
] as const)('auto-keep/%s %s is refused in words', async (name, text, reason) => {
  const path = plane.paths.autoKeep[name];
  await plane.write(path, text);
  await until('an edit error', async () => (await plane.editError(path)) !== undefined);
  expect((await plane.editError(path))?.['reason']).toMatch(reason);
});
