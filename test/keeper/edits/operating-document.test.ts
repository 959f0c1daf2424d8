import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { servers } from '../../servers.ts';
import { until } from '../../until.ts';
import { zkCli } from '../../zk/zkcli.ts';
import { ControlPlane, grantOf } from '../control-plane.ts';

/** The lines for ZooKeeper's own command line in docs/operating.md, typed as they stand there. */

const DOCUMENT = join(import.meta.dirname, '..', '..', '..', 'docs', 'operating.md');
const LINE = /`((?:create|set|delete|get|ls|getAcl) ROOT\/[^`]*)`/g;
let plane: ControlPlane;
let node: string;

beforeAll(async () => {
  plane = await ControlPlane.start();
  await plane.sell('TV', 1_000);
  plane.keeper();
  const agent = plane.agent();
  await until('granted', () => grantOf(agent, 'TV') === 1_000);
  node = agent.node ?? '';
  // So that there is an edit error to read.
  const { quota } = plane.paths.sku('TV');
  await plane.write(quota, 'many');
  await until('an edit error', async () => (await plane.editError(quota)) !== undefined);
});
afterAll(() => plane?.close());

/** A row of a table does not count on the rows before it. A create can be repeated with set. */
function alone(line: string): string[] {
  const [verb, path] = line.split(' ');
  if (verb === 'create') return [line, line.replace('create', 'set'), `delete ${path}`];
  return verb === 'delete' ? [`create ${path} 1`, line] : [line];
}

test('each line works', async () => {
  const typed = readFileSync(DOCUMENT, 'utf8')
    .split('\n')
    .flatMap((text) => {
      const lines = [...text.matchAll(LINE)].map(([, line = '']) => line);
      return text.startsWith('|') ? lines.flatMap(alone) : lines;
    })
    .map((line) => line.replaceAll('ROOT', plane.root).replaceAll('NODE', node))
    .map((line) => line.replace('!flashsale!', `!${plane.root.slice(1)}!`));
  const created = typed.flatMap((line) => /^create (\S+)/.exec(line)?.[1] ?? []);
  expect(created).toContain(plane.paths.sku('TV').pin(node));
  const said = (await zkCli(servers.zookeeper, typed)).split('\n');
  // A line that fails repeats its path, such as "Node does not exist: /flashsale/challenge".
  const answers = said.filter((line) => line.includes(`${plane.root}/`) && !line.startsWith('{'));
  expect(answers).toEqual(created.map((path) => `Created ${path}`));
});
