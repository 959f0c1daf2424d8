import { createHash, randomBytes } from 'node:crypto';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { openWebNode, type WebNode } from '../web-node.ts';

/** A web node, when its sale is removed and put on again between two looks at the board. */

let node: WebNode;
beforeEach(async () => {
  node = await openWebNode();
});
afterEach(() => node.close());

const lottery = async () => (await node.app.inject({ url: '/api/v1/sales/demo' })).json().lottery;
const signing = () => node.context.catalogue.ticketKeys.signing('demo', Date.now());

function putOnAgain(): void {
  const { world } = node;
  world.row = { ...world.row, saleCreatedAt: new Date() };
}

it('forgets the lottery also while no ticket key can be read', async () => {
  const secretSha256 = createHash('sha256').update(node.lotterySecret).digest('hex');
  expect(await lottery()).toEqual({ secretSha256 });
  putOnAgain();
  node.world.lottery = { secret: undefined, isPublic: false };
  Object.defineProperty(node.world, 'ticketKeys', {
    get() {
      throw new Error('away');
    },
  });
  await expect(node.refresh()).rejects.toThrow('away');
  expect(signing()).toBeUndefined();
  expect(node.context.catalogue.lotteries.rank('demo', 'ada')).toBeUndefined();
});

it('keeps keys and lottery while the home of both is away, and then reads them again', async () => {
  const before = await lottery();
  putOnAgain();
  node.world.missing = ['regular'];
  const [key] = node.world.ticketKeys;
  if (key !== undefined) node.world.ticketKeys = [{ ...key, key: randomBytes(32) }];
  await node.refresh();
  expect(signing()?.export()).toEqual(node.ticketKey);
  expect(await lottery()).toEqual(before);
  node.world.missing = [];
  await node.refresh();
  expect(signing()?.export()).toEqual(node.world.ticketKeys[0]?.key);
});
