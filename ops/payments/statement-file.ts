import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { Ajv } from 'ajv';
import { CsvError, parse } from 'csv-parse';
import { ORDER_NO_PATTERN } from '../../contracts/ids.ts';
import { AMOUNT_PATTERN } from '../../contracts/money.ts';
import { type Static, Type } from '../../contracts/schema-types.ts';
import type { StatedPayment, StatedRefund } from '../../payment/statement.ts';

/**
 * The list of a provider as a CSV with a heading: a row for each payment and each refund. Other columns
 * are ignored, so the file may be an export with some columns renamed.
 */

const COLUMNS = ['kind', 'reference', 'order_no', 'amount', 'currency', 'refund_reference'];
/** A record is longer only if a quote is missing. */
const RECORD_LENGTH_MAX = 10_000;

const text = Type.String({ minLength: 1, maxLength: 200 });
const Row = Type.Union([
  Type.Object({
    kind: Type.Literal('payment'),
    reference: text,
    order_no: Type.String({ pattern: `${ORDER_NO_PATTERN}|^$` }),
    amount: Type.String({ pattern: AMOUNT_PATTERN }),
    currency: Type.String({ pattern: '^[A-Z]{3}$' }),
  }),
  Type.Object({
    kind: Type.Literal('refund'),
    reference: text,
    amount: Type.String({ pattern: AMOUNT_PATTERN }),
    currency: Type.String({ pattern: '^[A-Z]{3}$' }),
    refund_reference: text,
  }),
]);

const isRow = new Ajv().compile<Static<typeof Row>>(Row);

interface Draft extends Omit<StatedPayment, 'refunds'> {
  readonly refunds: StatedRefund[];
}

/**
 * When the provider made its list, as far as the file tells.
 *
 * @throws {Error} for standard input: it is as old as this process, and payments that came after the list was made would
 *   count as missing there
 */
export async function ageOfStatement(path: string): Promise<Date> {
  const found = await stat(path);
  if (found.isFile()) return found.mtime;
  throw new Error(`${path} does not tell when the provider made the list: say it with --listed-at`);
}

/**
 * Reads a file.
 *
 * @throws {Error} with the line, and what is expected there
 */
export async function readStatement(path: string): Promise<StatedPayment[]> {
  const payments = new Map<string, Draft>();
  const rows = createReadStream(path).pipe(
    parse({ bom: true, columns: checkedHeading, info: true, max_record_size: RECORD_LENGTH_MAX }),
  );
  const refunds: {
    readonly line: number;
    readonly reference: string;
    readonly refund: StatedRefund;
  }[] = [];
  try {
    for await (const { record, info } of rows) {
      const line = (info as { lines: number }).lines;
      if (!isRow(record)) throw new Error(`line ${line}: ${expected(record)}`);
      const { reference, amount, currency } = record;
      if (record.kind === 'refund') {
        refunds.push({
          line,
          reference,
          refund: { ref: record.refund_reference, amount, currency },
        });
        continue;
      }
      if (payments.has(reference)) throw new Error(`line ${line}: ${reference} is there twice`);
      const orderNo = record.order_no === '' ? undefined : record.order_no;
      payments.set(reference, { reference, orderNo, amount, currency, refunds: [] });
    }
  } catch (error) {
    if (error instanceof CsvError) throw new Error(`${path}: ${error.message}`);
    throw new Error(`${path}: ${(error as Error).message}`);
  }
  for (const { line, reference, refund } of refunds) {
    const payment = payments.get(reference);
    if (payment === undefined) {
      throw new Error(`${path}: line ${line}: there is no payment ${reference} in the file`);
    }
    payment.refunds.push(refund);
  }
  return [...payments.values()];
}

function checkedHeading(heading: string[]): string[] {
  const missing = COLUMNS.filter((column) => !heading.includes(column));
  if (missing.length > 0) throw new Error(`line 1: the columns ${missing.join(', ')} are missing`);
  return heading;
}

/** Describes the fault of a row in words. */
function expected(row: Readonly<Record<string, string>>): string {
  const { kind, amount = '', currency = '', order_no: orderNo = '' } = row;
  if (kind !== 'payment' && kind !== 'refund') return 'kind is payment or refund';
  if (!new RegExp(AMOUNT_PATTERN).test(amount)) return 'amount is a decimal number such as 9.95';
  if (!/^[A-Z]{3}$/.test(currency)) return 'currency is three capital letters, such as EUR';
  if (kind === 'payment' && orderNo !== '' && !new RegExp(ORDER_NO_PATTERN).test(orderNo)) {
    return 'order_no is the number of an order, or empty';
  }
  const needed = kind === 'refund' ? 'reference and refund_reference have' : 'reference has';
  return `${needed} 1 to 200 characters`;
}
