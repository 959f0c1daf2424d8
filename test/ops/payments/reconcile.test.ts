import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  cancelOrder,
  endRefund,
  installation,
  orderDetails,
  payOrder,
  refundOrder,
} from '../../../db/calls.ts';
import type { ExportedRefund } from '../../../db/export.ts';
import { type Difference, Reconciliation } from '../../../ops/payments/reconcile.ts';
import { readStatement } from '../../../ops/payments/statement-file.ts';
import { SCRATCH_PREFIX } from '../../../ops/stack/test-folder.ts';
import { StripeProvider } from '../../../payment/stripe.ts';
import { PROGRAM_ENVIRONMENT } from '../../children.ts';
import { openShop } from '../../db/open-shop.ts';
import { openSale, order, stock } from '../../db/shop.ts';
import {
  STRIPE_KEY,
  STRIPE_WEBHOOK_SECRET,
  type StripeDouble,
  startStripeDouble,
} from '../../stripe-double.ts';

/** The books against the list of the provider. */

const { database, worker, web, ops, sale } = await openShop();
const folder = mkdtempSync(join(tmpdir(), SCRATCH_PREFIX));
const DOER = { by: 'sue@support', reason: 'a test' };
let double: StripeDouble;
let sku: string;

beforeAll(async () => {
  double = await startStripeDouble({ pageMax: 3 });
  sku = await stock(ops, sale, { units: 100 });
});
afterAll(async () => {
  await double.close();
  rmSync(folder, { recursive: true, force: true });
});

function reconcile(
  name: string,
  ...args: string[]
): Promise<{ code: number; out: string; err: string }> {
  const env = {
    ...PROGRAM_ENVIRONMENT,
    DATABASE_URL: database.url,
    STRIPE_SECRET_KEY: STRIPE_KEY,
    STRIPE_API_URL: double.url,
  };
  const words = ['ops/cli.ts', 'payments', 'reconcile', name, ...args];
  return new Promise((resolve) => {
    execFile(process.execPath, words, { env }, (error, out, err) =>
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, out, err }),
    );
  });
}

/** An order with a session at Stripe that is paid there, and in the books if `isBooked`. */
async function paid(intent: string, { isBooked = true, from = sku } = {}): Promise<string> {
  const orderNo = await order(worker, from);
  const facts = await orderDetails(web, orderNo);
  if (facts === undefined) throw new Error(`no order ${orderNo}`);
  const provider = new StripeProvider({
    secretKey: STRIPE_KEY,
    webhookSecret: STRIPE_WEBHOOK_SECRET,
    shopUrl: 'https://shop.example',
    apiUrl: double.url,
  });
  const id = await installation(ops, 'hot');
  const { url } = await provider.begin({
    ...facts,
    installation: id,
    title: 'A thing',
    attempt: 1,
  });
  expect(double.pay(url, intent)).toBe(true);
  if (isBooked) expect(await payOrder(web, orderNo, `stripe:${intent}`)).toBe('paid');
  return orderNo;
}

describe('with Stripe', () => {
  it('finds every difference, with the command that mends it, over all pages', async () => {
    const fine = await paid('pi_fine');
    const both = await paid('pi_both');
    await refundOrder(ops, both, DOER);
    await endRefund(worker, 'hot', 'stripe:pi_both', { refundRef: 're_both' });
    double.refunded.set('pi_both', 're_both');
    await paid('pi_other_sale', { from: await stock(ops, await openSale(ops), { units: 1 }) });
    expect(await reconcile(sale)).toMatchObject({
      code: 0,
      out: '2 payments of the books compared: nothing differs\n',
    });

    const lost = await paid('pi_lost', { isBooked: false });
    const invented = await order(worker, sku);
    await payOrder(web, invented, 'stripe:pi_invented');
    const byHand = await paid('pi_by_hand');
    double.refunded.set('pi_by_hand', 're_by_hand');
    const unbooked = await paid('pi_unbooked');
    await refundOrder(ops, unbooked, DOER);
    double.refunded.set('pi_unbooked', 're_unbooked');
    const phantom = await paid('pi_phantom');
    await refundOrder(ops, phantom, DOER);
    await endRefund(worker, 'hot', 'stripe:pi_phantom', { refundRef: 're_phantom' });
    const waits = await paid('pi_waits');
    await refundOrder(ops, waits, DOER);
    await payOrder(web, await order(worker, sku), 'other:ref');

    const { code, out } = await reconcile(sale, '--json');
    const { differences, compared, notCompared } = JSON.parse(out);
    expect([code, compared, notCompared]).toEqual([1, 7, 1]);
    const found = new Map(
      (differences as Difference[]).map(({ kind, orderNo, mend }) => [`${kind} ${orderNo}`, mend]),
    );
    const reason = (text: string) => `--reason '${text}'`;
    expect(Object.fromEntries(found)).toEqual({
      [`missing_here ${lost}`]: expect.stringMatching(/^stripe events resend .*cs_test_/),
      [`missing_there ${invented}`]: `npx flashsale orders refund ${invented} ${reason('the provider has no such payment')}`,
      [`refund_without_order ${byHand}`]: `npx flashsale orders refund ${byHand} ${reason('refunded at the provider')}`,
      [`refund_not_booked ${unbooked}`]:
        "SELECT hot.end_refund('stripe:pi_unbooked', 're_unbooked', NULL);",
      [`refund_missing ${phantom}`]:
        "SELECT hot.end_refund('stripe:pi_phantom', 're_phantom', 'the provider has no such refund');",
    });

    // The commands mend what they can mend here.
    await payOrder(web, lost, 'stripe:pi_lost');
    await refundOrder(ops, byHand, DOER);
    await endRefund(worker, 'hot', 'stripe:pi_by_hand', { refundRef: 're_by_hand' });
    for (const [difference, mend] of found) {
      if (/^refund_(not|missing)/.test(difference)) await ops.home('hot').query({ text: mend });
    }
    const left = JSON.parse((await reconcile(sale, '--json')).out).differences as Difference[];
    expect(left.map(({ kind }) => kind)).toEqual(['missing_there']);
    expect(await orderDetails(web, fine)).toMatchObject({ status: 'paid' });
  });
});

const RECEIVED = '2026-01-01T09:00:00Z';

/** Compares one payment of the books with what the provider has of it. */
function compared(
  refund: ExportedRefund | null,
  refunds: readonly string[],
  listedAt = new Date('2026-01-01T11:00:00Z'),
): readonly Difference[] {
  const money = { amount: '9.95', currency: 'EUR' };
  const made = refunds.map((amount, at) => ({ ...money, ref: `re-${at}`, amount }));
  const stated = { reference: 'ref', orderNo: '2', ...money, refunds: made };
  const result = new Reconciliation([stated], () => true, listedAt);
  const payment = { ref: 'ref', result: refund ? 'refund_due' : 'paid', ...money } as const;
  result.add({
    ...{ order_no: '2', sku: 'sku', request_id: '', user_id: 'ann', units: 1, amount: '9.95' },
    ...{ currency: 'EUR', status: refund ? 'cancelled' : 'paid', reason: null, was_paid: true },
    ...{ day: null, streak: null, packet: null, seats: null },
    ...{ created_at: '', pay_before: '', changed_at: '' },
    payments: [{ ...payment, received_at: RECEIVED, refund }],
  });
  return result.differences;
}

const refunded = (state: 'due' | 'done', changedAt = RECEIVED): ExportedRefund => ({
  ...{ state, ref: state === 'done' ? 're-0' : null, due_at: RECEIVED, changed_at: changedAt },
});

it('a refund that is newer than the list of the provider is not missing there', () => {
  const kindsOf = (changedAt: string) =>
    compared(refunded('done', changedAt), []).map(({ kind }) => kind);
  expect(kindsOf('2026-01-01T11:00:01Z')).toEqual([]);
  expect(kindsOf('2026-01-01T10:59:59Z')).toEqual(['refund_missing']);
});

it('money that went back in parts is compared by its sum', () => {
  expect(compared(refunded('done'), ['3.00', '6.95'])).toEqual([]);
  expect(compared(refunded('due'), ['3.00', '6.95'])).toMatchObject([
    { kind: 'refund_not_booked', mend: "SELECT hot.end_refund('ref', 're-0', NULL);" },
  ]);
  expect(compared(refunded('done'), ['3.00', '6.90'])).toMatchObject([
    { kind: 'different_refund', mend: 'give 0.05 EUR of ref back at the provider' },
  ]);
  expect(compared(refunded('done'), ['9.95', '9.95'])).toMatchObject([
    { kind: 'different_refund', mend: 'settle ref at the provider: give back exactly 9.95 EUR' },
  ]);
  // Shops give back a part of the price and leave the order as it is.
  const [part] = compared(null, ['3.00']);
  expect(part).toMatchObject({ kind: 'refund_without_order', there: 're-0: 3.00 EUR' });
  expect(part?.mend).toMatch(/^nothing, if .* npx flashsale orders refund 2 /);
});

describe('with a file', () => {
  const HEADING = 'kind,reference,order_no,amount,currency,refund_reference';
  const write = (lines: readonly string[]) => {
    const file = join(folder, 'list.csv');
    writeFileSync(file, `${[HEADING, ...lines].join('\r\n')}\r\n`);
    return file;
  };

  it('compares the payments of the other providers', async () => {
    const bank = await openSale(ops);
    const goods = await stock(ops, bank, { units: 9 });
    const same = await order(worker, goods);
    await payOrder(web, same, 'bank, "1"');
    const less = await order(worker, goods);
    await payOrder(web, less, 'bank 2');
    const late = await order(worker, goods, { userId: 'ann' });
    await cancelOrder(web, late, 'ann');
    await payOrder(web, late, 'bank 3');
    const file = write([
      `payment,"bank, ""1""",${same},9.950,EUR,`,
      `payment,bank 2,${less},9.90,EUR,`,
      `payment,bank 3,${late},9.95,EUR,`,
      'payment,bank 4,,5.00,EUR,',
      `payment,bank 5,${same},9.95,EUR,`,
      `payment,bank 6,${less},9.95,EUR,`,
      'payment,bank 7,900000000001,9.95,EUR,',
      'refund,bank 3,,9.95,EUR,back 3',
      'refund,bank 5,,9.00,EUR,back 5',
      'refund,bank 5,,0.95,EUR,back 5b',
      'refund,bank 6,,9.00,EUR,back 6',
    ]);
    const { code, out } = await reconcile(bank, '--from', file);
    expect(code).toBe(1);
    expect(out).toContain(`different amount: payment bank 2 of order ${less}`);
    expect(out).toContain(`npx flashsale orders refund ${less} --reason 'paid 9.90 EUR'`);
    expect(out).toContain("SELECT hot.end_refund('bank 3', 'back 3', NULL);");
    expect(out).toContain('give 5.00 EUR of bank 4 back at the provider');
    // What went back is not given back again, and an order may have gone with its sale.
    expect(out).not.toContain('bank 5');
    expect(out).toContain('give 0.95 EUR of bank 6 back at the provider');
    expect(out).toContain('there is no order 900000000001: was its sale dropped?');
    expect(out).toContain('3 payments of the books compared: 5 differences');
  });

  it('leaves out payments that are newer than the file', async () => {
    const bank = await openSale(ops);
    const goods = await stock(ops, bank, { units: 9 });
    const before = await order(worker, goods);
    await payOrder(web, before, 'bank 8');
    const file = write([`payment,bank 8,${before},9.95,EUR,`]);
    utimesSync(file, new Date(), new Date(Date.now() - 60_000));
    const newer = await order(worker, goods);
    await payOrder(web, newer, 'bank 9');
    const { code, out } = await reconcile(bank, '--from', file);
    expect(out).toContain('1 payments of the books compared: nothing differs; 1 payments');
    expect(code).toBe(0);
  });

  it.each([
    ['payment,a,7,9.95,EUR', /on line 2/],
    ['payment,a,7,-9.95,EUR,', /line 2: amount is a decimal number/],
    ['payment,a,7,9.95,eur,', /line 2: currency is three capital letters/],
    ['payment,a,x,9.95,EUR,', /line 2: order_no is the number of an order/],
    ['charge,a,7,9.95,EUR,', /line 2: kind is payment or refund/],
    ['payment,,7,9.95,EUR,', /line 2: reference has 1 to 200 characters/],
    ['refund,a,,9.95,EUR,', /line 2: .*refund_reference/],
    ['refund,a,,9.95,EUR,r', /line 2: there is no payment a in the file/],
    ['payment,a,7,9.95,EUR,\r\npayment,a,7,9.95,EUR,', /line 3: a is there twice/],
  ])('says what is wrong in %s', async (line, message) => {
    await expect(readStatement(write([line]))).rejects.toThrow(message);
  });

  it('says which columns are missing', async () => {
    const file = join(folder, 'other.csv');
    writeFileSync(file, 'id,amount\n1,2\n');
    await expect(readStatement(file)).rejects.toThrow('columns kind, reference, order_no');
  });
});
