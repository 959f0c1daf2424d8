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
import { PROGRAM_ENVIRONMENT } from '../children.ts';
import { servers } from '../servers.ts';
import { until } from '../until.ts';
import { Credentials } from '../zk/credentials.ts';
import { zkCli } from '../zk/zkcli.ts';
import { ControlPlane, grantOf } from './control-plane.ts';

/** Access rights in ZooKeeper with configured credentials. */

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, '..', '..');
const SKU = 'TV';
const NO_AUTH = { ok: false, error: 'no_auth' };

describe('the credentials of a process', () => {
  const credentials = new Credentials();
  const given = (variables: Record<string, string>) =>
    protectionOf(parseEnvironment({ ZOOKEEPER: 'a:1', ...variables }, zookeeperSpecs), 'web');

  test('have the digest that ZooKeeper computes', () => {
    expect(digestOf('super:admin')).toBe('super:xQJmxLMiHGwaqBvst5y6rkB6HQs=');
  });

  test('are optional; without them the tree is open', () => {
    expect(given({})).toBeUndefined();
  });

  test('are refused without a password in the message when one is missing, invalid or of another role', () => {
    const { ZK_AUTH, ZK_ACL } = credentials.environment('web');
    expect(() => given({ ZK_AUTH })).toThrow('ZK_AUTH and ZK_ACL go together');
    expect(() => given({ ZK_ACL })).toThrow('ZK_AUTH and ZK_ACL go together');
    expect(() => given({ ZK_AUTH: 'no-password', ZK_ACL })).toThrow(/^ZK_AUTH must be user:pass/);
    expect(() => given({ ZK_AUTH, ZK_ACL: 'web=me:secret' })).toThrow(/role=user:digest/);
    expect(() => given({ ZK_AUTH, ZK_ACL: ZK_ACL.split(',')[0] ?? '' })).toThrow(
      /each of operator/,
    );
    const wrong = given.bind(undefined, { ZK_AUTH: 'web-user:typo', ZK_ACL });
    expect(wrong).toThrow(/digest web-user:.*ZK_ACL does not list as web/);
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

  test('a web node can write no grant, no operator\u2019s value and no other node\u2019s report', async () => {
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

  test('an operator can write no grant, report or election entry', async () => {
    for (const path of [sku().grant(node()), plane.paths.report(node()), plane.paths.epoch]) {
      expect(await writes(operator, path), path).toEqual(NO_AUTH);
    }
    expect(await operator?.create(sku().grant('web-x'), '7')).toEqual(NO_AUTH);
  });

  test('a keeper cannot write the values of operators', async () => {
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

  test('everyone can read what contains no personal data, and can write nothing', async () => {
    const list = `${plane.root}/lists/block/users`;
    await plane.write(list, 'mallory');
    expect(await anybody?.get(sku().quota)).toMatchObject({ ok: true, value: { text: '100' } });
    expect(await anybody?.get(plane.paths.report(node()))).toMatchObject({ ok: true });
    for (const path of [sku().quota, sku().grant(node()), plane.paths.report(node()), list]) {
      expect(await writes(anybody, path), path).toEqual(NO_AUTH);
    }
    expect(await anybody?.get(list)).toEqual(NO_AUTH);
    expect(await web?.get(list)).toMatchObject({ ok: true, value: { text: 'mallory' } });
    // The edit error of an invalid list contains the valid one.
    await plane.write(list, 'x'.repeat(200));
    const errorPath = plane.paths.error(list);
    await until('an edit error', async () => (await operator?.get(errorPath))?.ok);
    expect(await anybody?.get(errorPath)).toEqual(NO_AUTH);
    await plane.remove(list);
  });

  test('an operator\u2019s edit comes into force and is recorded in the history', async () => {
    if (!operator) throw new Error('no operator');
    const operatorOfAnn = new Operator(operator, plane.paths, 'ann@laptop');
    await operatorOfAnn.quota(SKU, '80');
    await until('in force', () => agents.every((agent) => grantOf(agent, SKU) === 40));
    const [entry] = (await operatorOfAnn.history()).filter(({ who }) => who === 'ann@laptop');
    expect(entry).toMatchObject({ to: '80' });
    const entries = await anybody?.children(plane.paths.history);
    const name = entries?.ok ? entries.value[0] : '';
    expect(await anybody?.get(`${plane.paths.history}/${name}`)).toEqual(NO_AUTH);
    const intruder = new Operator(web as ZkSession, plane.paths, 'web');
    await expect(intruder.quota(SKU, '1')).rejects.toThrow('may not write this node (ZK_AUTH)');
    const stranger = new Operator(anybody as ZkSession, plane.paths, 'anybody');
    await expect(stranger.history()).rejects.toThrow(/no rights on .*history.*\(ZK_AUTH\)/);
    await operatorOfAnn.quota(SKU, '100');
  });

  test('zkCli.sh writes only after addauth, and the nodes it creates become protected', async () => {
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
      expect(agents.map((agent) => agent.switches.keep(SKU))).toEqual([0.5, 0.5]);
      return true;
    });
    // zkCli.sh creates nodes that everyone may write; the keeper protects them.
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

  test('zkCli.sh: a SKU that is deleted and created again at once is protected again', async () => {
    const { sku: folder, quota, state } = sku();
    const said = await zkCli(servers.zookeeper, [
      `addauth digest ${credentials.auth('operator')}`,
      `deleteall ${folder}`,
      `create ${folder} ""`,
      `create ${quota} 100`,
      `create ${state} open`,
    ]);
    expect(said).not.toMatch(/NoAuth|Insufficient/);
    // With a right to create or delete its children, anyone could set the quota.
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

  test('a web node that was evicted by hand registers under a new id without a right to delete', async () => {
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
        ...PROGRAM_ENVIRONMENT,
        ZOOKEEPER: servers.zookeeper,
        ZK_ROOT: plane.root,
        ...credentials.environment('operator'),
      },
    });
    return stdout;
  }

  test('protection can be removed and restored while the sale runs', async () => {
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
    await expect(stranger).rejects.toThrow('ZK_AUTH has no right to change access rights');
    expect(await cli('digest')).toBe(`${digestOf(credentials.auth('operator'))}\n`);
  });
});
