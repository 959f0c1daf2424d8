import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { TreeLook } from '../../../ops/live/tree.ts';
import { Turns } from '../../../ops/live/turns.ts';
import { ControlPlane } from '../../keeper/control-plane.ts';

/** What the live view reads of the quota tree. */

const SKU = 'TV';
let plane: ControlPlane;
let tree: TreeLook;

beforeAll(async () => {
  plane = await ControlPlane.start();
  await plane.sell(SKU, 10);
  tree = new TreeLook(plane.operator, plane.paths);
});
afterAll(() => plane.close());

describe('a look at the tree', () => {
  test('tells no text of a refused list, because viewers may not read lists', async () => {
    const [list, quota] = [`${plane.root}/lists/block/users`, plane.paths.sku(SKU).quota];
    const note = (reason: string) => JSON.stringify({ refused: 'anna, bert', reason });
    await plane.write(plane.paths.error(list), note('"anna, bert" has a comma'));
    await plane.write(plane.paths.error(quota), note('it is not a decimal integer'));
    const { errors } = await tree.look();
    expect(errors).toEqual([
      { path: list, reason: 'its text is refused' },
      { path: quota, reason: 'it is not a decimal integer; in force: nothing' },
    ]);
    await plane.removeAll(plane.paths.errors);
  });

  test('shows by what each SKU sheds', async () => {
    expect((await tree.look()).skus).toMatchObject([{ sku: SKU, quota: '10', shed: null }]);
    await plane.write(plane.paths.sku(SKU).shed, 'lottery');
    expect((await tree.look()).skus).toMatchObject([{ sku: SKU, shed: 'lottery' }]);
  });

  test('asks for no setting that a SKU does not have', async () => {
    const asked = vi.spyOn(plane.operator, 'get');
    await tree.look();
    const below = `${plane.paths.sku(SKU).sku}/`;
    const names = asked.mock.calls.flatMap(([path]) =>
      path.startsWith(below) ? [path.slice(below.length)] : [],
    );
    expect(names.sort()).toEqual(['quota', 'shed', 'state']);
    asked.mockRestore();
  });

  test('is shared by those that ask while it is under way', async () => {
    const [one, other] = [tree.look(), tree.look()];
    expect(await one).toBe(await other);
    expect(await tree.look()).not.toBe(await one);
  });
});

describe('turns', () => {
  test('read new names at once, and the known ones a few in each look', async () => {
    const turns = new Turns<string>(2);
    let read: string[] = [];
    const look = async (names: readonly string[]) => {
      read = [];
      const known = await turns.read(names, async (name) => {
        read.push(name);
        return name.toUpperCase();
      });
      return [...known];
    };
    const names = ['a', 'b', 'c'];
    expect((await look(names)).map(([, text]) => text).sort()).toEqual(['A', 'B', 'C']);
    expect(read).toEqual(['a', 'b', 'c']);
    await look(names);
    expect(read).toEqual(['c', 'a']);
    await look(names);
    expect(read).toEqual(['b', 'c']);
    expect(await look(['b'])).toEqual([['b', 'B']]);
  });
});
