import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { install } from '../../bench/keynote/stage.ts';
import {
  accountsOf,
  asPurchase,
  parseTransfer,
  type Refusal,
  type Transfer,
} from '../../bench/keynote/transfer.ts';
import { zipf } from '../../bench/zipf.ts';
import { openSession, type Session } from '../../db/client/pool.ts';
import { createDatabase, PATIENCE, type TestDatabase } from '../db/database.ts';
import fc from '../properties.ts';

/** The benchmark of transfers: its batch procedure decides as one call after the other does. */

const ACCOUNTS = 6;
const BALANCE = 8;

let database: TestDatabase;
let session: Session;

beforeAll(async () => {
  database = await createDatabase({ empty: true });
  session = await openSession(database.url, { applicationName: 'test', ...PATIENCE });
  await install(session);
});
afterAll(async () => {
  await session.close();
  await database.remove();
});

const reset = () => session.run(`CALL keynote.reset(${ACCOUNTS}, ${BALANCE})`);

async function state() {
  const [books] = await session.query<Record<string, string>>({
    text: 'SELECT * FROM keynote.books($1)',
    values: [BALANCE],
  });
  const balances = await session.query<{ balance: string }>({
    text: 'SELECT balance FROM keynote.account ORDER BY id',
  });
  return { books, balances: balances.map(({ balance }) => Number(balance)) };
}

async function oneByOne(transfers: readonly Transfer[]): Promise<Refusal[]> {
  const refusals: Refusal[] = [];
  for (const { requestId, from, to, amount } of transfers) {
    const [row] = await session.query<{ refusal: Refusal }>({
      text: 'SELECT keynote.transfer_one($1, $2, $3, $4) AS refusal',
      values: [requestId, from, to, amount],
    });
    refusals.push(row?.refusal ?? null);
  }
  return refusals;
}

async function batch(transfers: readonly Transfer[]): Promise<Refusal[]> {
  const rows = await session.query<{ request_id: string; refusal: string }>({
    text: 'SELECT request_id, refusal FROM keynote.transfer_batch($1, $2, $3, $4)',
    values: [
      transfers.map(({ requestId }) => requestId),
      transfers.map(({ from }) => from),
      transfers.map(({ to }) => to),
      transfers.map(({ amount }) => amount),
    ],
  });
  const refusals = new Map(rows.map((row) => [row.request_id, row.refusal]));
  return transfers.map(({ requestId }) => refusals.get(requestId) ?? null);
}

/** One more account than there is. */
const account = fc.nat({ max: ACCOUNTS });
const transfer = fc
  .record({ from: account, to: account, amount: fc.integer({ min: 1, max: 5 }) })
  .filter(({ from, to }) => from !== to);
const batches = fc.array(fc.array(transfer, { minLength: 1, maxLength: 12 }), { maxLength: 4 });

describe('transfers', () => {
  it('are decided by batches, each of them delivered twice, as by one call after the other', async () => {
    await fc.assert(
      fc.asyncProperty(batches, async (drawn) => {
        const those = drawn.map((one) => one.map((each) => ({ ...each, requestId: randomUUID() })));
        await reset();
        const expected = await oneByOne(those.flat());
        const after = await state();
        expect(await oneByOne(those.flat())).toEqual(expected);
        await reset();
        const refusals: Refusal[] = [];
        for (const one of those) {
          refusals.push(...(await batch(one)));
          // The second delivery comes with another transfer before it.
          expect(await batch([...one.slice(-1), ...one])).toEqual([
            ...refusals.slice(-1),
            ...refusals.slice(-one.length),
          ]);
        }
        expect(refusals).toEqual(expected);
        expect(await state()).toEqual(after);
        expect(after.books).toMatchObject({ total: String(ACCOUNTS * BALANCE), wrong: '0' });
      }),
      { numRuns: 40 },
    );
  });

  it('of a known request that stands twice in a batch are made once', async () => {
    await reset();
    const one = { requestId: randomUUID(), from: 0, to: 1, amount: 5 };
    const other = { requestId: randomUUID(), from: 0, to: 1, amount: 5 };
    expect(await batch([one, other, one])).toEqual([null, 'insufficient_funds', null]);
    expect((await state()).balances).toEqual([3, 13, 8, 8, 8, 8]);
  });

  it('travel as purchase requests', () => {
    const requestId = randomUUID();
    const text = JSON.stringify({ requestId, from: 12, to: 3, amount: 4 });
    const read = parseTransfer(text);
    expect(read && accountsOf(asPurchase(read))).toEqual([12, 3]);
    for (const wrong of ['', '{}', text.replace('12', '3'), text.replace('4}', '101}')]) {
      expect(parseTransfer(wrong)).toBeUndefined();
    }
  });
});

describe('Zipf', () => {
  it('draws the k-th with a share of 1 / k^exponent', () => {
    let at = 0;
    const even = () => (at++ % 10_000) / 10_000;
    const draw = zipf(3, 1.5, even);
    const counts = [0, 0, 0];
    for (let index = 0; index < 10_000; index += 1) {
      const drawn = draw();
      counts[drawn] = (counts[drawn] ?? 0) + 1;
    }
    const sum = 1 + 2 ** -1.5 + 3 ** -1.5;
    expect(counts.map((many) => many / 10_000)).toEqual(
      [1, 2 ** -1.5, 3 ** -1.5].map((share) => expect.closeTo(share / sum, 3)),
    );
    expect(zipf(4, 0, () => 0.99)()).toBe(3);
  });
});
