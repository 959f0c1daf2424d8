import { expect, test } from 'vitest';
import fc from '../../properties.ts';
import { World } from '../world.ts';

const few = (units: number) => (units % 3) + 1;

/** The next event; `name` is one of the nodes. */
const ACTIONS = {
  join: (world: World) => void world.join(),
  keep: (world: World) => void world.keep(),
  quota: (world: World, _: string, units: number) => {
    world.quota = units;
  },
  restock: (world: World, _: string, units: number) => {
    world.total += units;
  },
  giveBack: (world: World, _: string, units: number) => world.giveBack(units),
  draw: (world: World, name: string, units: number) => void world.draw(name, few(units)),
  drawFewer: (world: World, name: string, units: number) => void world.draw(name, few(units), 1),
  refund: (world: World, name: string, units: number) => world.refund(name, few(units)),
  commit: (world: World, name: string, units: number) => world.commit(name, few(units), false),
  refuse: (world: World, name: string, units: number) => world.commit(name, few(units), true),
  tell: (world: World, name: string) => world.tell(name),
  apply: (world: World, name: string) => world.apply(name),
  hear: (world: World, name: string) => world.hear(name),
  kill: (world: World, name: string) => world.kill(name),
  settle: (world: World, name: string) => world.settle(name),
  pin: (world: World, name: string, units: number) => {
    world.node(name).pin = units % 2 === 0 ? units : undefined;
  },
};

interface Step {
  readonly action: keyof typeof ACTIONS;
  readonly at: number;
  readonly units: number;
}

function stepOf(...weights: [keyof typeof ACTIONS, number][]): fc.Arbitrary<Step> {
  const actions = weights.map(([action, weight]) => ({ weight, arbitrary: fc.constant(action) }));
  return fc.record({ action: fc.oneof(...actions), at: fc.nat(7), units: fc.nat(60) });
}

const anyStep = stepOf(
  ['draw', 6],
  ['drawFewer', 4],
  ['keep', 6],
  ['commit', 4],
  ['apply', 3],
  ['hear', 3],
  ['tell', 2],
  ['join', 2],
  ['refund', 1],
  ['refuse', 1],
  ['kill', 1],
  ['settle', 1],
  ['pin', 1],
  ['quota', 2],
  ['restock', 2],
  ['giveBack', 2],
);

const WITHOUT_NODE: ReadonlySet<string> = new Set(['join', 'keep', 'quota', 'restock', 'giveBack']);

function nameAt(world: World, index: number): string {
  const names = [...world.nodes.keys()];
  return names[index % Math.max(1, names.length)] ?? '';
}

function take(world: World, { action, at, units }: Step): void {
  if (world.nodes.size === 0 && !WITHOUT_NODE.has(action)) return;
  ACTIONS[action](world, nameAt(world, at), units);
}

const start = fc.record({ quota: fc.nat(60), total: fc.nat(60) });

test('committed units never exceed the target, whatever happens in any order', () => {
  fc.assert(
    fc.property(
      start,
      fc.array(anyStep, { maxLength: 120, size: 'max' }),
      ({ quota, total }, steps) => {
        const world = new World(quota, total);
        for (const step of steps) {
          const before = world.committed();
          take(world, step);
          // Only a lower quota leaves more units committed than the target, and that number never
          // grows.
          expect(world.committed()).toBeLessThanOrEqual(Math.max(before, world.target));
        }
      },
    ),
    { numRuns: 2_000 },
  );
});

test('once everything is reported, no unit is lost and none can be drawn beyond the target', () => {
  fc.assert(
    fc.property(
      start,
      fc.array(anyStep, { maxLength: 80, size: 'max' }),
      ({ quota, total }, steps) => {
        const world = new World(quota, total);
        for (const step of steps) take(world, step);
        for (const [name, node] of [...world.nodes]) if (!node.alive) world.settle(name);
        for (const node of world.nodes.values()) node.pin = undefined;
        world.join();
        world.settleDown();
        expect(world.committed()).toBe(Math.max(world.target, world.held));
      },
    ),
    { numRuns: 1_000 },
  );
});

test('the last unit is sold wherever the demand is, also to requests of several units', () => {
  const units = fc.integer({ min: 1, max: 3 });
  const request = fc.record({ at: fc.nat(7), units, acceptFewer: fc.boolean() });
  const demand = fc.array(request, { maxLength: 60, size: 'max' });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 6 }), fc.nat(40), demand, (nodes, total, requests) => {
      const world = new World(1_000, total);
      for (let index = 0; index < nodes; index++) world.join();
      world.settleDown();
      for (const { at, units, acceptFewer } of requests) {
        const least = acceptFewer ? 1 : units;
        const isThere = world.target - world.held >= least;
        let isDrawn = world.draw(nameAt(world, at), units, least);
        // A refused request is sent again, as Retry-After says.
        for (let tries = 0; tries < 2 && !isDrawn; tries++) {
          world.settleDown();
          isDrawn = world.draw(nameAt(world, at), units, least);
        }
        expect(isDrawn).toBe(isThere);
        world.settleDown();
      }
    }),
    { numRuns: 500 },
  );
});

test('the first division is equal, with the remainder given one unit each', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 20 }), fc.nat(1_000), (nodes, total) => {
      const world = new World(2_000, total);
      for (let index = 0; index < nodes; index++) world.join();
      world.settleDown();
      const grants = world.grants();
      expect(Math.max(...grants) - Math.min(...grants)).toBeLessThanOrEqual(1);
      expect(grants.reduce((all, grant) => all + grant, 0)).toBe(total);
    }),
  );
});

test('a node that joins gets an equal part of the spare units', () => {
  const world = new World(1_000, 1_000);
  const [first, second] = [world.join(), world.join()];
  world.settleDown();
  expect(world.grants()).toEqual([500, 500]);
  for (let count = 0; count < 200; count++) world.draw(first, 1);
  world.settleDown();
  const third = world.join();
  world.settleDown();
  const spare = [first, second, third].map((name) => {
    const { grant, admitted } = world.counters(name);
    return grant - admitted;
  });
  expect(spare.reduce((all, units) => all + units, 0)).toBe(800);
  expect(Math.max(...spare) - Math.min(...spare)).toBeLessThanOrEqual(1);
});

test('units of a dead node are kept back until it is settled, then granted to live nodes', () => {
  const world = new World(100, 100);
  const [dying, living] = [world.join(), world.join()];
  world.settleDown();
  for (let count = 0; count < 10; count++) world.draw(dying, 1);
  world.kill(dying);
  world.settleDown();
  expect(world.counters(living).grant).toBe(50);
  world.settle(dying);
  world.settleDown();
  expect(world.held).toBe(10);
  expect(world.counters(living).grant).toBe(90);
});

test('a node without spare units gets half of what an idle node has, then half of the rest', () => {
  const world = new World(100, 100);
  const [busy, idle] = [world.join(), world.join()];
  world.settleDown();
  const idleGrants: number[] = [];
  for (let sold = 0; sold < 100; ) {
    if (world.draw(busy, 1)) sold++;
    else {
      world.settleDown();
      idleGrants.push(world.counters(idle).grant);
    }
  }
  expect(idleGrants).toEqual([25, 12, 6, 3, 1, 0]);
});

test('while no request is refused the keeper writes nothing, however much is drawn or reported late', () => {
  const quiet = fc.array(stepOf(['commit', 2], ['tell', 1], ['hear', 1], ['keep', 1]), {
    maxLength: 60,
    size: 'max',
  });
  fc.assert(
    fc.property(quiet, fc.array(fc.nat(9), { maxLength: 30, size: 'max' }), (steps, draws) => {
      const world = new World(1_000, 1_000);
      for (let index = 0; index < 4; index++) world.join();
      world.settleDown();
      const writes = world.writes;
      for (const index of draws) world.draw(nameAt(world, index), 1);
      for (const step of steps) take(world, step);
      expect(world.writes).toBe(writes);
    }),
  );
});

test('a quota below the admitted units leaves nothing to draw; raising it grants only the rest', () => {
  const world = new World(1_000, 1_000);
  const names = [world.join(), world.join()];
  world.settleDown();
  for (const name of names) for (let count = 0; count < 150; count++) world.draw(name, 1);
  world.settleDown();
  world.quota = 200;
  world.settleDown();
  for (const name of names) expect(world.draw(name, 1)).toBe(false);
  expect(world.grants()).toEqual([150, 150]);
  world.quota = 320;
  world.settleDown();
  expect(world.grants()).toEqual([160, 160]);
});

test('a pin fixes a grant, the others share the rest, and an unpinned node takes part again', () => {
  const world = new World(1_000, 1_000);
  const pinned = world.join();
  world.join();
  world.join();
  world.settleDown();
  world.node(pinned).pin = 200;
  world.settleDown();
  expect(world.grants()).toEqual([200, 400, 400]);
  world.node(pinned).pin = 700;
  world.settleDown();
  expect(world.grants()).toEqual([700, 150, 150]);
  world.node(pinned).pin = 100;
  world.settleDown();
  expect(world.grants()).toEqual([100, 450, 450]);
});

test('returned units are granted again', () => {
  const world = new World(10, 10);
  const only = world.join();
  world.settleDown();
  for (let count = 0; count < 10; count++) world.draw(only, 1);
  world.settleDown();
  expect(world.draw(only, 1)).toBe(false);
  world.giveBack(3);
  world.settleDown();
  expect(world.counters(only).grant).toBe(13);
});

test('a lower quota under constant demand lowers grants by at most the units counted twice, and all is sold', () => {
  const flow = fc.record({
    nodes: fc.integer({ min: 1, max: 4 }),
    cutAt: fc.integer({ min: 1, max: 20 }),
    quota: fc.integer({ min: 0, max: 160 }),
    // How many rounds pass until a node hears of the database's decisions.
    deafRounds: fc.integer({ min: 0, max: 5 }),
  });
  let lowest = 0;
  fc.assert(
    fc.property(flow, ({ nodes, cutAt, quota, deafRounds }) => {
      const world = new World(160, 200);
      const names = Array.from({ length: nodes }, () => world.join());
      for (let round = 0; round < 400; round++) {
        if (round === cutAt) world.quota = quota;
        for (const name of names) {
          world.draw(name, 1);
          world.commit(name, 2, false);
          if (round % (deafRounds + 1) === 0) world.tell(name);
          world.apply(name);
          world.hear(name);
        }
        const decided = names.reduce((all, name) => all + world.node(name).heard.decided, 0);
        const countedTwice = world.held - decided;
        world.keep();
        const low = world.target - world.committed();
        expect(low).toBeLessThanOrEqual(countedTwice);
        lowest = Math.max(lowest, low);
        if (round > cutAt && world.held >= world.target) return;
      }
      expect.fail(`${world.target - world.held} units were never sold`);
    }),
    { numRuns: 300 },
  );
  expect(lowest, 'the flow does count units twice').toBeGreaterThan(0);
});
