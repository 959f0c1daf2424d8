import { afterAll, beforeAll, expect, test } from 'vitest';
import { newRehearsal, skuOfRehearsal } from '../../../contracts/rehearsal.ts';
import { deleteSkuNodes } from '../../../ops/sale/nodes.ts';
import type { NodeAgent } from '../../../server/quota/agent.ts';
import { decodeReport } from '../../../zk/tree/report.ts';
import { ControlPlane, grantOf } from '../../keeper/control-plane.ts';
import { servers } from '../../servers.ts';
import { until } from '../../until.ts';
import { startRelay } from '../../zk/client/relay.ts';

/** The quota agent of a web node, with grants that are written by hand. No keeper runs. */

let plane: ControlPlane;

beforeAll(async () => {
  plane = await ControlPlane.start();
});

afterAll(() => plane.close());

async function ready(agent: NodeAgent): Promise<string> {
  await until('ready', () => agent.ready(), { pollMs: 5 });
  return agent.node ?? '';
}

async function grant(agent: NodeAgent, sku: string, units: number): Promise<void> {
  const path = plane.paths.sku(sku).grant(agent.node ?? '');
  await plane.write(path, String(units));
  await until('granted', () => grantOf(agent, sku) === units, { pollMs: 5 });
}

test('a node draws what it was granted and no more, and reports refunds and outcomes', async () => {
  const sku = 'draws';
  await plane.sell(sku, 10);
  const agent = plane.agent();
  const node = await ready(agent);
  expect(agent.draw(sku, 1)).toEqual({ drawn: false, verdict: 'quota_spent' });
  await grant(agent, sku, 5);
  expect(agent.draw(sku, 3)).toEqual({ drawn: true, node, units: 3 });
  expect(agent.draw(sku, 3)).toEqual({ drawn: false, verdict: 'too_few_now' });
  agent.refund(node, sku, 1);
  agent.decide(node, sku, 2);
  expect(agent.draw(sku, 3, 1)).toEqual({ drawn: true, node, units: 3 });
  expect(() => agent.decide(node, sku, 4)).toThrow(/3 are under way/);
  await until('reported', async () => {
    const report = decodeReport((await plane.text(plane.paths.report(node))) ?? '');
    const path = plane.paths.sku(sku).grant(node);
    expect(report?.applied[path]).toBe(1);
    expect(report?.skus[sku]).toMatchObject({ grant: 5, admitted: 5, decided: 2, wanted: 3 });
    return true;
  });
});

test.each(['{}', 'abc', undefined])(
  'a report overwritten by hand with %s is written again by an idle node',
  async (text) => {
    const sku = `overwritten-${text === undefined ? 'deleted' : text.length}`;
    await plane.sell(sku, 10);
    const agent = plane.agent();
    const path = plane.paths.report(await ready(agent));
    await grant(agent, sku, 5);
    const counters = async () => decodeReport((await plane.text(path)) ?? '')?.skus[sku];
    await until('reported', async () => (await counters())?.grant === 5);
    if (text === undefined) await plane.remove(path);
    else await plane.write(path, text);
    await until('reported again', async () => (await counters())?.grant === 5);
  },
);

test('a node knows which states it has read', async () => {
  await plane.sell('known', 10);
  const agent = plane.agent();
  expect(agent.switches.knowsState('known')).toBe(false);
  await ready(agent);
  await until('read', () => agent.switches.knowsState('known'), { pollMs: 5 });
  expect(agent.switches.state('known')).toBe('open');
  // It is not in the list.
  expect(agent.switches.knowsState('unheard')).toBe(true);
});

test('a node follows states and shares, and pauses an SKU whose state is not set', async () => {
  const agent = plane.agent();
  await ready(agent);
  expect(agent.switches.state('unheard')).toBe('paused');
  expect(agent.switches.keep('unheard')).toBe(1);
  await plane.sell('heard', 10);
  await until('open', () => agent.switches.state('heard') === 'open', { pollMs: 5 });
  await plane.write(plane.paths.keep, '0.5');
  await plane.write(plane.paths.sku('heard').keep, '0.1');
  await until('kept', () => agent.switches.keep('heard') === 0.1, { pollMs: 5 });
  expect(agent.switches.keep('unheard')).toBe(0.5);
  await plane.remove(plane.paths.sku('heard').keep);
  await until('the common share', () => agent.switches.keep('heard') === 0.5, { pollMs: 5 });
  await plane.write(plane.paths.shed, 'lottery');
  await until('lottery', () => agent.switches.shed('TV') === 'lottery', { pollMs: 5 });
  // Answers that were rendered before a change are told apart by this number.
  const { changes } = agent.switches;
  await plane.write(plane.paths.sku('heard').quota, '20');
  await until('the quota is shown', () => agent.switches.quota('heard') === 20, { pollMs: 5 });
  expect(agent.switches.changes).toBeGreaterThan(changes);
});

test('invalid edits and deletions leave the last good value in force, also for a node that starts afterwards', async () => {
  const sku = 'garbled';
  await plane.sell(sku, 10);
  const { state, quota } = plane.paths.sku(sku);
  const agent = plane.agent();
  await ready(agent);
  await until('open', () => agent.switches.state(sku) === 'open', { pollMs: 5 });
  await plane.write(state, 'opne');
  const refusal = { refused: 'opne', reason: 'r', inForce: 'open', at: '' };
  await plane.write(plane.paths.error(state), JSON.stringify(refusal));
  const later = plane.agent();
  await ready(later);
  expect(later.switches.state(sku)).toBe('open');
  await plane.remove(state);
  await plane.write(quota, '11');
  await plane.write(plane.paths.keep, '0.75');
  await until(
    'later edits are seen',
    () => agent.switches.keep(sku) === 0.75 && later.switches.keep(sku) === 0.75,
  );
  expect([agent.switches.state(sku), later.switches.state(sku)]).toEqual(['open', 'open']);
  await plane.write(state, 'closed');
  await until(
    'mended',
    () => agent.switches.state(sku) === 'closed' && later.switches.state(sku) === 'closed',
  );
});

test('a grant that was deleted by hand cannot be spent', async () => {
  const sku = 'deleted';
  await plane.sell(sku, 10);
  const agent = plane.agent();
  const node = await ready(agent);
  await grant(agent, sku, 5);
  await plane.remove(plane.paths.sku(sku).grant(node));
  await until('nothing to spend', () => grantOf(agent, sku) === 0, { pollMs: 5 });
  await grant(agent, sku, 2);
  expect(agent.draw(sku, 3).drawn).toBe(false);
});

test('a node that was cut off stops drawing in time, and comes back as another node', async () => {
  const sku = 'cut';
  await plane.sell(sku, 1_000_000);
  const relay = await startRelay(servers.zookeeper);
  const agent = plane.agent(relay.address);
  const node = await ready(agent);
  await grant(agent, sku, 1_000_000);
  expect(agent.draw(sku, 1).drawn).toBe(true);
  relay.silence();
  await until('no trust', () => agent.draw(sku, 1).drawn === false, { pollMs: 1 });
  expect(agent.draw(sku, 1)).toEqual({ drawn: false, verdict: 'quota_unavailable' });
  expect(agent.trusted(node)).toBe(false);
  expect(await plane.operator.exists(plane.paths.node(node))).toMatchObject({
    value: { children: 0 },
  });
  await until('the session ends', async () => {
    const found = await plane.operator.exists(plane.paths.node(node));
    return found.ok && found.value === undefined;
  });
  relay.speak();
  await until('a new node', () => agent.ready() && agent.node !== node);
  expect(agent.draw(sku, 1)).toEqual({ drawn: false, verdict: 'quota_spent' });
  // Outcomes for the old node id do not change the new node's counts.
  agent.decide(node, sku, 1);
  agent.refund(node, sku, 1);
  expect(grantOf(agent, sku)).toBe(0);
  await agent.close();
  await relay.close();
});

test('a node whose registration is deleted by hand takes another id', async () => {
  const agent = plane.agent();
  const node = await ready(agent);
  await plane.remove(plane.paths.node(node));
  await until('another id', () => agent.ready() && agent.node !== node);
  expect(agent.trusted(node)).toBe(false);
});

test('a node that closes marks its report as final and removes its registration', async () => {
  const agent = plane.agent();
  const node = await ready(agent);
  await agent.close();
  expect(agent.draw('any', 1)).toEqual({ drawn: false, verdict: 'quota_unavailable' });
  expect(await plane.text(plane.paths.node(node))).toBeUndefined();
  expect(decodeReport((await plane.text(plane.paths.report(node))) ?? '')?.final).toBe(true);
});

test('a rehearsal whose nodes are deleted is forgotten, but not before its last outcome', async () => {
  const sku = skuOfRehearsal(newRehearsal('spring'), 1);
  const agent = plane.agent();
  const node = await ready(agent);
  const place = { session: plane.operator, root: plane.root } as never;
  const isKnown = () => agent.grants().some((one) => one.sku === sku);
  const deleted = async (name: string) => {
    await deleteSkuNodes(place, name);
    await until('gone', () => !agent.switches.skus.includes(name), { pollMs: 5 });
  };
  await plane.sell(sku, 10);
  await until('sold', () => agent.switches.skus.includes(sku), { pollMs: 5 });
  await grant(agent, sku, 5);
  expect(agent.draw(sku, 2).drawn).toBe(true);
  await deleted(sku);
  expect(isKnown()).toBe(true);
  agent.decide(node, sku, 2);
  await plane.sell('another', 1);
  await until('forgotten', () => !isKnown(), { pollMs: 5 });
});

test('a node knows how many nodes live, and so what its share of a limit is', async () => {
  const one = plane.agent();
  const other = plane.agent();
  for (const agent of [one, other]) await ready(agent);
  const isRight = async (agent: NodeAgent) => {
    const nodes = await plane.operator.children(plane.paths.nodes);
    return nodes.ok && nodes.value.length === agent.livingNodes && nodes.value.length;
  };
  const many = await until('one knows both', () => isRight(one));
  expect(many).toBeGreaterThan(1);
  expect(await until('the other knows both', () => isRight(other))).toBe(many);
  await other.close();
  await until('one has gone', () => one.livingNodes === many - 1, { pollMs: 5 });
});
