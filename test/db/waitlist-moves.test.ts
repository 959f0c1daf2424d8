import { describe, expect, it } from 'vitest';
import type { Schema } from '../../contracts/names.ts';
import { expireOrders, joinWaitlist, moveSku, waitlistEntries } from '../../db/calls.ts';
import { Databases } from '../../db/client/pool.ts';
import { uniqueName } from '../servers.ts';
import { openShop } from './open-shop.ts';
import { order, stock } from './shop.ts';
import { carry, openTwoServers } from './two-servers.ts';

/** What a SKU keeps of its waitlist when it moves, within one server and between two. */

const shop = await openShop();
const apart = await openTwoServers();

interface Place {
  readonly sale: string;
  readonly ops: Databases;
  readonly worker: Databases;
  readonly web: Databases;
  readonly admin: Databases;
}

const { admin } = shop.database;
const one: Place = { ...shop, admin: Databases.ofOne(admin) };
const two: Place = { ...apart, web: apart.servers.as('web', 1), admin: apart.servers.admin };

describe.each([
  ['the same server', one],
  ['another server', two],
])('a SKU that moves to %s', (_, { sale, ops, worker, web, admin }) => {
  const entryOf = async (sku: string, userId: string) =>
    (await waitlistEntries(web, [{ sku, userId }]))[0];

  async function join(sku: string, userId: string): Promise<void> {
    expect(await joinWaitlist(web, 'regular', { sku, userId, units: 1 })).toBe('waiting');
  }

  /** Sets the payment deadline of all unpaid orders of the SKU to the past, and expires them. */
  async function lapse(sku: string): Promise<void> {
    for (const schema of admin.homes) {
      await admin.home(schema).query({
        text: `UPDATE ${schema}.orders SET pay_before = now() - interval '1 s'
               WHERE sku = $1 AND status = 'ordered'`,
        values: [sku],
      });
    }
    await expireOrders(worker, 'regular', 1_000);
    await expireOrders(worker, 'hot', 1_000);
    await carry(worker);
  }

  /** Lets the user join, and serves the user with the next unit that comes back. */
  async function served(sku: string, userId: string): Promise<void> {
    await join(sku, userId);
    await lapse(sku);
    expect(await entryOf(sku, userId)).toMatchObject({ state: 'served' });
  }

  it('Its order expires after the SKU has moved, and the unit goes to another user.', async () => {
    const sku = await stock(ops, sale, { units: 1, schema: 'regular' });
    await order(worker, sku, {}, 'regular');
    const user = uniqueName('user');
    await served(sku, user);
    // keeps for each user how many claims the user had, there and back
    for (const [claims, to] of [
      [1, 'hot'],
      [2, 'regular'],
      [3, 'hot'],
    ] as const) {
      const other = uniqueName('user');
      await join(sku, other);
      await moveSku(ops, to, sku);
      await lapse(sku);
      await join(sku, user);
      expect(await entryOf(sku, user)).toMatchObject({ state: 'waiting', claims });
      await lapse(sku);
      expect(await entryOf(sku, user)).toMatchObject({ state: 'served', claims });
    }
    // Users who had no claim go before a user who had three, whatever their ranks.
    await moveSku(ops, 'regular', sku);
    const [rich, others] = [user, [uniqueName('user'), uniqueName('user')]];
    for (const other of others) await join(sku, other);
    await lapse(sku);
    await join(sku, rich);
    await lapse(sku);
    for (const other of others) {
      expect(await entryOf(sku, other)).toMatchObject({ state: 'served', claims: 0 });
    }
    expect(await entryOf(sku, rich)).toMatchObject({ state: 'waiting', claims: 4, ahead: 0 });
  });

  it('keeps all columns of the places in its waitlist', async () => {
    const sku = await stock(ops, sale, { units: 1, userLimit: 2, schema: 'regular' });
    await order(worker, sku, {}, 'regular');
    const users = [uniqueName('user'), uniqueName('user')];
    for (const user of users) await join(sku, user);
    const passedOver = {
      text: 'UPDATE regular.waiting SET passed_over_at = clock_timestamp() WHERE user_id = $1',
      values: [users[0]],
    };
    await admin.regular.query(passedOver);
    const rows = async (schema: Schema) =>
      admin.home(schema).query({
        text: `SELECT entry, units, claims, rank, state, asked_at::text, passed_over_at::text
               FROM ${schema}.waiting WHERE sku = $1 ORDER BY entry`,
        values: [sku],
      });
    const before = await rows('regular');
    expect(before).toHaveLength(2);
    await moveSku(ops, 'hot', sku);
    expect(await rows('hot')).toEqual(before);
    expect(await rows('regular')).toEqual([]);
  });

  it('keeps its waitlist closed if operators have closed it', async () => {
    const sku = await stock(ops, sale, { units: 1, schema: 'regular' });
    await ops.regular.query({
      text: 'SELECT catalog.set_waitlists($1, $2)',
      values: [[], [sku]],
    });
    await moveSku(ops, 'hot', sku);
    const [row] = await admin.home('hot').query<{ line_open: boolean }>({
      text: 'SELECT line_open FROM catalog.sku WHERE sku = $1',
      values: [sku],
    });
    expect(row).toEqual({ line_open: false });
  });
});
