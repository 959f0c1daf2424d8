import { createReadStream } from 'node:fs';
import { createInterface, type Interface } from 'node:readline';
import { pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { isName } from '../../../contracts/names.ts';
import { CALLS, type CallName } from '../client/calls.ts';
import type { Counts } from '../report/report.ts';

/**
 * A recording of a sale: JSON lines, compressed with gzip. The first line is the header, and each other line a
 * call, in the order in which calls began. Nothing in it names a person, a request or an order.
 */

export const FORMAT = 'flashsale-recording/1';

export interface RecordingHeader {
  readonly format: typeof FORMAT;
  readonly sale: string;
  readonly opensAt: string;
  /** A call names its SKU by the place in this list. */
  readonly skus: readonly string[];
  /** When the first and the last call began, in milliseconds from the opening. */
  readonly fromMs: number;
  readonly toMs: number;
  readonly calls: number;
  readonly shoppers: number;
  /** How often each call got which answer. */
  readonly answers: Readonly<Record<string, Counts>>;
  /** Each purchase once, with the outcome that was seen first. */
  readonly outcomes: Counts;
}

export interface RecordedCall {
  /** When it began, in milliseconds from the opening. */
  readonly at: number;
  /** How long it took. */
  readonly ms: number;
  /** The shopper, and the address: salted hashes. */
  readonly who: string;
  readonly from: string;
  readonly call: CallName;
  readonly verdict: string;
  /** What a status call or a place in the waitlist has told. */
  readonly outcome?: string;
  readonly sku?: number;
  readonly quantity?: number;
  /** Numbers that were given in this recording. */
  readonly request?: number;
  readonly order?: number;
  /** Seconds of a long poll. */
  readonly wait?: number;
}

const SKUS_MAX = 1_000;

export interface Recording {
  readonly header: RecordingHeader;
  readonly calls: AsyncIterable<RecordedCall>;
  close(): void;
}

/** @throws {Error} it is no recording */
export async function openRecording(file: string): Promise<Recording> {
  const source = createReadStream(file);
  const unpacked = createGunzip();
  // The error of either stream reaches who reads the lines.
  pipeline(source, unpacked, () => {});
  const lines = createInterface({ input: unpacked });
  const reader = lines[Symbol.asyncIterator]();
  const close = () => {
    lines.close();
    source.destroy();
  };
  try {
    const first = await reader.next();
    const header = first.done === true ? undefined : headerOf(first.value);
    if (header === undefined) throw new Error(`its first line is not a header of ${FORMAT}`);
    return { header, calls: callsOf(reader, file), close };
  } catch (error) {
    close();
    throw new Error(`${file} is not a recording of flashsale record: ${(error as Error).message}`);
  }
}

async function* callsOf(
  reader: ReturnType<Interface[typeof Symbol.asyncIterator]>,
  file: string,
): AsyncGenerator<RecordedCall> {
  for (let number = 2; ; number += 1) {
    const line = await reader.next().catch((error: Error) => {
      throw new Error(`${file} cannot be read to its end: ${error.message}`);
    });
    if (line.done === true) return;
    const call = objectOf(line.value);
    if (!isCall(call)) throw new Error(`${file}:${number}: this is not a recorded call`);
    yield call;
  }
}

function objectOf(line: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>;
  } catch {
    // It is none.
  }
  return {};
}

const isNumber = (value: unknown) => typeof value === 'number' && Number.isFinite(value);
const isText = (value: unknown) => typeof value === 'string';
const isNumberIfAny = (value: unknown) => value === undefined || isNumber(value);

function headerOf(line: string): RecordingHeader | undefined {
  const header = objectOf(line) as unknown as Partial<RecordingHeader>;
  const { format, sale, skus, opensAt, outcomes, answers } = header;
  const isOne =
    format === FORMAT &&
    isText(sale) &&
    isName(sale ?? '') &&
    isText(opensAt) &&
    Array.isArray(skus) &&
    skus.length <= SKUS_MAX &&
    skus.every((sku) => isText(sku) && isName(sku)) &&
    [header.fromMs, header.toMs, header.calls, header.shoppers].every(isNumber) &&
    typeof outcomes === 'object' &&
    typeof answers === 'object';
  return isOne ? (header as RecordingHeader) : undefined;
}

function isCall(
  value: Readonly<Record<string, unknown>>,
): value is RecordedCall & Record<string, unknown> {
  const { at, ms, who, from, call, verdict, sku, quantity, request, order, wait } = value;
  return (
    [at, ms].every(isNumber) &&
    [who, from, verdict].every(isText) &&
    [sku, quantity, request, order, wait].every(isNumberIfAny) &&
    Object.hasOwn(CALLS, String(call))
  );
}
