import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { doorKeyOf } from '../../contracts/door-code.ts';
import { saleBoard } from '../../db/catalog.ts';
import type { Databases } from '../../db/client/pool.ts';
import { doorSeed, noteDoorKey, publicDoorKey } from '../../db/door.ts';
import { rotateTicketKey, ticketKey, ticketKeyFacts, ticketKeys } from '../../db/ticket-keys.ts';
import { createDatabase, type TestDatabase } from './database.ts';
import { openSale, stock } from './shop.ts';

/**
 * The keys that sign tickets: a sale has one at a time, which is replaced regularly and can be
 * revoked at once.
 */

let database: TestDatabase;
let web: Databases;
let ops: Databases;

beforeAll(async () => {
  database = await createDatabase();
  web = database.as('web', 8);
  ops = database.as('ops');
});
afterAll(() => database.remove());

const epochOf = async (sale: string) =>
  (await saleBoard(web)).sales.find((entry) => entry.sale === sale)?.ticketEpoch;

describe('ticket keys', () => {
  it('are created once, however many web nodes ask at the opening', async () => {
    const sale = await openSale(ops);
    expect(await epochOf(sale)).toBe(0);
    const answers = await Promise.all(Array.from({ length: 8 }, () => ticketKeys(web, sale)));
    for (const keys of answers) expect(keys).toEqual(answers[0]);
    expect(answers[0]).toMatchObject([{ id: 1, retiredAt: undefined, isRevoked: false }]);
    expect(await ticketKey(web, sale)).toEqual(answers[0]?.[0]?.key);
    expect(await epochOf(sale)).toBe(1);
  });

  it('cannot be created before the sale opens, not even by an operator', async () => {
    const later = await openSale(ops, { opensInMs: 60_000 });
    expect(await rotateTicketKey(ops, later, false)).toBeUndefined();
    expect(await rotateTicketKey(ops, later, true)).toBeUndefined();
    expect(await ticketKeys(web, later)).toEqual([]);
    expect(await ticketKeyFacts(ops, later)).toEqual([]);
    await expect(ticketKeys(ops, later)).rejects.toMatchObject({ sqlstate: '42501' });
  });

  it('are replaced by command, each id once', async () => {
    const sale = await openSale(ops);
    const [first] = await ticketKeys(web, sale);
    expect(await rotateTicketKey(ops, sale, false)).toBe(2);
    const keys = await ticketKeys(web, sale);
    expect(keys.map(({ id, isRevoked }) => [id, isRevoked])).toEqual([
      [1, false],
      [2, false],
    ]);
    expect(keys[0]?.key).toEqual(first?.key);
    expect(keys[0]?.retiredAt).toBeInstanceOf(Date);
    expect(await ticketKey(web, sale)).toEqual(keys[1]?.key);
    expect(await epochOf(sale)).toBe(2);
  });

  it('are invalid at once when an operator revokes them', async () => {
    const sale = await openSale(ops);
    await ticketKeys(web, sale);
    await rotateTicketKey(ops, sale, false);
    const before = await epochOf(sale);
    expect(await rotateTicketKey(ops, sale, true)).toBe(3);
    expect((await ticketKeys(web, sale)).map(({ isRevoked }) => isRevoked)).toEqual([
      true,
      true,
      false,
    ]);
    expect(await epochOf(sale)).toBeGreaterThan(before ?? 0);
    const facts = await ticketKeyFacts(ops, sale);
    expect(facts.map(({ revokedAt }) => revokedAt !== null)).toEqual([true, true, false]);
    expect(JSON.stringify(facts)).not.toMatch(/key/);
  });

  it('are replaced automatically when they are old enough, once for all callers', async () => {
    const sale = await openSale(ops);
    await ticketKeys(web, sale);
    expect(await epochOf(sale)).toBe(1);
    // As old as the tunable ticket_key_life_ms allows.
    await database.admin.query({
      text: `UPDATE catalog.ticket_key SET created_at = now() - interval '10 min' WHERE sale = $1`,
      values: [sale],
    });
    expect(await epochOf(sale)).toBe(2);
    const answers = await Promise.all(Array.from({ length: 8 }, () => ticketKeys(web, sale)));
    for (const keys of answers) expect(keys.map(({ id }) => id)).toEqual([1, 2]);
    // The epoch had this number before the replacement, so no node has to ask again.
    expect(await epochOf(sale)).toBe(2);
  });
});

describe('the door key of a sale', () => {
  const seats = [{ row: '1', from: 1, to: 3 }];
  const section = { seats, singles: 'avoid' as const };

  it('is made once, however many web nodes ask, and stays', async () => {
    const sale = await openSale(ops, { opensInMs: 60_000 });
    expect(await doorSeed(web, sale)).toBeUndefined();
    await stock(ops, sale, { units: 3, section });
    expect(await publicDoorKey(ops, sale)).toBeUndefined();
    const answers = await Promise.all(Array.from({ length: 8 }, () => doorSeed(web, sale)));
    for (const answer of answers) expect(answer).toEqual(answers[0]);
    const { seed = Buffer.of() } = answers[0] ?? {};
    expect(seed).toHaveLength(32);
    const key = doorKeyOf(seed);
    await noteDoorKey(web, sale, key.publicKey);
    await noteDoorKey(web, sale, Buffer.alloc(32, 1));
    expect(await publicDoorKey(ops, sale)).toEqual(key.publicKey);
    expect(await doorSeed(web, sale)).toEqual({ seed, publicKey: key.publicKey });
    await expect(doorSeed(ops, sale)).rejects.toMatchObject({ sqlstate: '42501' });
  });

  it('goes with its sale, and another one has another key', async () => {
    const sale = await openSale(ops, { opensInMs: 60_000 });
    await stock(ops, sale, { units: 3, section });
    const first = await doorSeed(web, sale);
    await database.admin.query({ text: 'SELECT catalog.remove_sale($1)', values: [sale] });
    expect(await doorSeed(web, sale)).toBeUndefined();
    const other = await openSale(ops);
    await stock(ops, other, { units: 3, section });
    expect((await doorSeed(web, other))?.seed).not.toEqual(first?.seed);
  });
});
