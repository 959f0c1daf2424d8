import { afterEach, beforeEach, expect, test } from 'vitest';
import { servers } from '../../servers.ts';
import { until } from '../../until.ts';
import { ControlPlane, granted, grantOf } from '../control-plane.ts';

/** What operators write that cannot be: it changes nothing, and a note says why. */

const SKU = 'TV';
let plane: ControlPlane;

beforeEach(async () => {
  plane = await ControlPlane.start();
});

afterEach(() => plane.close());

test('garbage changes nothing and is explained; mending it takes the note away', async () => {
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
    await until(`a note about ${text.slice(0, 12)}`, async () => {
      const note = await plane.note(quota);
      expect(note).toMatchObject({ refused: text.slice(0, 64), inForce: '100' });
      expect(note?.['reason']).toMatch(reason);
      return true;
    });
    expect(grantOf(agent, SKU)).toBe(100);
  }
  await plane.remove(quota);
  await until('a note about its deletion', async () => {
    return (await plane.note(quota))?.['refused'] === null;
  });
  await plane.write(quota, '60');
  await granted(SKU, [agent], [60]);
  await until('no note', async () => (await plane.note(quota)) === undefined);
});

test('a keeper and a node that start while garbage stands there know the value in force', async () => {
  await plane.sell(SKU, 100);
  const keeper = plane.keeper();
  const agent = plane.agent();
  await granted(SKU, [agent], [100]);
  const { quota, state } = plane.paths.sku(SKU);
  await plane.write(quota, 'abc');
  await plane.write(state, '');
  await until('notes', async () => (await plane.note(quota)) && (await plane.note(state)));
  await agent.close();
  await keeper.close();
  const later = plane.agent();
  plane.keeper();
  await granted(SKU, [later], [100]);
  expect(later.state(SKU)).toBe('open');
  expect(await plane.note(quota)).toMatchObject({ refused: 'abc', inForce: '100' });
});

test('edits of SKUs that do not exist and pins of nodes that are gone are explained', async () => {
  await plane.sell(SKU, 100);
  plane.keeper();
  const agent = plane.agent();
  await granted(SKU, [agent], [100]);
  const unknown = plane.paths.sku('TVV').quota;
  await plane.write(unknown, '50');
  await until('a note', async () =>
    /no SKU TVV/.test(String((await plane.note(unknown))?.['reason'])),
  );
  const pin = plane.paths.sku(SKU).pin('web-gone');
  await plane.write(pin, '50');
  await until('a note', async () =>
    /no web node/.test(String((await plane.note(pin))?.['reason'])),
  );
  await plane.operator.ensure(`${plane.paths.sku(SKU).quota}/child`);
  const { quota } = plane.paths.sku(SKU);
  await until('a note', async () => /children/.test(String((await plane.note(quota))?.['reason'])));
  await plane.remove(pin);
  await plane.remove(`${quota}/child`);
  await plane.remove(unknown);
  await until('no notes', async () => {
    const notes = await plane.operator.children(plane.paths.errors);
    return notes.ok && notes.value.length === 0;
  });
});

test('pins that ask for more than there is are explained, for as long as they do', async () => {
  await plane.sell(SKU, 100);
  plane.keeper();
  const [first, second] = [plane.agent(), plane.agent()];
  await granted(SKU, [first, second], [50, 50]);
  const { pin, quota } = plane.paths.sku(SKU);
  const [one, other] = [pin(first.node ?? ''), pin(second.node ?? '')];
  await plane.write(one, '90');
  await granted(SKU, [first, second], [10, 90]);
  expect(await plane.note(one)).toBeUndefined();
  await plane.write(other, '60');
  const reason = '150 units are pinned, but only 100 may be granted (quota 100, 100 exist)';
  for (const [path, units] of [
    [one, '90'],
    [other, '60'],
  ] as const) {
    await until('a note', async () => (await plane.note(path)) !== undefined);
    const note = await plane.note(path);
    expect(note).toMatchObject({ refused: units, inForce: units });
    expect(note?.['reason']).toContain(reason);
  }
  expect(grantOf(first, SKU) + grantOf(second, SKU)).toBeLessThanOrEqual(100);
  plane.units.set(SKU, { total: 150, held: 0 });
  await plane.write(quota, '150');
  await granted(SKU, [first, second], [60, 90]);
  await until('no notes', async () => !(await plane.note(one)) && !(await plane.note(other)));
});

test('a child below a value is noticed at once, not at the next reading', async () => {
  await plane.sell(SKU, 100);
  plane.keeper(servers.zookeeper, { rereadIntervalMs: 3_600_000 });
  const agent = plane.agent();
  await granted(SKU, [agent], [100]);
  const { state } = plane.paths.sku(SKU);
  await until('the keeper has read it', async () => {
    const notes = await plane.operator.children(plane.paths.errors);
    return notes.ok && notes.value.length === 0;
  });
  for (let count = 0; count < 3; count++) {
    await plane.operator.ensure(`${state}/child`);
    await until('a note', async () =>
      /children/.test(String((await plane.note(state))?.['reason'])),
    );
    await plane.remove(`${state}/child`);
    await until('no note', async () => (await plane.note(state)) === undefined);
  }
  expect(agent.state(SKU)).toBe('open');
});
