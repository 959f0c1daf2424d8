import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { NodeAgent } from '../../server/quota/agent.ts';
import { digestOf, OPEN_ACL } from '../../zk/client/protection.ts';
import { readHistory } from '../../zk/tree/history.ts';
import { until } from '../until.ts';
import { ControlPlane, granted, grantOf } from './control-plane.ts';

/** Nodes that the processes may not read, because somebody has changed their rights. All else goes on. */

const [SKU, OTHER, LATER] = ['TV', 'OTHER', 'LATER'];
const FOREIGN = [
  { scheme: 'digest', id: digestOf('foreign:secret'), permissions: 'r' },
  { scheme: 'world', id: 'anyone', permissions: 'cdwa' },
];
let plane: ControlPlane;
let agents: NodeAgent[];

beforeEach(async () => {
  plane = await ControlPlane.start();
  await plane.sell(SKU, 100);
  await plane.sell(OTHER, 100);
  agents = [plane.agent(), plane.agent()];
});
afterEach(() => plane.close());

async function setAcl(path: string, acl: typeof FOREIGN): Promise<void> {
  expect(await plane.operator.setAcl(path, acl)).toMatchObject({ ok: true });
}

const entriesOf = async (path: string) => {
  const entries = (await readHistory(plane.operator, plane.paths)) ?? [];
  return entries.filter((entry) => entry.path === path).map(({ to }) => to);
};

/** A keeper leads that has read everything, and ends. */
async function leadOnce(): Promise<void> {
  const keeper = plane.keeper();
  await granted(SKU, agents, [50, 50]);
  await granted(OTHER, agents, [50, 50]);
  const { pin } = plane.paths.sku(OTHER);
  const { keep } = plane.paths.sku(OTHER);
  await plane.write(keep, '0.5');
  await plane.write(pin(agents[0]?.node ?? ''), '30');
  await plane.write(plane.paths.challenge, 'maybe');
  for (const path of [keep, pin(agents[0]?.node ?? ''), plane.paths.shed]) {
    await until(`an entry of ${path}`, async () => (await entriesOf(path)).length === 1);
  }
  await until('an edit error', () => plane.editError(plane.paths.challenge));
  await granted(OTHER, agents, [30, 70]);
  await keeper.close();
}

test('a new leader takes the last valid value of a setting that it may not read, and says so', async () => {
  await leadOnce();
  const { keep, quota } = plane.paths.sku(OTHER);
  await setAcl(keep, FOREIGN);
  const keeper = plane.keeper();
  await plane.write(plane.paths.sku(SKU).quota, '40');
  await granted(SKU, agents, [20, 20]);
  await plane.write(quota, '90');
  await granted(OTHER, agents, [30, 60]);
  await until('an edit error', async () => {
    const error = await plane.editError(keep);
    expect(error).toMatchObject({ refused: null, inForce: '0.5' });
    expect(error?.['reason']).toMatch(/no right to read/);
    return true;
  });
  expect(keeper.missingRights).toEqual([]);
  await setAcl(keep, [...OPEN_ACL]);
  await until('no edit error', async () => (await plane.editError(keep)) === undefined);
  await plane.write(keep, '0.7');
  await until('the history', async () => (await entriesOf(keep)).length === 2);
  expect(await entriesOf(keep)).toEqual(['0.5', '0.7']);
});

test('a quota that nothing tells leaves its SKU as it is, with its edit error, until it may be read', async () => {
  await leadOnce();
  const { quota, pin } = plane.paths.sku(OTHER);
  await plane.removeAll(plane.paths.history);
  await setAcl(quota, FOREIGN);
  plane.keeper();
  await plane.write(plane.paths.sku(SKU).quota, '40');
  await granted(SKU, agents, [20, 20]);
  await until('an edit error', async () => (await plane.editError(quota))?.['inForce'] === null);
  await until('the history', async () => (await entriesOf(plane.paths.sku(SKU).quota)).length > 0);
  expect(await entriesOf(quota)).toEqual([]);
  await granted(OTHER, agents, [30, 70]);
  await setAcl(quota, [...OPEN_ACL]);
  await plane.remove(pin(agents[0]?.node ?? ''));
  await plane.write(quota, '80');
  await until('planned', () => agents.reduce((all, one) => all + grantOf(one, OTHER), 0) === 80);
});

test('pins whose names may not be read stay in force', async () => {
  await leadOnce();
  const { pins, quota } = plane.paths.sku(OTHER);
  await setAcl(pins, FOREIGN);
  plane.keeper();
  await plane.write(quota, '60');
  await granted(OTHER, agents, [30, 30]);
  await until('an edit error', () => plane.editError(pins));
  await plane.write(plane.paths.sku(OTHER).pin(agents[0]?.node ?? ''), '20');
  await granted(OTHER, agents, [20, 40]);
});

describe('a new leader goes on with all other SKUs if it may not read', () => {
  const node = () => agents[0]?.node ?? '';
  const other = () => plane.paths.sku(OTHER);
  test.each<[string, () => string | Promise<string>]>([
    ['a SKU', () => other().sku],
    ['a quota', () => other().quota],
    ['a state', () => other().state],
    ['pins', () => other().pins],
    ['a pin', () => other().pin(node())],
    ['grants', () => other().grants],
    ['a grant', () => other().grant(node())],
    ['the common share', () => plane.paths.keep],
    ['the way of shedding', () => plane.paths.shed],
    ['the registrations', () => plane.paths.nodes],
    ['the sessions', () => plane.paths.sessions],
    ['a report', () => plane.paths.report(node())],
    ['an edit error', () => plane.paths.error(plane.paths.challenge)],
    [
      'an entry of the history',
      async () => {
        const entries = (await readHistory(plane.operator, plane.paths)) ?? [];
        return `${plane.paths.history}/${entries.find(({ path }) => path === other().keep)?.name}`;
      },
    ],
  ])('%s', async (_, pathOf) => {
    await leadOnce();
    await setAcl(await pathOf(), FOREIGN);
    await plane.remove(plane.paths.shed);
    plane.keeper();
    await plane.sell(LATER, 10);
    await granted(LATER, agents, [5, 5]);
    await plane.write(plane.paths.sku(LATER).quota, 'ten');
    const { error, sku } = plane.paths;
    const path = error(sku(LATER).quota);
    await until('an edit error', async () => (await plane.text(path))?.includes('"inForce":"10"'));
  });
});

describe('a web node that starts goes on with all other SKUs if it may not read', () => {
  test.each(['state', 'keep', 'quota', 'grant'] as const)('a %s', async (what) => {
    plane.keeper();
    await granted(SKU, agents, [50, 50]);
    const { keep, grant, ...paths } = plane.paths.sku(OTHER);
    await plane.write(keep, '0.5');
    const node = agents[0]?.node ?? '';
    const path = what === 'grant' ? grant(node) : { keep, ...paths }[what];
    await until('it is there', async () => (await plane.text(path)) !== undefined);
    await setAcl(path, FOREIGN);
    const agent = plane.agent();
    await until('ready', () => agent.ready());
    await until('granted', () => grantOf(agent, SKU) > 0);
    expect(agent.draw(SKU, 1).drawn).toBe(true);
    expect(agent.switches.state(SKU)).toBe('open');
    if (what === 'state') expect(agent.switches.knowsState(OTHER)).toBe(false);
    await setAcl(path, [...OPEN_ACL]);
    await until('read', () => agent.switches.keep(OTHER) === 0.5);
    await until('open', () => agent.switches.state(OTHER) === 'open');
  });
});
