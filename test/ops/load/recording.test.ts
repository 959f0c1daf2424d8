import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { openRecording, type RecordedCall } from '../../../ops/load/recording/format.ts';
import { Remembered } from '../../../ops/load/recording/names.ts';
import { type Recorded, record } from '../../../ops/load/recording/record.ts';
import { SCRATCH_PREFIX } from '../../../ops/stack/test-folder.ts';

/** Recordings of made-up call logs. `recorded-sale.ts` records a real sale. */

const folder = mkdtempSync(join(tmpdir(), SCRATCH_PREFIX));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const OPENS_AT_MS = Date.UTC(2026, 10, 29, 10);
const [ID, OTHER_ID] = [
  '0aa8d3bb-21c3-4c0b-bd2a-28b8f9b64c01',
  '1aa8d3bb-21c3-4c0b-bd2a-28b8f9b64c02',
];
const TICKET = 'TV.mx208yom.1e04afebdff14f3086c693aa0ff85a59';

interface Line {
  /** Seconds from the opening to the end of the call. */
  readonly at: number;
  readonly [field: string]: string | number;
}

const claimsOf = (sub: string) => Buffer.from(JSON.stringify({ sub })).toString('base64url');

/** A line as the edge writes it. */
function line({ at, user = '', ...fields }: Line): string {
  return JSON.stringify({
    ...{ end: (OPENS_AT_MS + at * 1_000) / 1_000, seconds: 0.01, status: 200, method: 'GET' },
    ...{ path: '/sales/spring', verdict: '', address: '192.0.2.1', connection: 'edge/1/1' },
    ...{ claims: user === '' ? '' : claimsOf(String(user)), key: '', sku: '', quantity: '' },
    ...fields,
  });
}

const press = (more: Line) =>
  line({ method: 'POST', path: `/api/v1/buy/${TICKET}`, status: 202, user: 'ann', ...more });

async function recorded(
  lines: readonly string[],
  skus: readonly string[] | 'learned' = ['Phone', 'TV'],
): Promise<Recorded & { readonly calls: RecordedCall[] }> {
  const out = join(folder, 'out.gz');
  const result = await record({
    ...{ sale: 'spring', opensAtMs: OPENS_AT_MS, beforeMs: 60_000, afterMs: 60_000, out },
    skus: skus === 'learned' ? undefined : skus,
    ...{ logs: [() => Readable.from(lines.map((one) => `${one}\n`))] },
    stopping: new AbortController().signal,
  });
  const { header, calls } = await openRecording(out);
  expect(header).toEqual(result.header);
  return { ...result, calls: await Array.fromAsync(calls) };
}

describe('a recording', () => {
  it('has calls in the order in which they began, with what they were about', async () => {
    const path = `/api/v1/requests/${ID}~spring.qajRaRodLZYSmaG35qAbgw`;
    const { header, calls } = await recorded([
      line({
        at: 1,
        method: 'POST',
        path: '/api/v1/sales/spring/tickets',
        status: 201,
        user: 'ann',
        sku: 'TV',
      }),
      press({ at: 2, key: ID, quantity: '2' }),
      line({ at: 2.5, path: '/api/v1/sales/spring', status: 304 }),
      line({ at: 12, seconds: 9.9, path: `${path}?wait=10`, user: 'ann', verdict: 'queued' }),
      line({ at: 13, path, user: 'ann', verdict: 'ordered' }),
      line({ at: 14, path: '/api/v1/orders/R-17', user: 'ann' }),
      line({ at: 15, method: 'POST', path: '/api/v1/orders/R-17/cancel', user: 'ann' }),
      line({ at: -3 }),
    ]);
    const [who, from] = [calls[0]?.who, calls[0]?.from];
    const common = { who, from, verdict: 'ok', ms: 10 };
    expect(calls).toEqual([
      { ...common, at: -3_010, call: 'page' },
      { ...common, at: 990, call: 'ticket', sku: 1 },
      { ...common, at: 1_990, call: 'buy', verdict: 'queued', sku: 1, quantity: 2, request: 1 },
      {
        ...common,
        at: 2_100,
        ms: 9_900,
        call: 'long-poll',
        outcome: 'queued',
        request: 1,
        wait: 10,
      },
      { ...common, at: 2_490, call: 'sale', verdict: 'not_modified' },
      { ...common, at: 12_990, call: 'status', outcome: 'ordered', request: 1 },
      { ...common, at: 13_990, call: 'order', order: 2 },
      { ...common, at: 14_990, call: 'cancel', order: 2 },
    ]);
    expect(header).toMatchObject({
      ...{ sale: 'spring', opensAt: new Date(OPENS_AT_MS).toISOString(), skus: ['Phone', 'TV'] },
      ...{ calls: 8, shoppers: 1, fromMs: -3_010, toMs: 14_990, outcomes: { ordered: 1 } },
      answers: { buy: { queued: 1 }, sale: { not_modified: 1 }, page: { ok: 1 } },
    });
  });

  it('counts a purchase once, by what became of it', async () => {
    const ask = (id: string, verdict: string, at: number) =>
      line({ at, path: `/api/v1/requests/${id}`, user: 'ann', verdict });
    const { header, calls } = await recorded([
      press({ at: 1, key: ID, status: 499 }),
      press({ at: 2, key: ID }),
      ask(ID, 'sold_out', 3),
      press({ at: 4, status: 429, verdict: 'shed' }),
      press({ at: 5, status: 429, verdict: 'shed' }),
      // The edge itself has refused this one.
      press({ at: 6, status: 429, sku: '' }),
      press({ at: 7, status: 503, verdict: 'quota_unavailable', key: OTHER_ID }),
      press({ at: 8, key: OTHER_ID.replace('1aa', '2aa') }),
      // Anybody can ask for an id.
      line({
        at: 9,
        path: '/api/v1/requests/ffffffff-21c3-4c0b-bd2a-28b8f9b64c01',
        user: 'ann',
        status: 404,
      }),
    ]);
    expect(header.outcomes).toEqual({ refused: 4, sold_out: 1, unknown: 1 });
    expect(header.answers['buy']).toEqual({
      ...{ left: 1, queued: 2, shed: 2, rate_limited: 1, quota_unavailable: 1 },
    });
    expect(calls.filter(({ request }) => request === 1).map(({ call }) => call)).toEqual([
      ...['buy', 'buy', 'status'],
    ]);
  });

  it('knows whose the calls without a token are by their connection, whichever was first', async () => {
    const at = (connection: string, more: Line) => line({ connection, ...more });
    const list = { path: '/api/v1/orders', user: 'ann' };
    const { calls, header } = await recorded([
      at('a', { at: 1 }),
      at('a', { at: 2, method: 'POST', path: '/api/v1/demo/guest', status: 201 }),
      at('a', { at: 3, ...list }),
      at('b', { at: 4 }),
      at('b', { at: 5, ...list }),
      at('b', { at: 6, path: '/api/v1/notices' }),
      // A balancer sends two shoppers over one connection.
      at('c', { at: 7, ...list }),
      at('c', { at: 8, ...list, user: 'ben', path: '/api/v1/sales/spring/notices' }),
      at('c', { at: 9 }),
    ]);
    const names = calls.map(({ who }) => who);
    expect(new Set(names.slice(0, 7)).size).toBe(1);
    expect(new Set(names).size).toBe(3);
    expect(header.shoppers).toBe(3);
  });

  it('has no calls of other sales, of other times, or of nobody', async () => {
    const { header, skipped } = await recorded([
      line({ at: 1 }),
      line({ at: 1, path: '/sales/summer', connection: 'b' }),
      line({ at: 2, path: '/api/v1/orders', user: 'sue', connection: 'b' }),
      press({ at: 3, path: `/api/v1/buy/${TICKET.replace('TV', 'Boat')}` }),
      line({ at: 4, path: '/api/v1/sales/spring/skus/TV/units' }),
      line({ at: -61 }),
      line({ at: 61 }),
      'upstream timed out (110)',
      '{"end":1,',
      `edge-1  | ${line({ at: 5 })}`,
    ]);
    expect(header.calls).toBe(2);
    expect(skipped).toEqual({
      'calls that nothing assigns to this sale': 3,
      'calls of other kinds': 1,
      'calls outside the window': 2,
      'lines that are not of a call log': 2,
    });
  });

  it('learns the SKUs from tickets that were given out, if nobody names them', async () => {
    const ticket = (sku: string, status: number) =>
      line({
        at: 1,
        method: 'POST',
        path: '/api/v1/sales/spring/tickets',
        status,
        sku,
        user: 'ann',
      });
    const { header, calls } = await recorded(
      // The log has what is in a body, which another word may come before: only a purchase proves the name.
      [
        ...[ticket('Boat', 404), ticket('-', 201), ticket('Ann-Smith', 201), ticket('TV', 201)],
        press({ at: 2 }),
        press({ at: 3, path: `/api/v1/buy/${TICKET.replace('TV', 'Ann-Smith')}`, status: 403 }),
      ],
      'learned',
    );
    expect(header.skus).toEqual(['sku-1', 'TV']);
    expect(calls.map(({ sku }) => sku)).toEqual([undefined, undefined, 0, 1, 1, 0]);
  });

  it('is made of what was read when the reading is ended', async () => {
    const stop = new AbortController();
    async function* endless() {
      for (let at = 0; ; at += 1) {
        if (at === 3) stop.abort();
        yield `${line({ at: at % 60 })}\n`;
      }
    }
    const { header } = await record({
      ...{ sale: 'spring', opensAtMs: OPENS_AT_MS, skus: [], beforeMs: 60_000, afterMs: 60_000 },
      ...{
        out: join(folder, 'ended.gz'),
        logs: [() => Readable.from(endless())],
        stopping: stop.signal,
      },
    });
    expect(header.calls).toBeGreaterThan(0);
  });

  it('is not made of a log without the sale', async () => {
    const other = recorded([line({ at: 1, path: '/sales/summer' })]);
    await expect(other).rejects.toThrow('no call of the sale spring: 1 calls that nothing assigns');
    await expect(recorded([])).rejects.toThrow('the log is empty');
  });

  it('is read line by line, whatever is in a line and however long it is', async () => {
    const odd = line({ at: 1, connection: 'odd', path: '/sales/spring?\u2028{"end":1}\u2029' });
    const { header, skipped } = await recorded([
      odd,
      // A forged line in a text of nginx itself, which does not escape.
      `limiting requests, request: "GET /\u2028${line({ at: 2 })}\u2028 HTTP/1.1"`,
      `${line({ at: 3 }).slice(0, -1)},"more":"${'x'.repeat(10_000_000)}"}`,
      line({ at: 4, seconds: 1e9 }),
      // What a full disk has left of a line.
      `{"end":17${line({ at: 4 })}`,
      `${line({ at: 5 })}\r`,
    ]);
    expect(header).toMatchObject({ calls: 3, fromMs: 990, toMs: 4_990 });
    expect(skipped).toEqual({ 'lines that are not of a call log': 3 });
  });

  it('that is broken is refused with the reason', async () => {
    const open = async (content: string | Buffer) => {
      const file = join(folder, 'broken.gz');
      writeFileSync(file, content);
      const { calls } = await openRecording(file);
      await Array.fromAsync(calls);
    };
    await expect(open('plain text')).rejects.toThrow('is not a recording of flashsale record');
    await expect(open(gzipSync('{}\n'))).rejects.toThrow('its first line is not a header');
    await recorded([line({ at: 1 })]);
    const text = gunzipSync(readFileSync(join(folder, 'out.gz'))).toString();
    await expect(open(gzipSync(`${text}{"at":1}\n`))).rejects.toThrow('broken.gz:3: this is not');
    const [head = '', call = ''] = text.split('\n');
    // The head is a gzip file of its own.
    await expect(open(gzipSync(`${head}\n`))).rejects.toThrow('it has 0 of 1 calls');
    await expect(open(gzipSync(`${head}\n${call}\n${call}\n`))).rejects.toThrow('3: this is not');
    for (const odd of [
      '"at":9e15',
      '"ms":-1',
      '"ms":9e9',
      '"wait":1e6',
      '"quantity":1e6',
      '"who":""',
    ]) {
      const wrong = call.replace('}', `,${odd}}`);
      await expect(open(gzipSync(`${head}\n${wrong}\n`))).rejects.toThrow('2: this is not');
    }
    for (const [part, odd] of [
      ['"calls":1', '"calls":-1'],
      // What is printed has no letters that a terminal obeys.
      ['"ok":1', '"\\u001b[2J":1'],
      ['"page":', '"<b>":'],
    ] as const) {
      expect(head).toContain(part);
      const wrong = gzipSync(`${head.replace(part, odd)}\n`);
      await expect(open(wrong)).rejects.toThrow('its first line is not a header');
    }
    const bomb = gzipSync(Buffer.alloc(3_000_000, 'x'));
    await expect(open(bomb)).rejects.toThrow('its first line is not a header');
    const whole = gzipSync(text);
    await expect(open(whole.subarray(0, whole.length - 12))).rejects.toThrow(
      /cannot be read|unexpected end/,
    );
    await expect(openRecording(join(folder, 'none.gz'))).rejects.toThrow('no such file');
  });
});

it('what is remembered has a limit, and what is forgotten is told', () => {
  const forgotten: number[] = [];
  const few = new Remembered<number>(2, (value) => forgotten.push(value));
  for (const at of [1, 2]) few.set(`${at}`, at);
  few.get('1');
  few.set('3', 3);
  expect([few.get('1'), few.get('2'), few.get('3')]).toEqual([1, undefined, 3]);
  expect(forgotten).toEqual([2]);
});
