import { execFile } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { parse } from 'csv-parse/sync';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  endRefund,
  expireOrders,
  orderDetails,
  payOrder,
  placeOrders,
  refundOrder,
} from '../../../db/calls.ts';
import { openSession, type Session } from '../../../db/client/pool.ts';
import { type ExportFormat, exportSale } from '../../../ops/sale/export.ts';
import { SCRATCH_PREFIX } from '../../../ops/stack/test-folder.ts';
import { PROGRAM_ENVIRONMENT } from '../../children.ts';
import { PATIENCE } from '../../db/database.ts';
import { openShop } from '../../db/open-shop.ts';
import { openSale, order, requests, stock } from '../../db/shop.ts';

/** The export of a sale, as a library and as a command. */

const { database, worker, web, ops, sale } = await openShop();
const run = promisify(execFile);
const folder = mkdtempSync(join(tmpdir(), SCRATCH_PREFIX));
let session: Session;
let refunded: string;

beforeAll(async () => {
  session = await openSession(database.url, {
    role: 'ops',
    applicationName: 'export',
    ...PATIENCE,
  });
  const sku = await stock(ops, sale, { units: 3_000, slots: 1 });
  const yen = { units: 5, schema: 'regular', price: '1500', currency: 'JPY' } as const;
  const formula = await order(worker, await stock(ops, sale, yen), { userId: '=1+1' }, 'regular');
  await payOrder(web, formula, `a:"quoted", ${formula}`);
  refunded = await order(worker, sku, { userId: 'two\nlines' });
  await payOrder(web, refunded, `b:${refunded}`);
  await payOrder(web, refunded, `c:${refunded}`);
  await refundOrder(ops, refunded, { by: 'sue', reason: 'broken' });
  await endRefund(worker, 'hot', `b:${refunded}`, { refundRef: 're_1' });
  // More than one page of orders.
  for (let batch = 0; batch < 6; batch += 1) {
    await placeOrders(worker, 'hot', sku, requests(200));
  }
});
afterAll(async () => {
  await session.close();
  rmSync(folder, { recursive: true, force: true });
});

async function exported(format: ExportFormat, between: () => Promise<unknown> = async () => {}) {
  const pages: Buffer[] = [];
  const sessions = new Map([
    ['regular', session],
    ['hot', session],
  ]);
  const result = await exportSale(
    { primaries: sessions, standbys: new Map() },
    sale,
    format,
    async (bytes) => {
      pages.push(bytes);
      await between();
    },
  );
  return { result, bytes: Buffer.concat(pages) };
}

it('has a record for each order, payment and refund, each after that to which it belongs', async () => {
  const { result, bytes } = await exported('jsonl');
  expect(result).toMatchObject({ orders: 1_202, payments: 3, refunds: 2, rows: 1_207 });
  expect(result.sha256).toBe(createHash('sha256').update(bytes).digest('hex'));
  expect(result.bytes).toBe(bytes.length);
  const records = bytes
    .toString()
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(records.length).toBe(1_207);
  expect(records.slice(0, 2)).toMatchObject([
    { record: 'order', user_id: '=1+1', status: 'paid', amount: '1500', currency: 'JPY' },
    { record: 'payment', status: 'paid', amount: '1500', currency: 'JPY' },
  ]);
  const order_no = refunded;
  expect(records.filter((record) => record.order_no === order_no)).toMatchObject([
    { record: 'order', order_no, status: 'cancelled', reason: 'by_shop', amount: '9.95' },
    { record: 'payment', order_no, payment_ref: `b:${refunded}`, status: 'refund_due' },
    { record: 'refund', order_no, refund_ref: 're_1', status: 'done' },
    { record: 'payment', order_no, payment_ref: `c:${refunded}`, status: 'refund_due' },
    { record: 'refund', order_no, payment_ref: `c:${refunded}`, status: 'due' },
  ]);
  const numbers = records.filter(({ record }) => record === 'order').slice(1);
  const sorted = numbers.toSorted((a, b) => Number(a.order_no) - Number(b.order_no));
  expect(numbers).toEqual(sorted);
});

it('is a CSV by RFC 4180 in which a spreadsheet finds no formula', async () => {
  const { result, bytes } = await exported('csv');
  const text = bytes.toString();
  expect(text.startsWith('record,sale,order_no,')).toBe(true);
  expect(text.endsWith('\r\n')).toBe(true);
  const rows = parse(bytes, { columns: true, record_delimiter: '\r\n' }) as Record<
    string,
    string
  >[];
  expect(rows.length).toBe(result.rows);
  expect(rows[0]).toMatchObject({ user_id: `'=1+1`, amount: '1500' });
  expect(rows[1]?.['payment_ref']).toMatch(/^a:"quoted", \d+$/);
  expect(rows.some(({ user_id }) => user_id === 'two\nlines')).toBe(true);
});

it('gives the same bytes again, and shows one moment, whatever happens meanwhile', async () => {
  const before = await exported('csv');
  const overdue = () =>
    database.admin.query({
      text: `UPDATE hot.orders SET pay_before = now() WHERE sale = $1 AND status = 'ordered'`,
      values: [sale],
    });
  const during = await exported('csv', async () => {
    await overdue();
    await expireOrders(worker, 'hot', 100);
  });
  expect(during.result).toEqual(before.result);
  expect(during.bytes.equals(before.bytes)).toBe(true);
  const after = await exported('csv');
  expect(after.result.sha256).not.toBe(before.result.sha256);
  expect(after.result.rows).toBe(before.result.rows);
});

it('is written by the command, whole or not at all', async () => {
  const options = {
    cwd: process.cwd(),
    env: { ...PROGRAM_ENVIRONMENT, DATABASE_URL: database.url },
  };
  const flashsale = (...args: string[]) =>
    run(process.execPath, ['ops/cli.ts', ...args], { ...options, maxBuffer: 10_000_000 });
  const file = join(folder, 'sale.csv');
  const { stdout } = await flashsale('sale', 'export', sale, '--out', file, '--json');
  const hash = createHash('sha256').update(readFileSync(file)).digest('hex');
  expect(JSON.parse(stdout)).toMatchObject({ sha256: hash, orders: 1_202, format: 'csv' });
  const piped = await flashsale('sale', 'export', sale);
  expect(piped.stdout).toBe(readFileSync(file, 'utf8'));
  expect(piped.stderr).toContain(`SHA-256 ${hash}`);
  const none = flashsale('sale', 'export', 'no-such-sale', '--out', join(folder, 'none.csv'));
  await expect(none).rejects.toMatchObject({ code: 1, stderr: expect.stringContaining('no sale') });
  expect(readdirSync(folder)).toEqual(['sale.csv']);

  const shown = await flashsale('orders', 'show', refunded);
  expect(shown.stdout).toMatch(
    /Cancelled by the shop[\s\S]*sue cancelled the paid order.*: broken[\s\S]*went back: refund re_1/,
  );
  const gone = flashsale('orders', 'refund', '999999998', '--reason', 'x', '--json');
  await expect(gone).rejects.toMatchObject({
    code: 1,
    stdout: expect.stringContaining('not_found'),
  });
  const other = await openSale(ops);
  const paid = await order(worker, await stock(ops, other, { units: 1 }));
  await payOrder(web, paid, randomUUID());
  const said = await flashsale('orders', 'refund', paid, '--reason', 'a test');
  expect(said.stdout).toContain('its payment goes back');
  expect(await orderDetails(web, paid)).toMatchObject({ status: 'cancelled' });
});
