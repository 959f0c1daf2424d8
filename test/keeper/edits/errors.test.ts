import { afterEach, beforeEach, expect, test } from 'vitest';
import { readHistory } from '../../../zk/tree/history.ts';
import { servers } from '../../servers.ts';
import { until } from '../../until.ts';
import { ControlPlane, granted, grantOf } from '../control-plane.ts';

/** Invalid edits of operators: they change nothing, and an edit error gives the reason. */

const SKU = 'TV';
let plane: ControlPlane;

beforeEach(async () => {
  plane = await ControlPlane.start();
});

afterEach(() => plane.close());

test('an invalid text changes nothing and has an edit error until it is corrected', async () => {
  await plane.sell(SKU, 100);
  plane.keeper();
  const agent = plane.agent();
  await granted(SKU, [agent], [100]);
  const { quota } = plane.paths.sku(SKU);
  const refused: [string, RegExp][] = [
    ['abc', /not a decimal integer/],
    ['-1', /negative/],
    ['1e9', /not a decimal integer/],
    ['12,5', /not a decimal integer/],
    ['', /empty/],
    ['99999999999', /larger than/],
    ['7'.repeat(500_000), /500000 characters/],
  ];
  for (const [text, reason] of refused) {
    await plane.write(quota, text);
    await until(`an edit error about ${text.slice(0, 12)}`, async () => {
      const error = await plane.editError(quota);
      expect(error).toMatchObject({ refused: text.slice(0, 64), inForce: '100' });
      expect(error?.['reason']).toMatch(reason);
      return true;
    });
    expect(grantOf(agent, SKU)).toBe(100);
  }
  await plane.remove(quota);
  await until('an edit error about its deletion', async () => {
    return (await plane.editError(quota))?.['refused'] === null;
  });
  await plane.write(quota, '60');
  await granted(SKU, [agent], [60]);
  await until('no edit error', async () => (await plane.editError(quota)) === undefined);
});

test('a keeper and a node that start while the text is invalid know the value in force', async () => {
  await plane.sell(SKU, 100);
  const keeper = plane.keeper();
  const agent = plane.agent();
  await granted(SKU, [agent], [100]);
  const { quota, state } = plane.paths.sku(SKU);
  await plane.write(quota, 'abc');
  await plane.write(state, '');
  await until(
    'edit errors',
    async () => (await plane.editError(quota)) && (await plane.editError(state)),
  );
  await agent.close();
  await keeper.close();
  const later = plane.agent();
  plane.keeper();
  await granted(SKU, [later], [100]);
  expect(later.switches.state(SKU)).toBe('open');
  expect(await plane.editError(quota)).toMatchObject({ refused: 'abc', inForce: '100' });
});

test.each(['written', 'deleted'])(
  'an invalid value that was %s while no keeper ran changes nothing',
  async (how) => {
    await plane.sell(SKU, 100);
    const keeper = plane.keeper();
    const agent = plane.agent();
    await granted(SKU, [agent], [100]);
    const { quota, state } = plane.paths.sku(SKU);
    await until('the history', async () => {
      const recorded = await readHistory(plane.operator, plane.paths);
      return [quota, state].every((path) => recorded?.some((entry) => entry.path === path));
    });
    await keeper.close();
    for (const path of [quota, state]) {
      if (how === 'written') await plane.write(path, 'abc');
      else await plane.remove(path);
    }
    // Nobody can tell this one what was in force until a keeper leads.
    const later = plane.agent();
    await until('it is ready', () => later.ready());
    plane.keeper();
    await granted(SKU, [agent, later], [50, 50]);
    expect(await until('an edit error', () => plane.editError(quota))).toMatchObject({
      refused: how === 'written' ? 'abc' : null,
      inForce: '100',
    });
    await until('its state', () => later.switches.state(SKU) === 'open');
    expect(agent.switches.state(SKU)).toBe('open');
  },
);

test('edits of unknown SKUs and pins of nodes that have ended have edit errors', async () => {
  await plane.sell(SKU, 100);
  plane.keeper();
  const agent = plane.agent();
  await granted(SKU, [agent], [100]);
  const unknown = plane.paths.sku('TVV').quota;
  await plane.write(unknown, '50');
  await until('an edit error', async () =>
    /no SKU TVV/.test(String((await plane.editError(unknown))?.['reason'])),
  );
  const pin = plane.paths.sku(SKU).pin('web-gone');
  await plane.write(pin, '50');
  await until('an edit error', async () =>
    /no web node/.test(String((await plane.editError(pin))?.['reason'])),
  );
  await plane.operator.ensure(`${plane.paths.sku(SKU).quota}/child`);
  const { quota } = plane.paths.sku(SKU);
  await until('an edit error', async () =>
    /children/.test(String((await plane.editError(quota))?.['reason'])),
  );
  await plane.remove(pin);
  await plane.remove(`${quota}/child`);
  await plane.remove(unknown);
  await until('no edit error', async () => {
    const errors = await plane.operator.children(plane.paths.errors);
    return errors.ok && errors.value.length === 0;
  });
});

test('pins that exceed the units have edit errors as long as they do', async () => {
  await plane.sell(SKU, 100);
  plane.keeper();
  const [first, second] = [plane.agent(), plane.agent()];
  await granted(SKU, [first, second], [50, 50]);
  const { pin, quota } = plane.paths.sku(SKU);
  const [one, other] = [pin(first.node ?? ''), pin(second.node ?? '')];
  await plane.write(one, '90');
  await granted(SKU, [first, second], [10, 90]);
  expect(await plane.editError(one)).toBeUndefined();
  await plane.write(other, '60');
  const reason = '150 units are pinned, but only 100 may be granted (quota 100, 100 exist)';
  for (const [path, units] of [
    [one, '90'],
    [other, '60'],
  ] as const) {
    await until('an edit error', async () => (await plane.editError(path)) !== undefined);
    const error = await plane.editError(path);
    expect(error).toMatchObject({ refused: units, inForce: units });
    expect(error?.['reason']).toContain(reason);
  }
  expect(grantOf(first, SKU) + grantOf(second, SKU)).toBeLessThanOrEqual(100);
  plane.units.set(SKU, { total: 150, held: 0 });
  await plane.write(quota, '150');
  await granted(SKU, [first, second], [60, 90]);
  await until(
    'no edit error',
    async () => !(await plane.editError(one)) && !(await plane.editError(other)),
  );
});

test('a leader that begins while a home is away keeps what is in force of its SKUs', async () => {
  const [away, there] = ['AWAY', 'THERE'].map((name) => plane.paths.sku(name));
  if (away === undefined || there === undefined) throw new Error('two SKUs');
  await plane.sell('AWAY', 100, 50);
  await plane.sell('THERE', 100);
  let leader = plane.keeper();
  const first = plane.agent();
  await granted('AWAY', [first], [50]);
  await plane.write(away.quota, 'fifty');
  await until(
    'an edit error',
    async () => (await plane.editError(away.quota))?.['inForce'] === '50',
  );
  await leader.close();
  plane.away.add('AWAY');
  await plane.write(there.quota, 'hundred');
  leader = plane.keeper();
  await until('it has looked at the edits', () => plane.editError(there.quota));
  expect(await plane.editError(away.quota)).toMatchObject({ refused: 'fifty', inForce: '50' });
  // The others that are set are right, as far as anybody knows.
  expect(await plane.editError(away.state)).toBeUndefined();
  await leader.close();
  const second = plane.agent();
  plane.away.clear();
  plane.keeper();
  await granted('AWAY', [first, second], [25, 25]);
  expect(second.switches.state('AWAY')).toBe('open');
});

test('what is in force of a SKU that the catalogue does not have is not forgotten', async () => {
  await plane.sell(SKU, 100, 50);
  plane.keeper();
  const agent = plane.agent();
  await granted(SKU, [agent], [50]);
  const { quota } = plane.paths.sku(SKU);
  plane.units.delete(SKU);
  await until('an edit error', async () => (await plane.editError(quota))?.['inForce'] === '50');
});

test('an edit error that somebody deletes by hand is written again as long as it holds', async () => {
  await plane.sell(SKU, 100);
  plane.keeper();
  const agent = plane.agent();
  await granted(SKU, [agent], [100]);
  const { quota } = plane.paths.sku(SKU);
  await plane.write(quota, 'abc');
  await until('an edit error', () => plane.editError(quota));
  await plane.remove(plane.paths.error(quota));
  const again = await until('the edit error', () => plane.editError(quota));
  expect(again).toMatchObject({ refused: 'abc', inForce: '100' });
});

test('an edit has its error and its entry in the history while the database was never there', async () => {
  await plane.sell(SKU, 100);
  plane.isDatabaseDown = true;
  plane.keeper();
  const { quota, state } = plane.paths.sku(SKU);
  await plane.write(quota, 'abc');
  await until('an edit error', () => plane.editError(quota));
  await plane.write(state, 'closed');
  await until('an entry', async () => {
    const entries = await readHistory(plane.operator, plane.paths);
    return entries?.some(({ path, to }) => path === state && to === 'closed');
  });
  expect(await plane.editError(state)).toBeUndefined();
});

test('a child below a value is noticed at once, not at the next read', async () => {
  await plane.sell(SKU, 100);
  plane.keeper(servers.zookeeper, { rereadIntervalMs: 3_600_000 });
  const agent = plane.agent();
  await granted(SKU, [agent], [100]);
  const { state } = plane.paths.sku(SKU);
  await until('the keeper has read it', async () => {
    const errors = await plane.operator.children(plane.paths.errors);
    return errors.ok && errors.value.length === 0;
  });
  for (let count = 0; count < 3; count++) {
    await plane.operator.ensure(`${state}/child`);
    await until('an edit error', async () =>
      /children/.test(String((await plane.editError(state))?.['reason'])),
    );
    await plane.remove(`${state}/child`);
    await until('no edit error', async () => (await plane.editError(state)) === undefined);
  }
  expect(agent.switches.state(SKU)).toBe('open');
});

test('a list that is too long for the history is refused; the longest one is recorded', async () => {
  await plane.sell(SKU, 100);
  plane.keeper();
  const path = `${plane.root}/lists/block/users`;
  const recorded = async () => {
    const entries = await readHistory(plane.operator, plane.paths);
    return entries?.findLast((entry) => entry.path === path)?.to;
  };
  for (const name of ['eve', 'bob']) {
    const text = `${name} # ${'国'.repeat(99_990)}`;
    await plane.write(path, text);
    await until('an entry of the history', async () => (await recorded()) === text);
  }
  await plane.write(path, `ann # ${'国'.repeat(190_000)}`);
  await until('an edit error', async () =>
    /300000 bytes/.test(String((await plane.editError(path))?.['reason'])),
  );
  expect(await recorded()).toMatch(/^bob/);
  expect(plane.warnings).not.toContain('ZooKeeper connection lost');
});
