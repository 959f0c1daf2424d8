import { afterEach, expect, test } from 'vitest';
import { Operator } from '../../../ops/quota/operator.ts';
import type { Observed } from '../../../zk/client/result.ts';
import type { ZkSession } from '../../../zk/client/session.ts';
import { History, readHistory } from '../../../zk/tree/history.ts';
import type { Setting } from '../../../zk/tree/setting.ts';
import { ControlPlane } from '../control-plane.ts';

const SKU = 'TV';
let plane: ControlPlane;
afterEach(() => plane.close());

test('an edit of a command that the keeper sees while it reads the entries has no second entry', async () => {
  plane = await ControlPlane.start();
  const { operator, paths } = plane;
  await operator.ensure(paths.history);
  await operator.ensure(paths.sku(SKU).sku);
  const value = (path: string) => ({
    path,
    isKnown: true,
    text: undefined as string | undefined,
    observed: undefined as Observed | undefined,
  });
  const [quota, state] = [value(paths.sku(SKU).quota), value(paths.sku(SKU).state)];
  const see = async (setting: typeof quota) => {
    const read = await operator.get(setting.path);
    if (read.ok) Object.assign(setting, { text: read.value.text, observed: read.value });
  };
  let meanwhile: (() => Promise<void>) | undefined;
  const session = {
    exists: (path: string) => operator.exists(path),
    get: (path: string) => operator.get(path),
    multi: (operations: Parameters<ZkSession['multi']>[0]) => operator.multi(operations),
    children: async (path: string) => {
      const names = await operator.children(path);
      await meanwhile?.();
      return names;
    },
  } as unknown as ZkSession;
  const history = new History(session, paths, { op: 'check', path: paths.history, version: -1 });
  const look = () => history.record([quota, state] as unknown as Setting<unknown>[]);
  await look();
  await plane.write(quota.path, '100');
  await see(quota);
  meanwhile = async () => {
    meanwhile = undefined;
    await new Operator(operator, paths, 'anna').state(SKU, 'open');
    await see(state);
  };
  await look();
  await look();
  const entries = (await readHistory(operator, paths)) ?? [];
  expect(entries.map(({ path, who }) => [path, who]).sort()).toEqual([
    [quota.path, 'by hand'],
    [state.path, 'anna'],
  ]);
});
