import { createReadStream, createWriteStream, renameSync, rmSync } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip, gzipSync } from 'node:zlib';
import type { Counts } from '../report/report.ts';
import { Anonymous, type AnonymousCall, type SaleOptions } from './anonymous.ts';
import { LINE_LENGTH_MAX } from './call-log.ts';
import { CountedCalls } from './counted.ts';
import { FORMAT, type RecordingHeader } from './format.ts';
import { linesOf } from './lines.ts';
import { Sorter } from './sorter.ts';

/**
 * Reads call logs of the edge and writes a recording:
 *
 *   log ─▶ anonymous ─▶ sorted, on disk ─▶ numbered and counted ─▶ header + calls, gzip
 */

/** Texts of this length are compressed at once. */
const CHUNK_LENGTH = 65_536;

export interface RecordOrder extends SaleOptions {
  /** They are opened and read one after the other. */
  readonly logs: readonly (() => Readable)[];
  readonly out: string;
  /** Ends the reading: what was read is written. */
  readonly stopping: AbortSignal;
}

export interface Recorded {
  readonly header: RecordingHeader;
  /** What was read and is not in the recording. */
  readonly skipped: Counts;
}

/** @throws {Error} no call of the sale is in the logs, or a file cannot be read or written */
export async function record({ logs, out, stopping, ...sale }: RecordOrder): Promise<Recorded> {
  const anonymous = new Anonymous(sale);
  const sorter = new Sorter<AnonymousCall>(`${out}.sorting`);
  const [calls, unfinished] = [`${out}.calls`, `${out}.unfinished`];
  try {
    for (const open of logs) await readLog(open, { anonymous, sorter, stopping });
    const counted = new CountedCalls();
    await writeCalls(recordedLines({ anonymous, sorter, counted }), calls);
    const header: RecordingHeader = {
      ...{ format: FORMAT, sale: sale.sale, opensAt: new Date(sale.opensAtMs).toISOString() },
      ...{ skus: anonymous.skus, ...counted.header },
    };
    const skipped = anonymous.skipped.counts;
    if (header.calls === 0) {
      const why = Object.entries(skipped).map(([what, many]) => `${many} ${what}`);
      throw new Error(
        `there is no call of the sale ${sale.sale}: ${why.join(', ') || 'the log is empty'}`,
      );
    }
    // The header is known last and stands first: two gzip files in a row are one.
    const first = createWriteStream(unfinished, { mode: 0o600 });
    first.write(gzipSync(`${JSON.stringify(header)}\n`));
    await pipeline(createReadStream(calls), first);
    renameSync(unfinished, out);
    return { header, skipped };
  } finally {
    sorter.close();
    for (const file of [calls, unfinished]) rmSync(file, { force: true });
  }
}

async function readLog(
  open: () => Readable,
  given: {
    readonly anonymous: Anonymous;
    readonly sorter: Sorter<AnonymousCall>;
    readonly stopping: AbortSignal;
  },
): Promise<void> {
  const { anonymous, sorter, stopping } = given;
  if (stopping.aborted) return;
  const log = open();
  const stop = () => log.destroy();
  stopping.addEventListener('abort', stop);
  try {
    for await (const line of linesOf(log, LINE_LENGTH_MAX)) {
      const call = anonymous.take(line);
      if (call !== undefined) sorter.add(call);
    }
  } catch (error) {
    if (!stopping.aborted) throw error;
  } finally {
    stopping.removeEventListener('abort', stop);
    log.destroy();
  }
}

function* recordedLines(given: {
  readonly anonymous: Anonymous;
  readonly sorter: Sorter<AnonymousCall>;
  readonly counted: CountedCalls;
}): Generator<string> {
  const { anonymous, sorter, counted } = given;
  for (const call of sorter.inOrder()) {
    const who = anonymous.whoOf(call);
    const recorded = who === undefined ? undefined : counted.take(call, who);
    if (recorded === undefined) anonymous.skipped.add('calls that nothing assigns to this sale');
    else yield JSON.stringify(recorded);
  }
}

async function writeCalls(lines: Iterable<string>, file: string): Promise<void> {
  const chunks = Readable.from(chunksOf(lines));
  await pipeline(chunks, createGzip(), createWriteStream(file, { mode: 0o600 }));
}

function* chunksOf(lines: Iterable<string>): Generator<string> {
  let chunk = '';
  for (const line of lines) {
    chunk += `${line}\n`;
    if (chunk.length < CHUNK_LENGTH) continue;
    yield chunk;
    chunk = '';
  }
  if (chunk !== '') yield chunk;
}
