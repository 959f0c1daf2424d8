import { afterAll, expect, it } from 'vitest';
import { Changes, type Worked } from '../../console/changes.ts';
import { createPool, Databases } from '../../db/client/pool.ts';
import { ChangeRefused } from '../../ops/sale/life.ts';
import { createLog } from '../../process/log.ts';
import { ZkSession } from '../../zk/client/session.ts';
import { until } from '../until.ts';

/** How a change of a sale is said to have ended, by how far it came. */

const nowhere = createPool({ url: 'postgres://127.0.0.1:1/x', max: 1, applicationName: 'test' });
afterAll(() => nowhere.close());
const session = new ZkSession({ servers: '127.0.0.1:1', sessionTimeoutMs: 10_000 });
const place = { databases: Databases.ofOne(nowhere), session, root: '/nowhere' };
const changes = new Changes(place, createLog('console', 'silent'));

async function ended(work: (tell: (line: string) => void) => Promise<Worked>) {
  const facts = { login: 'ann', sale: 'spring', action: 'restock', id: undefined };
  const { id } = changes.begin(facts, 'more came', work);
  await until('the change ends', () => changes.find(id)?.state !== 'running');
  return changes.find(id);
}

it('a change that is done stays done if nobody can tell which web nodes know it', async () => {
  const change = await ended(async () => ({ done: ['TV has 10 units more'] }));
  expect(change?.state).toBe('late');
  expect(change?.lines.at(-1)).toMatch(/^Done, but it cannot be seen which web nodes know it: /);
});

it('a change that is refused before its first step has changed nothing', async () => {
  const change = await ended(() => Promise.reject(new ChangeRefused('it is over')));
  expect(change).toMatchObject({ state: 'refused', lines: ['it is over'] });
});

it('a change that is refused or lost later may have changed something', async () => {
  const later = await ended(async (tell) => {
    tell('the closing time is changed');
    throw new ChangeRefused('TV has orders');
  });
  const lost = await ended(() => Promise.reject(new Error('no answer')));
  for (const change of [later, lost]) {
    expect(change?.state).toBe('failed');
    expect(change?.lines.at(-1)).toMatch(/look at the sale before you do it again\.$/);
  }
});
