import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TreeLook } from '../../../ops/live/tree.ts';
import { acknowledged } from '../../../ops/quota/acknowledge.ts';
import { EditRefused, Operator } from '../../../ops/quota/operator.ts';
import { Reader } from '../../../ops/quota/overview.ts';
import type { NodeAgent } from '../../../server/quota/agent.ts';
import { ZkSession } from '../../../zk/client/session.ts';
import { HISTORY_ENTRIES_MAX, readHistory } from '../../../zk/tree/history.ts';
import { listEntries } from '../../../zk/tree/list-text.ts';
import { PROGRAM_ENVIRONMENT } from '../../children.ts';
import { ControlPlane, grantOf, SESSION_TIMEOUT_MS } from '../../keeper/control-plane.ts';
import { servers } from '../../servers.ts';
import { until } from '../../until.ts';

/** What operators do, by command and by hand. */

const SKU = 'TV';
const run = promisify(execFile);
const ROOT = join(import.meta.dirname, '..', '..', '..');
let plane: ControlPlane;
let agents: NodeAgent[];
let operator: Operator;
let reader: Reader;

beforeAll(async () => {
  plane = await ControlPlane.start();
  await plane.sell(SKU, 1_000);
  plane.keeper();
  agents = [plane.agent(), plane.agent()];
  await until('granted', () => agents.every((agent) => grantOf(agent, SKU) === 500));
  operator = new Operator(plane.operator, plane.paths, 'ann@laptop');
  reader = new Reader(plane.operator, plane.paths);
});

afterAll(() => plane.close());

/** Runs the command line; its exit code and output. */
async function cli(...words: string[]) {
  const options = {
    cwd: ROOT,
    env: { ...PROGRAM_ENVIRONMENT, ZOOKEEPER: servers.zookeeper, ZK_ROOT: plane.root },
  };
  const args = ['ops/cli.ts', 'quota', ...words];
  return run(process.execPath, args, options).then(
    ({ stdout }) => ({ code: 0, stdout, stderr: '' }),
    (error) => ({ code: error.code, stdout: error.stdout, stderr: error.stderr }),
  );
}

async function inForce(edit: Parameters<Reader['notApplied']>[0]): Promise<void> {
  await until('in force', async () => (await reader.notApplied(edit)).length === 0, { pollMs: 2 });
}

describe('edits by command', () => {
  test('are told as written, also when ZooKeeper goes away before the nodes have said so', async () => {
    const session = await plane.session('operator');
    const away = new Reader(session, plane.paths);
    const edit = { path: plane.paths.keep, from: null, to: '1', version: 0 };
    await session.close();
    expect(
      await acknowledged(away, plane.paths.nodes, edit, { timeoutMs: 0, pollMs: 1 }),
    ).toMatchObject({
      notApplied: ['unknown: ZooKeeper did not answer'],
    });
  });

  test('are in force on every node when it says so, and in the history', async () => {
    const edit = await operator.quota(SKU, '600');
    expect(edit).toMatchObject({ from: '1000', to: '600' });
    await inForce(edit);
    expect(agents.map((agent) => grantOf(agent, SKU))).toEqual([300, 300]);
    await inForce(await operator.state(SKU, 'paused'));
    expect(agents.map((agent) => agent.switches.state(SKU))).toEqual(['paused', 'paused']);
    await inForce(await operator.keep(SKU, '0.25'));
    await inForce(await operator.keep(undefined, '0.75'));
    expect(agents.map((agent) => agent.switches.keep(SKU))).toEqual([0.25, 0.25]);
    await inForce(await operator.keep(SKU, null));
    expect(agents.map((agent) => agent.switches.keep(SKU))).toEqual([0.75, 0.75]);
    const node = agents[0]?.node ?? '';
    await inForce(await operator.pin(SKU, node, '100'));
    await until('the other has the rest', () => {
      expect(agents.map((agent) => grantOf(agent, SKU))).toEqual([100, 500]);
      return true;
    });
    await inForce(await operator.pin(SKU, node, null));
    await inForce(await operator.quota(SKU, '0'));
    await inForce(await operator.undo());
    const entries = await operator.history();
    const own = entries.filter(({ who }) => who === 'ann@laptop').slice(0, -2);
    expect(own.map(({ path, from, to }) => [path.split('/').at(-1), from, to])).toEqual([
      ['quota', '1000', '600'],
      ['state', 'open', 'paused'],
      ['keep', null, '0.25'],
      ['keep', '1', '0.75'],
      ['keep', '0.25', null],
      [node, null, '100'],
      [node, '100', null],
    ]);
  });

  test('undo takes the last back, then the one before', async () => {
    await inForce(await operator.quota(SKU, '400'));
    await inForce(await operator.quota(SKU, '500'));
    expect(await operator.undo()).toMatchObject({ from: '500', to: '400' });
    const second = await operator.undo();
    expect(second).toMatchObject({ from: '400', to: '600' });
    await inForce(second);
    await plane.write(plane.paths.sku(SKU).quota, '800');
    await until('it is in the history', async () => {
      const last = (await operator.history()).at(-1);
      return last?.to === '800' && last.who === 'by hand' && last.from === '600';
    });
    expect(await operator.undo()).toMatchObject({ from: '800', to: '600' });
  });

  test.each([
    ['abc', /decimal integer/],
    ['-1', /negative/],
    ['1e9', /decimal integer/],
    ['12,5', /decimal integer/],
    ['', /empty/],
    ['7'.repeat(2_000_000), /2000000 characters/],
  ])('a quota of %.12j is refused before anything is written', async (text, reason) => {
    const before = await plane.operator.get(plane.paths.sku(SKU).quota);
    const refused = operator.quota(SKU, text);
    await expect(refused).rejects.toThrow(EditRefused);
    await expect(refused).rejects.toThrow(reason);
    expect(await plane.operator.get(plane.paths.sku(SKU).quota)).toEqual(before);
  });

  test('challenges are asked for of all SKUs, of one, and no more; each can be undone', async () => {
    const modes = () => agents.map((agent) => agent.switches.challenge(SKU));
    expect(modes()).toEqual(Array(2).fill({ mode: 'off', factor: 1 }));
    await inForce(await operator.challenge(undefined, 'risk'));
    await inForce(await operator.challenge(SKU, 'on 4'));
    expect(modes()).toEqual(Array(2).fill({ mode: 'on', factor: 4 }));
    await inForce(await operator.undo());
    expect(modes()).toEqual(Array(2).fill({ mode: 'risk', factor: 1 }));
    // Garbage by hand changes nothing and is explained; deleting is an edit.
    const { challenge } = plane.paths;
    await plane.write(challenge, 'always');
    await until('a note', async () =>
      /none of off, risk, on/.test((await reader.text(plane.paths.error(challenge)))?.text ?? ''),
    );
    expect(modes()).toEqual(Array(2).fill({ mode: 'risk', factor: 1 }));
    await expect(operator.challenge(SKU, 'on 99')).rejects.toThrow(EditRefused);
    await inForce(await operator.challenge(undefined, null));
    expect(modes()).toEqual(Array(2).fill({ mode: 'off', factor: 1 }));
  });

  test('what does not exist is refused by name', async () => {
    await expect(operator.quota('TVV', '5')).rejects.toThrow('there is no SKU TVV; there are TV');
    await expect(operator.pin(SKU, 'web-gone', '5')).rejects.toThrow(/no web node web-gone/);
    await expect(operator.state(SKU, 'opne')).rejects.toThrow(/open, paused, closed/);
  });
});

test('units that were admitted under an earlier, higher grant count as granted', async () => {
  const alone = await ControlPlane.start();
  await alone.sell(SKU, 10);
  const agent = alone.agent();
  await until('registered', () => agent.node !== undefined);
  const grant = alone.paths.sku(SKU).grant(agent.node ?? '');
  await alone.write(grant, '10');
  await until('drawn', () => agent.draw(SKU, 10).drawn);
  // The keeper goes by the last report, so it may lower a grant below what was admitted meanwhile.
  await alone.write(grant, '8');
  const look = new Reader(alone.operator, alone.paths);
  await until('reported', async () => {
    const { nodes } = await look.overview(SKU);
    return nodes[0]?.applied && nodes[0].admitted === 10;
  });
  expect((await look.overview(SKU)).skus).toMatchObject([{ granted: 10, admitted: 10, spare: 0 }]);
  const tree = new TreeLook(alone.operator, alone.paths);
  expect((await tree.look()).skus).toMatchObject([{ granted: 10, admitted: 10 }]);
  await alone.close();
});

describe('edits by hand', () => {
  test('of every bad kind leave the last good value on every node, and are explained', async () => {
    const { quota, sku } = plane.paths.sku(SKU);
    await inForce(await operator.quota(SKU, '600'));
    const before = agents.map((agent) => grantOf(agent, SKU));
    const note = async (path: string) => String((await plane.editError(path))?.['reason']);
    await plane.operator.ensure(`${sku}/qouta`, '5');
    await until('a note', async () =>
      /no setting has this name.*quota, state/.test(await note(`${sku}/qouta`)),
    );
    await plane.operator.ensure(`${quota}/child`);
    await until('a note', async () => /children/.test(await note(quota)));
    await expect(operator.quota(SKU, '5')).rejects.toThrow(/has children/);
    await plane.remove(`${quota}/child`);
    await plane.remove(quota);
    await until('a note', async () => /was deleted/.test(await note(quota)));
    const overview = await reader.overview();
    expect(overview.skus[0]?.quota).toBe('600');
    expect(overview.errors.map(({ reason }) => reason).join()).toMatch(/deleted.*in force: 600/);
    expect(agents.map((agent) => grantOf(agent, SKU))).toEqual(before);
    await plane.remove(`${sku}/qouta`);
    await inForce(await operator.quota(SKU, '600'));
    await until('no notes', async () => {
      const notes = await plane.operator.children(plane.paths.errors);
      return notes.ok && notes.value.length === 0;
    });
  });

  test('a value of 2 MB is not even taken by the server', async () => {
    const options = { servers: servers.zookeeper, sessionTimeoutMs: SESSION_TIMEOUT_MS };
    const hand = new ZkSession(options);
    hand.start();
    await hand.connected(60_000);
    const written = await hand.set(plane.paths.sku(SKU).quota, '7'.repeat(2_000_000), -1);
    expect(written.ok).toBe(false);
    await hand.close();
    expect(await plane.text(plane.paths.sku(SKU).quota)).toBe('600');
    expect(agents.map((agent) => grantOf(agent, SKU))).toEqual([300, 300]);
  });

  test('of lists are in the history and can be undone; a pin too', async () => {
    const list = `${plane.root}/lists/block/users`;
    const visitor = (userId: string) => ({ userId, ip: '192.0.2.1', agent: undefined });
    const blocks = async (userId: string, isSo: boolean) =>
      until(`${userId} ${isSo}`, () => {
        return agents.every((agent) => agent.lists.isBlocked(visitor(userId)) === isSo);
      });
    const inHistory = (path: string, to: string | null) =>
      until('it is in the history', async () => {
        const last = (await operator.history()).at(-1);
        return last?.path === path && last.to === to && last.who === 'by hand';
      });
    await plane.write(list, 'mallory\ntrudy');
    await inHistory(list, 'mallory\ntrudy');
    await plane.write(list, 'trudy');
    await inHistory(list, 'trudy');
    await blocks('mallory', false);
    await inForce(await operator.undo());
    await blocks('mallory', true);
    await inForce(await operator.undo());
    await blocks('trudy', false);
    expect(await plane.text(list), 'there was none before').toBeUndefined();

    const pin = plane.paths.sku(SKU).pin(agents[0]?.node ?? '');
    await plane.write(pin, '70');
    await inHistory(pin, '70');
    await plane.write(pin, '80');
    await inHistory(pin, '80');
    expect(await operator.undo()).toMatchObject({ from: '80', to: '70' });
    await inForce(await operator.undo());
    expect(await plane.text(pin)).toBeUndefined();
    for (const quota of ['0', '600']) await inForce(await operator.quota(SKU, quota));
  });

  test('the history is bounded, and keeps the last edit of each path', async () => {
    const { keep } = plane.paths;
    for (let count = 0; count < HISTORY_ENTRIES_MAX + 5; count++) {
      await operator.keep(undefined, `0.${100 + count}`);
    }
    await until('older ones are gone', async () => {
      const entries = (await readHistory(plane.operator, plane.paths)) ?? [];
      const paths = new Set(entries.map(({ path }) => path));
      expect(paths).toContain(plane.paths.sku(SKU).state);
      expect(entries.at(-1)).toMatchObject({ path: keep, to: `0.${104 + HISTORY_ENTRIES_MAX}` });
      return entries.length <= HISTORY_ENTRIES_MAX + paths.size;
    });
  });
});

describe('the command line', () => {
  test('shows one table of all, and as JSON', async () => {
    const { stdout } = await cli('show');
    expect(stdout).toMatch(/sku +quota +state +keep +share +granted +admitted +spare/);
    expect(stdout).toMatch(/sku +node +grant +admitted +spare +pinned +applied/);
    expect(stdout).toMatch(/TV +web-[0-9a-f]+ +300 +0 +300 +- +yes/);
    const shown = JSON.parse((await cli('show', 'TV', '--json')).stdout);
    expect(shown).toMatchObject({ skus: [{ sku: 'TV', quota: '600' }], nodes: [{}, {}] });
  });

  test('sets, says when all act on it, keeps who did it, and takes it back', async () => {
    const set = await cli('set', 'TV', '700');
    expect(set.stdout).toMatch(/quota: 600 → 700\nin force on all 2 web nodes after \d+ ms/);
    const history = JSON.parse((await cli('history', '--json')).stdout);
    expect(history.at(-1)).toMatchObject({
      from: '600',
      to: '700',
      who: expect.stringContaining('@'),
    });
    const undone = JSON.parse((await cli('undo', '--json')).stdout);
    expect(undone).toMatchObject({ from: '700', to: '600', notApplied: [] });
  });

  test('shows a node that died until it is settled, and an unpin of what is not pinned', async () => {
    const { promise: drained, resolve } = Promise.withResolvers<void>();
    plane.settle = () => drained;
    const child = plane.childNode(SKU);
    await until('granted', () => child.said.grant > 0);
    const { node = '' } = child.said;
    child.signal('SIGKILL');
    await until('its session ended', async () => {
      return (await plane.text(plane.paths.node(node))) === undefined;
    });
    const shown = (await cli('show', SKU)).stdout;
    expect(shown).toMatch(new RegExp(`TV +${node} +\\d+ +0 +0 +- +ended, is being settled`));
    expect(shown.match(/ yes$/gm)).toHaveLength(2);
    const unpinned = await cli('unpin', SKU, node);
    expect(unpinned.stdout).toMatch(/there was no value, nothing was changed/);
    resolve();
    await until('settled', async () => (await reader.overview(SKU)).nodes.length === 2);
  });

  test('refuses in words with exit code 1', async () => {
    const refused = await cli('set', 'TV', '12,5');
    expect(refused).toMatchObject({ code: 1, stdout: '' });
    expect(refused.stderr).toBe(
      'flashsale: "12,5": it is not a decimal integer (digits only, such as 500)\n',
    );
  });
});

test('an edit of a list puts on it whom it names, and nobody else', async () => {
  const known = async () => listEntries((await operator.list('block/users')).text);
  await operator.addTo('block/users', ['ann # 1, of Berlin', 'bob']);
  expect(await known()).toEqual(['ann # 1, of Berlin', 'bob']);
  // A shopper's id may be any text. These would be read as ids of others.
  for (const odd of ['x", "eve', 'x"\neve\n"y', 'bob"\neve', 'x" # "y', '"eve"', ' "eve" ']) {
    await expect(operator.addTo('block/users', [odd]), odd).rejects.toBeInstanceOf(EditRefused);
  }
  expect(await known()).toEqual(['ann # 1, of Berlin', 'bob']);
  await operator.removeFrom('block/users', await known());
});
