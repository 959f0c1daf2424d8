import { afterEach, describe, expect, test } from 'vitest';
import { readHistory } from '../../zk/tree/history.ts';
import { servers } from '../servers.ts';
import { until } from '../until.ts';
import { Credentials } from '../zk/credentials.ts';
import { ControlPlane, granted } from './control-plane.ts';

/** Nodes of the shop's own that somebody deletes or creates by hand. They are made anew, and edits have effect. */

const SKU = 'TV';
let plane: ControlPlane;
afterEach(() => plane.close());

describe('the epoch of the leading keeper', () => {
  test.each(['deleted', 'deleted and created'])('is %s', async (how) => {
    plane = await ControlPlane.start();
    await plane.sell(SKU, 100);
    const keepers = [plane.keeper(), plane.keeper()];
    const agent = plane.agent();
    await granted(SKU, [agent], [100]);
    await plane.remove(plane.paths.epoch);
    if (how !== 'deleted') await plane.operator.create(plane.paths.epoch, '');
    await plane.write(plane.paths.sku(SKU).quota, '40');
    await granted(SKU, [agent], [40]);
    await until('one of them leads', () => keepers.filter(({ leads }) => leads).length === 1);
  });
});

test('nodes that somebody creates among the entries of the election keep no keeper from leading', async () => {
  plane = await ControlPlane.start();
  await plane.operator.ensure(plane.paths.election);
  for (const name of ['0', 'mine', 'mine-0000000000', 'k-0000000000']) {
    await plane.operator.create(`${plane.paths.election}/${name}`, '');
  }
  const keeper = plane.keeper();
  await until('it leads', () => keeper.leads);
});

test('an edit after the history was deleted has one entry, as each value that is in force', async () => {
  plane = await ControlPlane.start();
  await plane.sell(SKU, 100);
  plane.keeper();
  const { quota } = plane.paths.sku(SKU);
  const entries = async () => (await readHistory(plane.operator, plane.paths)) ?? [];
  const edited = async () => (await entries()).map(({ path }) => path).sort();
  const values = [plane.paths.keep, plane.paths.shed, quota, plane.paths.sku(SKU).state];
  await until('the history', async () => (await edited()).length === values.length);
  await plane.removeAll(plane.paths.history);
  await until('the folder', async () => (await plane.text(plane.paths.history)) !== undefined);
  for (const units of ['40', '50']) {
    await plane.write(quota, units);
    await until('an entry', async () => (await entries()).some(({ to }) => to === units));
  }
  // It is written after the history was looked at again.
  await plane.write(quota, 'fifty');
  await until('an edit error', () => plane.editError(quota));
  expect(await edited()).toEqual([...values, quota].sort());
});

test('a grant that is deleted and created at once, with an older version, holds no unit back', async () => {
  plane = await ControlPlane.start();
  await plane.sell(SKU, 100);
  plane.keeper();
  const agents = [plane.agent(), plane.agent()];
  await granted(SKU, agents, [50, 50]);
  const { quota, grant } = plane.paths.sku(SKU);
  for (const units of [80, 60]) {
    await plane.write(quota, String(units));
    await granted(SKU, agents, [units / 2, units / 2]);
  }
  const path = grant(agents[0]?.node ?? '');
  await Promise.all([plane.operator.delete(path), plane.operator.create(path, '20')]);
  plane.units.set(SKU, { total: 200, held: 0 });
  await plane.write(quota, '200');
  await granted(SKU, agents, [100, 100]);
});

test('the folder of pins is made anew, and the pins in it have effect', async () => {
  plane = await ControlPlane.start();
  await plane.sell(SKU, 100);
  plane.keeper();
  const agents = [plane.agent(), plane.agent()];
  await granted(SKU, agents, [50, 50]);
  const { pins, pin } = plane.paths.sku(SKU);
  await plane.remove(pins);
  await until('the folder', async () => (await plane.text(pins)) !== undefined);
  await plane.operator.create(pin(agents[0]?.node ?? ''), '30');
  await granted(SKU, agents, [30, 70]);
});

test('the folder of pins does not keep anybody from deleting the SKU', async () => {
  plane = await ControlPlane.start();
  await plane.sell(SKU, 100);
  plane.keeper();
  const { sku, quota, state, pins, grants } = plane.paths.sku(SKU);
  await until('planned', async () => (await plane.text(grants))?.includes('quota'));
  for (const path of [pins, quota, state, grants, sku]) await plane.remove(path);
});

describe('a folder', () => {
  const FOLDERS = ['nodes', 'sessions', 'reports', 'errors', 'history'] as const;

  test.each([
    ...FOLDERS.map((folder) => ({ folder, rights: 'anybody' as const })),
    ...FOLDERS.map((folder) => ({ folder, rights: 'credentials' as const })),
  ])('$folder of a tree of $rights', async ({ folder, rights }) => {
    const credentials = rights === 'credentials' ? new Credentials() : undefined;
    plane = await ControlPlane.start(servers.zookeeper, credentials);
    await plane.operator.ensure(plane.root);
    plane.keeper();
    await until('the folders', async () => (await plane.text(plane.paths.history)) !== undefined);
    await plane.sell(SKU, 100);
    const agents = [plane.agent(), plane.agent()];
    await granted(SKU, agents, [50, 50]);
    await plane.removeAll(plane.paths[folder]).catch(() => {
      // The processes may write below the folder meanwhile.
    });
    const { quota } = plane.paths.sku(SKU);
    await plane.write(quota, '40');
    await granted(SKU, agents, [20, 20]);
    await plane.write(quota, '60');
    await granted(SKU, agents, [30, 30]);
    await plane.write(quota, 'sixty');
    await until('an edit error', async () => (await plane.editError(quota))?.['inForce'] === '60');
    expect(agents.map((agent) => agent.draw(SKU, 1).drawn)).toEqual([true, true]);
  });
});
