import { afterAll, beforeAll, expect, test } from 'vitest';
import { decodeReport } from '../../../zk/tree/report.ts';
import { ControlPlane } from '../../keeper/control-plane.ts';
import { until } from '../../until.ts';

/** More SKUs than the report of a web node has room for, with names as long as they may be. */

const SKUS = 5_300;
const UNITS = 7;
let plane: ControlPlane;
beforeAll(async () => {
  plane = await ControlPlane.start();
});
afterAll(() => plane.close());

test('a node whose report is full keeps its connection, and sells the SKUs that are in it', async () => {
  const names = Array.from({ length: SKUS }, (_, at) => `${at}`.padStart(40, 's'));
  const agent = plane.agent();
  await until('ready', () => agent.ready());
  const node = agent.node ?? '';
  const { operator, paths } = plane;
  await operator.ensure(paths.skus);
  await Promise.all(
    names.map(async (name) => {
      const { sku, state, grants, grant } = paths.sku(name);
      const texts = new Map([
        [sku, ''],
        [state, 'open'],
        [grants, ''],
        [grant(node), String(UNITS)],
      ]);
      for (const [path, text] of texts) await operator.create(path, text);
    }),
  );
  const granted = () => agent.grants().filter(({ grant }) => grant > 0);
  const open = () => names.filter((name) => agent.switches.state(name) === 'open').length;
  await until('every state', () => open() === SKUS);
  await until('the report has all grants', async () => {
    const report = decodeReport((await plane.text(paths.report(node))) ?? '');
    const inReport = Object.values(report?.skus ?? {}).filter(({ grant }) => grant > 0);
    expect(inReport.length).toBe(granted().length);
    expect(inReport.length).toBeGreaterThan(3_000);
    return true;
  });
  expect(agent.node).toBe(node);
  const [first] = granted();
  // The event loop was busy for longer than the trust window lasts.
  await until('it draws', () => agent.draw(first?.sku ?? '', 1).drawn);
  await until('the report has the draw', async () => {
    const report = decodeReport((await plane.text(paths.report(node))) ?? '');
    return report?.skus[first?.sku ?? '']?.admitted === 1;
  });
  expect(agent.node).toBe(node);
});
