import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { open, rename, rm } from 'node:fs/promises';
import { type Command, Option } from 'commander';
import {
  EXPORT_FORMATS,
  type ExportFormat,
  type ExportResult,
  exportSale,
} from '../sale/export.ts';
import type { CommandContext } from './command.ts';
import { withReadSessions } from './databases.ts';

/** `flashsale sale export`: the orders, payments and refunds of a sale as a file. */

interface Options {
  readonly format: ExportFormat;
  readonly out?: string;
  readonly json?: boolean;
}

type Write = (bytes: Buffer) => Promise<void>;

/** Waits until the reader has taken enough, so that a slow reader does not fill the memory. */
async function toStdout(bytes: Buffer): Promise<void> {
  if (!process.stdout.write(bytes)) await once(process.stdout, 'drain');
}

/**
 * Writes a file under another name until it is complete, so that part of an export is never taken for one. Each call has a
 * name of its own, because two may write to the same file.
 */
export async function toFile<T>(path: string, work: (write: Write) => Promise<T>): Promise<T> {
  const part = `${path}.${randomUUID()}.part`;
  const file = await open(part, 'wx', 0o600);
  try {
    const result = await work(async (bytes) => {
      await file.writeFile(bytes);
    });
    await file.sync();
    await file.close();
    await rename(part, path);
    return result;
  } catch (error) {
    await file.close().catch(() => {});
    await rm(part, { force: true });
    throw error;
  }
}

function told({ rows, orders, payments, refunds, bytes, sha256 }: ExportResult): string {
  const what = `${orders} orders, ${payments} payments, ${refunds} refunds`;
  return `${rows} rows (${what}), ${bytes} bytes\nSHA-256 ${sha256}`;
}

export function addExport(sale: Command, context: CommandContext): void {
  sale
    .command('export')
    .description('write the orders, payments and refunds of a sale, and their hash')
    .argument('<sale>')
    .addOption(
      new Option('--format <format>', 'how records are written')
        .choices([...EXPORT_FORMATS])
        .default('csv'),
    )
    .option('--out <file>', 'the file to write; without it, the records go to stdout')
    .option('--json', 'print rows and hash as JSON; to stderr if the records go to stdout')
    .action(async (name: string, { format, out, json }: Options) => {
      const result = await withReadSessions(context, 'ops', (primaries, standbys) => {
        const work = (write: Write) => exportSale({ primaries, standbys }, name, format, write);
        return out === undefined ? work(toStdout) : toFile(out, work);
      });
      const print = out === undefined ? console.error : console.log;
      print(json ? JSON.stringify(result) : told(result));
    });
}
