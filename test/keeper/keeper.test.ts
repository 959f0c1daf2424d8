import { afterEach, beforeEach, expect, test } from 'vitest';
import type { NodeAgent } from '../../server/quota/agent.ts';
import { decodeBasis } from '../../zk/tree/basis.ts';
import { servers } from '../servers.ts';
import { until } from '../until.ts';
import { startRelay } from '../zk/client/relay.ts';
import { ControlPlane, granted, grantOf, grantsOf } from './control-plane.ts';

const SKU = 'TV';
const FAST = { pollMs: 2 };
let plane: ControlPlane;

beforeEach(async () => {
  plane = await ControlPlane.start();
});

afterEach(() => plane.close());

function drawAll(agent: NodeAgent, units: number): string {
  for (let count = 0; count < units; count++) {
    expect(agent.draw(SKU, 1)).toMatchObject({ drawn: true });
  }
  return agent.node ?? '';
}

test('units are divided equally, and again when a node joins or leaves', async () => {
  await plane.sell(SKU, 1_001);
  plane.keeper();
  const [first, second] = [plane.agent(), plane.agent()];
  await granted(SKU, [first, second], [500, 501]);
  const third = plane.agent();
  await granted(SKU, [first, second, third], [333, 334, 334]);
  await third.close();
  await granted(SKU, [first, second], [500, 501]);
  // Its last report said that it draws no more and has nothing under way, so it is not settled as a
  // dead node.
  expect(plane.settled).toEqual([]);
  await until('nothing of it is left', async () => {
    const reports = await plane.operator.children(plane.paths.reports);
    const grants = await plane.operator.children(plane.paths.sku(SKU).grants);
    return reports.ok && reports.value.length === 2 && grants.ok && grants.value.length === 2;
  });
});

test('lower and higher quotas come into force on every node at once', async () => {
  await plane.sell(SKU, 1_000);
  plane.keeper();
  const agents = [plane.agent(), plane.agent(), plane.agent(), plane.agent()];
  await granted(SKU, agents, [250, 250, 250, 250]);
  const timesMs: number[] = [];
  for (const quota of [500, 100, 0, 400, 1_000, 200, 600, 1_000]) {
    const startedAt = performance.now();
    await plane.write(plane.paths.sku(SKU).quota, String(quota));
    await granted(
      SKU,
      agents,
      agents.map(() => quota / 4),
    );
    timesMs.push(Math.round(performance.now() - startedAt));
  }
  console.log(`quota edit until all four nodes act on it, ms: ${timesMs.join(' ')}`);
  // scale.test.ts checks the bound of 100 ms in virtual time, because this machine may be busy.
});

test('the quota of a SKU that no catalogue has comes into force, raised or lowered', async () => {
  const { quota, grants } = plane.paths.sku(SKU);
  plane.keeper();
  const agent = plane.agent();
  await plane.sell(SKU, 30, 0);
  await until('its waitlist is open', () => plane.waitlists.open.includes(SKU));
  plane.units.delete(SKU);
  for (const units of [100, 200, 50]) {
    await plane.write(quota, String(units));
    const edit = await plane.operator.get(quota);
    const version = edit.ok && edit.value.stat.version;
    await until('in force', async () => {
      const text = await plane.operator.get(grants);
      return text.ok && decodeBasis(text.value.text)?.quota === version;
    });
  }
  await plane.sell(SKU, 30);
  await granted(SKU, [agent], [30]);
});

test('a quota below the admitted units leaves nothing to draw; a raise gives the rest back', async () => {
  await plane.sell(SKU, 1_000);
  plane.keeper();
  const [first, second] = [plane.agent(), plane.agent()];
  await granted(SKU, [first, second], [500, 500]);
  const nodes = [drawAll(first, 300), drawAll(second, 300)];
  await plane.write(plane.paths.sku(SKU).quota, '500');
  await until('spent', () => [first, second].every((agent) => !agent.draw(SKU, 1).drawn), FAST);
  plane.order(first, nodes[0] ?? '', SKU, 300);
  plane.order(second, nodes[1] ?? '', SKU, 300);
  await plane.write(plane.paths.sku(SKU).quota, '700');
  await until('100 more', () => grantOf(first, SKU) + grantOf(second, SKU) === 700, FAST);
});

test('a grant that was deleted by hand is written again, and no unit is lost', async () => {
  await plane.sell(SKU, 100);
  plane.keeper();
  const agents = [plane.agent(), plane.agent()];
  await granted(SKU, agents, [50, 50]);
  const [first] = agents as [NodeAgent, NodeAgent];
  const node = drawAll(first, 20);
  plane.order(first, node, SKU, 20);
  const grant = plane.paths.sku(SKU).grant(node);
  await plane.remove(grant);
  await until('it is there again', async () => (await plane.text(grant)) !== undefined);
  let drawn = 20;
  const drawOne = (agent: NodeAgent) => agent.draw(SKU, 1).drawn;
  await until(
    'everything can be drawn',
    () => {
      for (const agent of agents) while (drawOne(agent)) drawn += 1;
      return drawn === 100;
    },
    FAST,
  );
});

test('a SKU that was deleted and created again is divided again; a deleted SKU does not reappear', async () => {
  await plane.sell(SKU, 100);
  plane.keeper();
  const agents = [plane.agent(), plane.agent()];
  await granted(SKU, agents, [50, 50]);
  const { sku } = plane.paths.sku(SKU);
  await plane.removeAll(sku);
  await granted(SKU, agents, [0, 0]);
  await plane.write(plane.paths.keep, '0.7');
  await until('a later edit', () => agents.every((agent) => agent.switches.keep(SKU) === 0.7));
  expect(await plane.text(sku)).toBeUndefined();
  await plane.sell(SKU, 100);
  await granted(SKU, agents, [50, 50]);
});

test('a lower quota comes into force while the database is down; a higher one waits for the database', async () => {
  await plane.sell(SKU, 1_000);
  plane.keeper();
  const agents = [plane.agent(), plane.agent()];
  await granted(SKU, agents, [500, 500]);
  plane.isDatabaseDown = true;
  await plane.write(plane.paths.sku(SKU).quota, '100');
  await granted(SKU, agents, [50, 50]);
  await plane.write(plane.paths.sku(SKU).quota, '200');
  await plane.write(plane.paths.keep, '0.3');
  await until('a later edit', () => agents.every((agent) => agent.switches.keep(SKU) === 0.3));
  expect(grantsOf(SKU, agents)).toEqual([50, 50]);
  plane.isDatabaseDown = false;
  await granted(SKU, agents, [100, 100]);
});

test('a killed node is settled before its remaining units are granted to live nodes', async () => {
  await plane.sell(SKU, 1_000);
  plane.keeper();
  const child = plane.childNode(SKU);
  const living = plane.agent();
  await granted(SKU, [living], [500]);
  await until('granted', () => child.said.grant === 500);
  const { node = '' } = child.said;
  expect(await child.draw(200)).toEqual({ drawn: true, node, units: 200 });
  const { promise: drained, resolve } = Promise.withResolvers<void>();
  plane.settle = () => drained;
  child.signal('SIGKILL');
  await until('its session ended', async () => {
    return (await plane.text(plane.paths.node(node))) === undefined;
  });
  await plane.write(plane.paths.keep, '0.9');
  await until('a later edit', () => living.switches.keep(SKU) === 0.9);
  expect(grantOf(living, SKU), 'nothing moves before it is settled').toBe(500);
  // 150 of its 200 units were ordered; the database refused the others.
  plane.units.set(SKU, { total: 1_000, held: 150 });
  resolve();
  await granted(SKU, [living], [850]);
  expect(plane.settled).toEqual([node]);
  await until('its traces are gone', async () => {
    const grant = await plane.text(plane.paths.sku(SKU).grant(node));
    return grant === undefined && (await plane.text(plane.paths.report(node))) === undefined;
  });
});

test('a node that was stopped until its session ended admits nothing on its old grant', async () => {
  await plane.sell(SKU, 100);
  plane.keeper();
  const child = plane.childNode(SKU);
  await until('granted', () => child.said.grant === 100);
  const { node = '' } = child.said;
  child.signal('SIGSTOP');
  await until('settled', () => plane.settled.includes(node));
  const living = plane.agent();
  await granted(SKU, [living], [100]);
  const answer = child.draw(1);
  child.signal('SIGCONT');
  expect(await answer).toMatchObject({ drawn: false });
  await until('it is another node', () => child.said.node !== node && child.said.node);
});

test('a pin fixes the grant of one node until it is deleted', async () => {
  await plane.sell(SKU, 1_000);
  plane.keeper();
  const [pinned, other] = [plane.agent(), plane.agent()];
  await granted(SKU, [pinned, other], [500, 500]);
  const pin = plane.paths.sku(SKU).pin(pinned.node ?? '');
  await plane.write(pin, '200');
  await granted(SKU, [pinned, other], [200, 800]);
  expect(grantOf(pinned, SKU)).toBe(200);
  await plane.remove(pin);
  drawAll(pinned, 200);
  expect(pinned.draw(SKU, 1).drawn).toBe(false);
  await until('half of what the idle one has', () => grantOf(pinned, SKU) === 600, FAST);
});

test('the last unit goes to the node with demand', async () => {
  await plane.sell(SKU, 5);
  plane.keeper();
  const [busy, idle] = [plane.agent(), plane.agent()];
  await granted(SKU, [busy, idle], [2, 3]);
  let sold = 0;
  await until(
    'all five are sold at one node',
    () => {
      const draw = busy.draw(SKU, 1);
      if (draw.drawn) {
        sold++;
        plane.order(busy, draw.node, SKU, 1);
      }
      return sold === 5;
    },
    FAST,
  );
  expect(grantsOf(SKU, [busy, idle])).toEqual([0, 5]);
  expect(busy.draw(SKU, 1).drawn).toBe(false);
  // The unit of a cancelled order is granted again.
  plane.units.set(SKU, { total: 5, held: 4 });
  await until('the unit that came back', () => busy.draw(SKU, 1).drawn, FAST);
});

test('the next keeper takes over, and one that was cut off cannot write', async () => {
  await plane.sell(SKU, 100);
  const relay = await startRelay(servers.zookeeper);
  const first = plane.keeper(relay.address);
  await until('the first leads', () => first.leads);
  const second = plane.keeper();
  const agent = plane.agent();
  await granted(SKU, [agent], [100]);
  const epoch = await plane.operator.get(plane.paths.epoch);
  expect(epoch).toMatchObject({ ok: true, value: { text: first.id } });
  expect(second.leads).toBe(false);
  relay.silence();
  await until('the second leads', () => second.leads);
  // The first has not heard of it.
  expect(first).toMatchObject({ hasTerm: true, leads: false });
  expect(first.figures().size).toBe(0);
  await plane.write(plane.paths.sku(SKU).quota, '40');
  await granted(SKU, [agent], [40]);
  relay.speak();
  await until('the first gives up', () => !first.hasTerm);
  // The deposed keeper could still send this; every write checks the epoch.
  const version = epoch.ok ? epoch.value.stat.version : -1;
  const late = await plane.operator.multi([
    { op: 'check', path: plane.paths.epoch, version },
    { op: 'set', path: plane.paths.sku(SKU).grant(agent.node ?? ''), text: '100', version: -1 },
  ]);
  expect(late).toEqual({ ok: false, error: 'bad_version' });
  await second.close();
  await until('the first leads again', () => first.leads);
  await plane.write(plane.paths.sku(SKU).quota, '70');
  await granted(SKU, [agent], [70]);
  await first.close();
  await relay.close();
});

test('a write of the epoch deposes the leader at once', async () => {
  const keeper = plane.keeper();
  await until('leads', () => keeper.leads);
  await plane.write(plane.paths.epoch, 'another');
  await until('leads again, in an epoch of its own', async () => {
    return keeper.leads && (await plane.text(plane.paths.epoch)) === keeper.id;
  });
});

test('a database that does not answer is logged once, not at every look', async () => {
  await plane.sell(SKU, 100);
  plane.keeper();
  const agent = plane.agent();
  await granted(SKU, [agent], [100]);
  plane.isDatabaseFrozen = true;
  const message = 'no unit counts from the database: no grant of its SKUs is raised';
  await until('it is told', () => plane.warnings.includes(message));
  plane.isDatabaseFrozen = false;
  await plane.sell('another', 10);
  await granted('another', [agent], [10]);
  expect(plane.warnings.filter((each) => each === message)).toHaveLength(1);
});
