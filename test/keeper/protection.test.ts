import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseEnvironment, zookeeperSpecs } from '../../contracts/config.ts';
import { applyRights } from '../../keeper/edits/protect.ts';
import { Operator } from '../../ops/quota/operator.ts';
import type { NodeAgent } from '../../server/quota/agent.ts';
import { digestOf, protectionOf } from '../../zk/client/protection.ts';
import type { ZkSession } from '../../zk/client/session.ts';
import { servers } from '../servers.ts';
import { until } from '../until.ts';
import { Credentials } from '../zk/credentials.ts';
import { zkCli } from '../zk/zkcli.ts';
import { ControlPlane, grantOf } from './control-plane.ts';

/** Who may do what in ZooKeeper, where credentials are configured. */

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, '..', '..');
const SKU = 'TV';
const NO_AUTH = { ok: false, error: 'no_auth' };

describe('what a process is told', () => {
  const credentials = new Credentials();
  const given = (variables: Record<string, string>) =>
    protectionOf(parseEnvironment({ ZOOKEEPER: 'a:1', ...variables }, zookeeperSpecs), 'web');

  test('a digest is ZooKeeper\u2019s own', () => {
    expect(digestOf('super:admin')).toBe('super:xQJmxLMiHGwaqBvst5y6rkB6HQs=');
  });

  test('nothing: the tree is open', () => {
    expect(given({})).toBeUndefined();
  });

  test('one without the other, another role, garbage: an error in words, without a password', () => {
    const { ZK_AUTH, ZK_ACL } = credentials.environment('web');
    expect(() => given({ ZK_AUTH })).toThrow('ZK_AUTH and ZK_ACL go together');
    expect(() => given({ ZK_ACL })).toThrow('ZK_AUTH and ZK_ACL go together');
    expect(() => given({ ZK_AUTH: 'no-password', ZK_ACL })).toThrow(/^ZK_AUTH must be user:pass/);
    expect(() => given({ ZK_AUTH, ZK_ACL: 'web=me:secret' })).toThrow(/role=user:digest/);
    expect(() => given({ ZK_AUTH, ZK_ACL: ZK_ACL.split(',')[0] ?? '' })).toThrow(
      /each of operator/,
    );
    const wrong = given.bind(undefined, { ZK_AUTH: 'web-user:typo', ZK_ACL });
    expect(wrong).toThrow(/digest web-user:.*ZK_ACL does not call web/);
    expect(wrong).not.toThrow(/typo/);
  });
});

describe('a protected tree', () => {
  const credentials = new Credentials();
  let plane: ControlPlane;
  let agents: NodeAgent[];
  let [operator, keeper, web, anybody]: ZkSession[] = [];

  beforeAll(async () => {
    plane = await ControlPlane.start(servers.zookeeper, credentials);
    await plane.sell(SKU, 100);
    plane.keeper();
    agents = [plane.agent(), plane.agent()];
    await until('granted', () => agents.every((agent) => grantOf(agent, SKU) === 50));
    operator = plane.operator;
    keeper = await plane.session('keeper');
    web = await plane.session('web');
    anybody = await plane.session();
    await plane.write(plane.paths.sku(SKU).keep, 'auto');
    const share = () => plane.text(plane.paths.sku(SKU).autoKeep);
    await until('the keeper may write a share', async () => (await share()) === '0.1');
    await plane.remove(plane.paths.sku(SKU).keep);
  });
  afterAll(() => plane?.close());

  const sku = () => plane.paths.sku(SKU);
  const node = () => agents[0]?.node ?? '';
  const writes = (session: ZkSession | undefined, path: string) => session?.set(path, '7', -1);

  test('a web node writes no grant, no operator\u2019s value, and no report but its own', async () => {
    const { quota, state, autoKeep, grants, grant, pin } = sku();
    const others = [
      quota,
      state,
      autoKeep,
      grants,
      grant(node()),
      plane.paths.keep,
      plane.paths.epoch,
    ];
    for (const path of [...others, plane.paths.report(node())]) {
      expect(await writes(web, path), path).toEqual(NO_AUTH);
    }
    expect(await web?.create(pin(node()), '7')).toEqual(NO_AUTH);
    expect(await web?.create(`${plane.paths.errors}/x`, '7')).toEqual(NO_AUTH);
    expect(await web?.delete(plane.paths.report(node()))).toEqual(NO_AUTH);
    expect(await web?.delete(plane.paths.session(node()))).toEqual(NO_AUTH);
    expect(await web?.delete(plane.paths.node(node()))).toEqual(NO_AUTH);
  });

  test('an operator writes no grant, no report and no election', async () => {
    for (const path of [sku().grant(node()), plane.paths.report(node()), plane.paths.epoch]) {
      expect(await writes(operator, path), path).toEqual(NO_AUTH);
    }
    expect(await operator?.create(sku().grant('web-x'), '7')).toEqual(NO_AUTH);
  });

  test('a keeper writes nothing of the operators\u2019', async () => {
    await plane.write(sku().pin(node()), '60');
    await plane.write(`${plane.root}/lists/block/users`, 'mallory');
    const { quota, state, pin } = sku();
    const paths = [quota, state, pin(node()), plane.paths.keep, plane.paths.shed];
    for (const path of [...paths, `${plane.root}/lists/block/users`]) {
      expect(await writes(keeper, path), path).toEqual(NO_AUTH);
      expect(await keeper?.delete(path), path).toEqual(NO_AUTH);
    }
    await plane.remove(sku().pin(node()));
  });

  test('anybody reads what is not about people, and writes nothing', async () => {
    const list = `${plane.root}/lists/block/users`;
    await plane.write(list, 'mallory');
    expect(await anybody?.get(sku().quota)).toMatchObject({ ok: true, value: { text: '100' } });
    expect(await anybody?.get(plane.paths.report(node()))).toMatchObject({ ok: true });
    for (const path of [sku().quota, sku().grant(node()), plane.paths.report(node()), list]) {
      expect(await writes(anybody, path), path).toEqual(NO_AUTH);
    }
    expect(await anybody?.get(list)).toEqual(NO_AUTH);
    expect(await web?.get(list)).toMatchObject({ ok: true, value: { text: 'mallory' } });
    // The note about a bad list holds the good one.
    await plane.write(list, 'x'.repeat(200));
    const note = plane.paths.error(list);
    await until('a note', async () => (await operator?.get(note))?.ok);
    expect(await anybody?.get(note)).toEqual(NO_AUTH);
    await plane.remove(list);
  });

  test('an edit of an operator is obeyed and in the history', async () => {
    if (!operator) throw new Error('no operator');
    const desk = new Operator(operator, plane.paths, 'ann@desk');
    await desk.quota(SKU, '80');
    await until('in force', () => agents.every((agent) => grantOf(agent, SKU) === 40));
    const [entry] = (await desk.history()).filter(({ who }) => who === 'ann@desk');
    expect(entry).toMatchObject({ to: '80' });
    const entries = await anybody?.children(plane.paths.history);
    const name = entries?.ok ? entries.value[0] : '';
    expect(await anybody?.get(`${plane.paths.history}/${name}`)).toEqual(NO_AUTH);
    const intruder = new Operator(web as ZkSession, plane.paths, 'web');
    await expect(intruder.quota(SKU, '1')).rejects.toThrow('may not write there (ZK_AUTH)');
    const stranger = new Operator(anybody as ZkSession, plane.paths, 'anybody');
    await expect(stranger.history()).rejects.toThrow(/no rights on .*history.*\(ZK_AUTH\)/);
    await desk.quota(SKU, '100');
  });

  test('zkCli.sh: addauth edits, without it nothing is written, and no hole is left', async () => {
    const { quota, keep, pin } = sku();
    const plain = await zkCli(servers.zookeeper, [`set ${quota} 5`]);
    expect(plain).toMatch(/(NoAuth|Insufficient permission).*quota/);
    const said = await zkCli(servers.zookeeper, [
      `addauth digest ${credentials.auth('operator')}`,
      `set ${quota} 60`,
      `create ${keep} 0.5`,
      `create ${pin(node())} 20`,
    ]);
    expect(said).not.toMatch(/NoAuth|Insufficient/);
    await until('in force', () => {
      expect(agents.map((agent) => grantOf(agent, SKU))).toEqual([20, 40]);
      expect(agents.map((agent) => agent.keep(SKU))).toEqual([0.5, 0.5]);
      return true;
    });
    // zkCli.sh makes nodes that everyone may write; the keeper closes them.
    for (const path of [keep, pin(node())]) {
      await until(`${path} is closed`, async () => {
        return (
          (await writes(anybody, path))?.ok === false && (await writes(web, path))?.ok === false
        );
      });
    }
    await plane.write(keep, '1');
    await plane.remove(pin(node()));
  });

  test('zkCli.sh: a SKU that is deleted and made again in one breath is closed again', async () => {
    const { sku: folder, quota, state } = sku();
    const said = await zkCli(servers.zookeeper, [
      `addauth digest ${credentials.auth('operator')}`,
      `deleteall ${folder}`,
      `create ${folder} ""`,
      `create ${quota} 100`,
      `create ${state} open`,
    ]);
    expect(said).not.toMatch(/NoAuth|Insufficient/);
    // Whoever may make nodes below it, or delete them, has a quota of their own.
    await until('closed', async () => {
      expect(await anybody?.create(`${folder}/x`, '')).toEqual(NO_AUTH);
      return true;
    });
    expect(await anybody?.delete(quota)).toEqual(NO_AUTH);
    const table = credentials.protectionOf(plane.root, 'operator');
    await until('it is whole', async () => {
      const { changed } = await applyRights(plane.operator, plane.root, table, { isDry: true });
      return changed.every((path) => path === `${folder}/x`);
    });
    await plane.operator.delete(`${folder}/x`);
    await until('granted', () => agents.every((agent) => grantOf(agent, SKU) === 50));
  });

  test('a node that is evicted by hand comes back under a new id, with no right to delete', async () => {
    const before = node();
    await plane.remove(plane.paths.node(before));
    await until('another id', () => node() !== before && grantOf(agents[0] as NodeAgent, SKU) > 0);
    await until('nothing of the old one is left', async () => {
      const found = [plane.paths.session(before), plane.paths.report(before), sku().grant(before)];
      const all = await Promise.all(found.map((path) => plane.operator.exists(path)));
      return all.every((one) => one.ok && one.value === undefined);
    });
  });

  /** The command line with an operator's credentials. */
  async function cli(...words: string[]) {
    const { stdout } = await run(process.execPath, ['ops/cli.ts', 'zookeeper', ...words], {
      cwd: ROOT,
      env: {
        PATH: process.env['PATH'],
        ZOOKEEPER: servers.zookeeper,
        ZK_ROOT: plane.root,
        ...credentials.environment('operator'),
      },
    });
    return stdout;
  }

  test('the protection is lifted and laid on again while the sale runs', async () => {
    const table = credentials.protectionOf(plane.root, 'operator');
    const apply = (how: object) => applyRights(plane.operator, plane.root, table, how);
    await until('it is whole', async () => (await apply({ isDry: true })).changed.length === 0);
    expect((await apply({ isLifted: true })).changed).toContain(sku().quota);
    expect(await writes(anybody, sku().quota)).toMatchObject({ ok: true });
    expect((await apply({ isDry: true })).changed).toContain(sku().quota);
    const laid = JSON.parse(await cli('protect', '--json'));
    expect(laid.changed).toContain(sku().quota);
    expect(laid.left, 'reports stay their nodes\u2019 own').toEqual([]);
    expect(await writes(anybody, sku().quota)).toEqual(NO_AUTH);
    await plane.write(sku().quota, '100');
    await until('in force', () => agents.every((agent) => grantOf(agent, SKU) === 50));
    const foreign = new Credentials().protectionOf(plane.root, 'operator');
    const stranger = applyRights(web as ZkSession, plane.root, foreign);
    await expect(stranger).rejects.toThrow('ZK_AUTH has no right to change who may what');
    expect(await cli('digest')).toBe(`${digestOf(credentials.auth('operator'))}\n`);
  });
});
