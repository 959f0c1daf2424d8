import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { isName, REQUEST_UNITS_MAX } from '../../../contracts/names.ts';
import { CALLS, type CallName } from '../client/calls.ts';
import type { Counts } from '../report/report.ts';
import { linesOf } from './lines.ts';

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

/** Neither an answer nor a stream of the shop lasts so long. */
export const CALL_MS_MAX = 7_200_000;
/** Of a long poll. */
export const WAIT_SECONDS_MAX = 300;
const SKUS_MAX = 1_000;
/** The header with all SKUs and answers is much shorter. */
const LINE_LENGTH_MAX = 1_048_576;

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
  const reader = linesOf(unpacked, LINE_LENGTH_MAX);
  const close = () => {
    source.destroy();
    unpacked.destroy();
  };
  try {
    const first = await reader.next();
    const header = first.done === true ? undefined : headerOf(first.value);
    if (header === undefined) throw new Error(`its first line is not a header of ${FORMAT}`);
    return { header, calls: callsOf(reader, header, file), close };
  } catch (error) {
    close();
    throw new Error(`${file} is not a recording of flashsale record: ${(error as Error).message}`);
  }
}

/** Reads it to its end. @throws {Error} it is not whole */
export async function checkRecording(file: string): Promise<void> {
  const { calls, close } = await openRecording(file);
  try {
    const reader = calls[Symbol.asyncIterator]();
    while (!(await reader.next()).done);
  } finally {
    close();
  }
}

async function* callsOf(
  reader: AsyncGenerator<string>,
  header: RecordingHeader,
  file: string,
): AsyncGenerator<RecordedCall> {
  let count = 0;
  let last = header.fromMs;
  for (;;) {
    const line = await reader.next().catch((error: Error) => {
      throw new Error(`${file} cannot be read to its end: ${error.message}`);
    });
    if (line.done === true) break;
    const call = objectOf(line.value);
    const isNext = isCall(call) && call.at >= last && call.at <= header.toMs;
    if (!isNext || count === header.calls) {
      throw new Error(`${file}:${count + 2}: this is not a recorded call, or not at its place`);
    }
    count += 1;
    last = call.at;
    yield call;
  }
  // The header is a gzip file of its own, so gzip does not tell that all calls are missing.
  if (count < header.calls) {
    throw new Error(`${file} is not whole: it has ${count} of ${header.calls} calls`);
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
const isObject = (value: unknown) => typeof value === 'object' && value !== null;
const isText = (value: unknown) => typeof value === 'string';
/** The names in a recording are printed, and kept for each shopper. */
const isWord = (value: unknown) => isText(value) && /^[\w-]{1,64}$/.test(String(value));
const isCounts = (value: unknown) =>
  isObject(value) &&
  Object.entries(value as object).every(([name, count]) => isWord(name) && isCount(count));
const isCount = (value: unknown) => Number.isSafeInteger(value) && Number(value) >= 0;
const isUpTo = (value: unknown, max: number) =>
  isNumber(value) && Number(value) >= 0 && Number(value) <= max;

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
    [header.fromMs, header.toMs].every(isNumber) &&
    Number(header.fromMs) <= Number(header.toMs) &&
    [header.calls, header.shoppers].every(isCount) &&
    isCounts(outcomes) &&
    isObject(answers) &&
    Object.entries(answers ?? {}).every(([call, counts]) => isWord(call) && isCounts(counts));
  return isOne ? (header as RecordingHeader) : undefined;
}

function isCall(
  value: Readonly<Record<string, unknown>>,
): value is RecordedCall & Record<string, unknown> {
  const { at, ms, who, from, call, verdict, sku, quantity, request, order, wait } = value;
  return (
    isNumber(at) &&
    isUpTo(ms, CALL_MS_MAX) &&
    isUpTo(wait ?? 0, WAIT_SECONDS_MAX) &&
    isUpTo(quantity ?? 0, REQUEST_UNITS_MAX) &&
    [who, from, verdict].every(isWord) &&
    [sku ?? 0, request ?? 0, order ?? 0].every(isCount) &&
    Object.hasOwn(CALLS, String(call))
  );
}
