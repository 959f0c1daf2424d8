import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CHOSEN_SCHEMA, decodeEnvelope, ENVELOPE_SCHEMA } from '../../contracts/messages.ts';
import { Databases, type Pool } from '../../db/client/pool.ts';
import { until } from '../until.ts';
import { press, pressOf } from './gate/press.ts';
import { openWebNode, rowOnSale, type WebNode } from './web-node.ts';

/** Numbered goods on a web node: which units are free, and a press that names some. */

const SECTION = {
  seats: [
    { row: '1', from: 1, to: 5 },
    { row: '2', from: 1, to: 4 },
  ],
  singles: 'avoid',
};
const URL = '/api/v1/sales/demo/skus/TV/units';

let node: WebNode;
let map: string | Error | Promise<string>;
let reads: { section: number; map: number };
let section: typeof SECTION;

beforeEach(async () => {
  map = '110111101';
  section = SECTION;
  reads = { section: 0, map: 0 };
  const pool = {
    async query({ name = '' }: { name?: string }) {
      if (name.startsWith('section')) {
        reads.section += 1;
        return [section];
      }
      reads.map += 1;
      if (map instanceof Error) throw map;
      return [{ map: await map }];
    },
  } as unknown as Pool;
  node = await openWebNode({ databases: Databases.ofOne(pool) });
  node.world.row = rowOnSale({ numbered: true, sectionMadeAt: new Date(1_000), userLimit: 3 });
  await node.refresh();
});
afterEach(() => node.close());

const read = (headers: Record<string, string> = {}) =>
  node.app.inject({ method: 'GET', url: URL, headers });
const bits = (base64: string) =>
  [...Buffer.from(base64, 'base64')].map((byte) => byte.toString(2).padStart(8, '0')).join('');

describe('the free units', () => {
  it('are read once for a crowd, and again after a second', async () => {
    const answers = await Promise.all(Array.from({ length: 100 }, () => read()));
    expect(reads).toEqual({ section: 1, map: 1 });
    const [{ statusCode, headers, body } = answers[0] as never] = answers;
    expect(statusCode).toBe(200);
    expect(headers['cache-control']).toBe('public, max-age=1');
    const { free, asOf, ...facts } = JSON.parse(body);
    expect(facts).toEqual({ sku: 'TV', units: 9, ...SECTION });
    expect(bits(free)).toBe('1101111010000000');
    expect(Math.abs(Date.parse(asOf) - Date.now())).toBeLessThan(60_000);
    const same = await read({ 'if-none-match': String(headers['etag']) });
    expect(same.statusCode).toBe(304);
    map = '010111101';
    await until('it is read again', async () => {
      const answer = await read({ 'if-none-match': String(headers['etag']) });
      return answer.statusCode === 200 && bits(answer.json().free).startsWith('010111101');
    });
    expect(reads.section).toBe(1);
  });

  it('are those of the last answer while the database does not answer', async () => {
    const first = (await read()).json();
    map = new Error('away');
    await until('it is asked again', async () => {
      expect((await read()).json()).toEqual(first);
      return reads.map > 1;
    });
    map = new Promise(() => {});
    const asked = reads.map;
    await until('it hangs', async () => {
      expect((await read()).json().free).toBe(first.free);
      return reads.map > asked;
    });
  });

  it('are of numbered goods of this sale only', async () => {
    const other = await node.app.inject({ url: '/api/v1/sales/other/skus/TV/units' });
    expect(other.statusCode).toBe(404);
    node.world.row = rowOnSale();
    await node.refresh();
    expect((await read()).statusCode).toBe(404);
    expect(reads.section).toBe(0);
  });
});

const seat = (row: string, no: string) => ({ row, seat: no });
const wishOf = (body: object) => ({ ...pressOf(node), payload: JSON.stringify(body) });
const sent = () =>
  node.world.published.map(({ schema, content }) => ({
    schema,
    requests: decodeEnvelope(content).requests.map(({ units, positions }) => ({
      units,
      positions,
    })),
  }));

describe('a press', () => {
  it('may name units, and its request has their positions, in a message of its own kind', async () => {
    const chosen = wishOf({ seats: [seat('2', '1'), seat('1', '5')] });
    const answers = await Promise.all([press(node, chosen), press(node, wishOf({ quantity: 2 }))]);
    expect(answers.map(({ statusCode }) => statusCode)).toEqual([202, 202]);
    expect(sent()).toHaveLength(2);
    expect(sent()).toContainEqual({
      schema: CHOSEN_SCHEMA,
      requests: [{ units: 2, positions: [7, 5] }],
    });
    expect(sent()).toContainEqual({
      schema: ENVELOPE_SCHEMA,
      requests: [{ units: 2, positions: undefined }],
    });
    expect(node.world.drawn).toBe(4);
  });

  it('may name as many units as the limit allows, whatever the names of their rows', async () => {
    const row = 'القسم الأمامي الأيسر، الصف الأول خلف الممر الأوسط';
    section = { ...SECTION, seats: [{ row, from: 1, to: 40 }] };
    map = '1'.repeat(40);
    const sectionMadeAt = new Date(3_000);
    node.world.row = rowOnSale({ numbered: true, sectionMadeAt, userLimit: 40 });
    await node.refresh();
    const seats = Array.from({ length: 40 }, (_, at) => seat(row, String(at + 1)));
    const answer = await press(node, wishOf({ seats }));
    expect([answer.statusCode, answer.json().detail]).toEqual([202, undefined]);
    expect(sent()[0]?.requests[0]?.positions).toHaveLength(40);
    const endless = JSON.stringify({ seats }).padEnd(16_385);
    expect((await press(node, { ...pressOf(node), payload: endless })).statusCode).toBe(413);
    node.world.row = rowOnSale({ userLimit: 40 });
    await node.refresh();
    const { statusCode } = await press(node, wishOf({ quantity: 1, further: 'x'.repeat(2_048) }));
    expect(statusCode).toBe(413);
  });

  it('is the same purchase again with the same units, and another one with others', async () => {
    const mine = {
      ...wishOf({ seats: [seat('1', '1'), seat('1', '2')] }),
      headers: { 'idempotency-key': randomUUID() },
    };
    const first = await press(node, mine);
    const turned = JSON.stringify({ quantity: 2, seats: [seat('1', '2'), seat('1', '1')] });
    const again = await press(node, { ...mine, payload: turned });
    expect([again.statusCode, again.json()]).toEqual([202, first.json()]);
    for (const body of [{ quantity: 2 }, { seats: [seat('1', '1'), seat('1', '3')] }]) {
      const other = await press(node, { ...mine, payload: JSON.stringify(body) });
      expect(other.json().detail).toMatch(/was used for another purchase/);
    }
    expect(node.world.drawn).toBe(2);
  });

  it('with units or a quantity that cannot be is refused', async () => {
    const cases: [object, RegExp][] = [
      [{}, /'quantity'/],
      [{ seats: [] }, /fewer than 1/],
      [{ seats: [{ row: '1' }] }, /'seat'/],
      [{ seats: [{ row: '1', seat: '1', price: 1 }] }, /additional/],
      [{ quantity: 2, seats: [seat('1', '1')] }, /must be the number of seats/],
      [{ seats: [seat('1', '1')], acceptFewer: true }, /acceptFewer/],
      [{ seats: [seat('1', '6')] }, /no seat 6 in row 1/],
      [{ seats: [{ seat: 'A-7' }] }, /no seat A-7/],
      [{ seats: [seat('1', '1'), seat('1', '1')] }, /seat 1 in row 1 twice/],
      [{ seats: ['1', '2', '3', '4'].map((no) => seat('1', no)) }, /at most 3/],
    ];
    for (const [body, detail] of cases) {
      const answer = await press(node, wishOf(body));
      expect(answer.statusCode).toBe(400);
      expect(answer.json().detail).toMatch(detail);
    }
    expect(node.world.drawn).toBe(0);
  });

  it('names seats of the sale as it is now, also if it was put on again with other seats', async () => {
    const { etag } = (await read()).headers;
    await press(node, wishOf({ seats: [seat('2', '1')] }));
    section = { ...SECTION, seats: SECTION.seats.toReversed() };
    node.world.row = { ...node.world.row, sectionMadeAt: new Date(2_000) };
    await node.refresh();
    const answer = await read({ 'if-none-match': String(etag) });
    expect([answer.statusCode, answer.json().seats]).toEqual([200, section.seats]);
    await press(node, wishOf({ seats: [seat('2', '1')] }));
    expect(sent().map(({ requests }) => requests[0]?.positions)).toEqual([[7], [1]]);
  });

  it('for goods that are not numbered may not name units', async () => {
    node.world.row = rowOnSale();
    await node.refresh();
    const answer = await press(node, wishOf({ seats: [seat('1', '1')] }));
    expect(answer.json().detail).toMatch(/no seats to choose/);
  });
});
