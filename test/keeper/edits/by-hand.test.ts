import { isDeepStrictEqual } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { NodeAgent } from '../../../server/quota/agent.ts';
import { decodeBasis } from '../../../zk/tree/basis.ts';
import { servers } from '../../servers.ts';
import { until } from '../../until.ts';
import { ZkCli, zkCli } from '../../zk/zkcli.ts';
import { ControlPlane, grantOf } from '../control-plane.ts';

/** Every kind of invalid edit of every kind of value, typed into ZooKeeper's own command line. */

const SKU = 'TV';
const UNITS = 100;
let plane: ControlPlane;
let agents: NodeAgent[];
let hand: ZkCli;

beforeAll(async () => {
  plane = await ControlPlane.start();
  hand = await ZkCli.open(servers.zookeeper);
  await plane.sell(SKU, UNITS);
  plane.keeper();
  agents = [plane.agent(), plane.agent()];
  await until('granted', () => agents.every((agent) => grantOf(agent, SKU) === UNITS / 2));
});
afterAll(async () => {
  await hand?.close();
  await plane?.close();
});

/** `--` ends the options, because a value may begin with a minus. */
const set = (path: string, text: string) => `set -- ${path} ${text === '' ? '""' : text}`;

interface Value {
  readonly what: string;
  readonly path: () => string;
  readonly good: string;
  /** Whether deleting the value is a mistake and not an edit. */
  readonly isRequired: boolean;
  /** Invalid texts, each with its reason in words. */
  readonly bad: readonly (readonly [string, RegExp])[];
  /** Returns what every web node acts on. */
  readonly inForce: (agent: NodeAgent) => unknown;
  /** What the two web nodes act on after the valid edit. */
  readonly edited: readonly [unknown, unknown];
  /** How to see the deletion when the value in force does not show it. */
  readonly isUndone?: () => Promise<boolean>;
}

const NUMBERS: Value['bad'] = [
  ['abc', /decimal integer/],
  ['-1', /negative/],
  ['1e9', /decimal integer/],
  ['12,5', /decimal integer/],
  ['', /empty/],
];
const SHARES: Value['bad'] = [
  ['abc', /decimal/],
  ['-1', /decimal/],
  ['1e9', /decimal/],
  ['12,5', /decimal/],
  ['2', /from 0 to 1/],
  ['', /empty/],
];
const words = (reason: RegExp): Value['bad'] => [
  ...['abc', '-1', '1e9', '12,5'].map((text) => [text, reason] as const),
  ['', /empty/],
];

const firstNode = () => agents[0]?.node ?? '';
const sku = () => plane.paths.sku(SKU);
const VALUES: readonly Value[] = [
  {
    what: 'quota',
    path: () => sku().quota,
    good: '80',
    isRequired: true,
    bad: NUMBERS,
    inForce: (agent) => grantOf(agent, SKU),
    edited: [40, 40],
  },
  {
    what: 'state',
    path: () => sku().state,
    good: 'paused',
    isRequired: true,
    bad: words(/open, paused, closed/),
    inForce: (agent) => agent.switches.state(SKU),
    edited: ['paused', 'paused'],
  },
  {
    what: 'keep of a SKU',
    path: () => sku().keep,
    good: '0.5',
    isRequired: false,
    bad: SHARES,
    inForce: (agent) => agent.switches.keep(SKU),
    edited: [0.5, 0.5],
  },
  {
    what: 'keep of all',
    path: () => plane.paths.keep,
    good: '0.25',
    isRequired: true,
    bad: SHARES,
    inForce: (agent) => agent.switches.keep(SKU),
    edited: [0.25, 0.25],
  },
  {
    what: 'shed',
    path: () => plane.paths.shed,
    good: 'lottery',
    isRequired: true,
    bad: words(/random, lottery/),
    inForce: (agent) => agent.switches.shed('any'),
    edited: ['lottery', 'lottery'],
  },
  {
    what: 'pin',
    path: () => sku().pin(firstNode()),
    good: '30',
    isRequired: false,
    bad: NUMBERS,
    inForce: (agent) => grantOf(agent, SKU),
    edited: [30, 70],
    // An unpinned node keeps its grant until a request is refused somewhere.
    isUndone: async () =>
      isDeepStrictEqual(decodeBasis((await plane.text(sku().grants)) ?? '')?.pins, {}),
  },
  {
    what: 'list of addresses',
    path: () => `${plane.root}/lists/block/ips`,
    good: '192.0.2.7',
    isRequired: false,
    bad: [
      ...['abc', '-1', '1e9', '12,5', '10.0.0.0/99'].map(
        (text) => [text, /no address and no range/] as const,
      ),
    ],
    inForce: (agent) => agent.lists.isBlocked({ ip: '192.0.2.7', agent: undefined }),
    edited: [true, true],
  },
  {
    what: 'list of agents',
    path: () => `${plane.root}/lists/allow/agents`,
    good: 'monitor',
    isRequired: false,
    bad: [['-1', /shorter than 3/]],
    inForce: (agent) => agent.lists.isAllowed({ ip: '192.0.2.9', agent: 'a Monitor' }),
    edited: [true, true],
  },
];

describe.each(VALUES)('$what', ({ path, good, isRequired, bad, inForce, edited, isUndone }) => {
  let before: unknown[];
  const now = () => agents.map(inForce);

  async function explained(text: string | null, reason: RegExp): Promise<void> {
    await until(`an edit error about ${text}`, async () => {
      const error = await plane.editError(path());
      expect(error).toMatchObject({ refused: text, inForce: good });
      expect(error?.['reason']).toMatch(reason);
      return true;
    });
    expect(now(), `after ${text}`).toEqual(before);
  }

  beforeAll(async () => {
    const folders = path()
      .slice(plane.root.length + 1)
      .split('/')
      .slice(0, -1)
      .map((_, index, names) => `${plane.root}/${names.slice(0, index + 1).join('/')}`);
    const makes = [...folders, path()].map((one) => `create -- ${one} ""`);
    hand.type(...makes, set(path(), good));
    await until('it is in force', async () => {
      expect(await plane.editError(path())).toBeUndefined();
      expect(now()).toEqual(edited);
      return true;
    });
    before = now();
  });

  test.each(bad)('%j changes nothing and has an edit error', async (text, reason) => {
    hand.type(set(path(), text));
    await explained(text, reason);
  });

  test('children of a value change nothing', async () => {
    hand.type(set(path(), good), `create ${path()}/child 5`);
    await explained(good, /children; none belong/);
    hand.type(`delete ${path()}/child`);
    await until('no edit error', async () => (await plane.editError(path())) === undefined);
  });

  test('2 MB are refused by ZooKeeper', async () => {
    await zkCli(servers.zookeeper, [set(path(), '7'.repeat(2_000_000))]);
    expect(await plane.text(path())).toBe(good);
    expect(now()).toEqual(before);
  });

  test('a deletion', async () => {
    hand.type(`delete ${path()}`);
    if (isRequired) await explained(null, /was deleted/);
    else await until('it is undone', () => isUndone?.() ?? !isDeepStrictEqual(now(), before));
    // Restores the value for the next test.
    const reset = { quota: '100', state: 'open', keep: '1', shed: 'random' };
    const usual = Object.entries(reset).find(([name]) => path().endsWith(`/${name}`))?.[1];
    if (isRequired) hand.type(`create ${path()} ${usual}`);
    await until('no edit error', async () => (await plane.editError(path())) === undefined);
  });
});

test('an unknown SKU has an edit error', async () => {
  const { sku: folder, quota } = plane.paths.sku('TVV');
  hand.type(`create ${folder} ""`, `create ${quota} 50`);
  await until('an edit error', async () =>
    /the catalogue has no SKU TVV/.test(String((await plane.editError(quota))?.['reason'])),
  );
  hand.type(`deleteall ${folder}`);
  await until('no edit error', async () => (await plane.editError(quota)) === undefined);
});
