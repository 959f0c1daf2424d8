import { createHash } from 'node:crypto';
import { stringify } from 'csv-stringify/sync';
import {
  type ExportedOrder,
  exportOrders,
  type HomeSessions,
  inOneMomentOfSale,
} from '../../db/export.ts';

/**
 * The export of a sale: a record for each order, each payment and each refund. A payment comes after its
 * order, and a refund after its payment. The same books give the same bytes, so the hash of a file shows
 * that nobody has changed it.
 */

export const EXPORT_FORMATS = ['csv', 'jsonl'] as const;
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

/** The fields of a record, in the order of the columns. A field that a record does not have is empty. */
const COLUMNS = [
  'record',
  'sale',
  'order_no',
  'sku',
  'user_id',
  'units',
  'amount',
  'currency',
  'status',
  'reason',
  'payment_ref',
  'refund_ref',
  'created_at',
  'pay_before',
  'changed_at',
  'request_id',
  'day',
  'streak',
  'packet',
  'seats',
] as const;

export interface ExportRecord
  extends Readonly<Partial<Record<(typeof COLUMNS)[number], string | number | null>>> {
  readonly record: 'order' | 'payment' | 'refund';
}

export interface ExportCounts {
  orders: number;
  payments: number;
  refunds: number;
}

export interface ExportResult extends Readonly<ExportCounts> {
  readonly sale: string;
  readonly format: ExportFormat;
  /** Records in all. The heading of a CSV is not one of them. */
  readonly rows: number;
  readonly bytes: number;
  /** Hexadecimal, of all bytes. */
  readonly sha256: string;
}

/** The records of one order: the order, and its payments, each with its refund. */
function recordsOf(sale: string, order: ExportedOrder): ExportRecord[] {
  const {
    order_no,
    sku,
    user_id,
    units,
    amount,
    currency,
    status,
    reason,
    day,
    streak,
    packet,
    seats,
  } = order;
  const records: ExportRecord[] = [
    {
      record: 'order',
      ...{ sale, order_no, sku, user_id, units, amount, currency, status, reason },
      created_at: order.created_at,
      pay_before: order.pay_before,
      changed_at: order.changed_at,
      request_id: order.request_id,
      ...{ day, streak, packet, seats },
    },
  ];
  for (const payment of order.payments ?? []) {
    const { amount, currency, ref: payment_ref, received_at, refund } = payment;
    const money = { sale, order_no, sku, user_id, amount, currency, payment_ref };
    records.push({ record: 'payment', ...money, status: payment.result, created_at: received_at });
    if (refund === null) continue;
    const { state: status, ref: refund_ref, due_at: created_at, changed_at } = refund;
    records.push({ record: 'refund', ...money, status, refund_ref, created_at, changed_at });
  }
  return records;
}

/** Makes the text of records. The texts of all pages, one after the other, are the export. */
const ENCODERS: Readonly<Record<ExportFormat, () => (records: readonly ExportRecord[]) => string>> =
  {
    csv() {
      let header = true;
      return (records) => {
        const text = stringify([...records], {
          columns: [...COLUMNS],
          header,
          record_delimiter: 'windows',
          // A spreadsheet would compute a user id or a reference that begins like a formula.
          escape_formulas: true,
        });
        header = false;
        return text;
      };
    },
    jsonl: () => (records) =>
      records.map((record) => `${JSON.stringify(record, dropNull)}\n`).join(''),
  };

function dropNull(_: string, value: unknown): unknown {
  return value === null ? undefined : value;
}

/** Encodes pages of orders and hashes the text. */
class Encoding {
  readonly #sale: string;
  readonly #format: ExportFormat;
  readonly #encode: (records: readonly ExportRecord[]) => string;
  readonly #hash = createHash('sha256');
  readonly #counts: ExportCounts = { orders: 0, payments: 0, refunds: 0 };
  #bytes = 0;

  constructor(sale: string, format: ExportFormat) {
    this.#sale = sale;
    this.#format = format;
    this.#encode = ENCODERS[format]();
  }

  /** The bytes before the first order: the heading of a CSV. */
  begin(): Buffer {
    return this.#take([]);
  }

  page(orders: readonly ExportedOrder[]): Buffer {
    const records = orders.flatMap((order) => recordsOf(this.#sale, order));
    for (const { record } of records) this.#counts[`${record}s`] += 1;
    return this.#take(records);
  }

  result(): ExportResult {
    const { orders, payments, refunds } = this.#counts;
    const sha256 = this.#hash.copy().digest('hex');
    const counts = { rows: orders + payments + refunds, orders, payments, refunds };
    return { sale: this.#sale, format: this.#format, ...counts, bytes: this.#bytes, sha256 };
  }

  #take(records: readonly ExportRecord[]): Buffer {
    const bytes = Buffer.from(this.#encode(records));
    this.#hash.update(bytes);
    this.#bytes += bytes.length;
    return bytes;
  }
}

/** The sessions of an export. */
export interface ExportSessions {
  readonly primaries: HomeSessions;
  /** Of the homes whose standby may be read. */
  readonly standbys: HomeSessions;
}

/**
 * Exports a sale, page by page. It never holds more than one page, however slowly `write` takes it.
 *
 * @throws {DatabaseError} FS002 no such sale
 */
export async function exportSale(
  { primaries, standbys }: ExportSessions,
  sale: string,
  format: ExportFormat,
  write: (bytes: Buffer) => Promise<void>,
): Promise<ExportResult> {
  const encoding = new Encoding(sale, format);
  return inOneMomentOfSale(primaries, standbys, sale, async (sessions) => {
    await write(encoding.begin());
    for await (const orders of exportOrders(sessions, sale)) await write(encoding.page(orders));
    return encoding.result();
  });
}

/** The hashes that exports would have, in the moment of `inOneMoment`. */
export async function hashesOf(
  sessions: HomeSessions,
  sale: string,
): Promise<Record<ExportFormat, ExportResult>> {
  const csv = new Encoding(sale, 'csv');
  const jsonl = new Encoding(sale, 'jsonl');
  const both = [csv, jsonl];
  for (const encoding of both) encoding.begin();
  for await (const orders of exportOrders(sessions, sale)) {
    for (const encoding of both) encoding.page(orders);
  }
  return { csv: csv.result(), jsonl: jsonl.result() };
}
