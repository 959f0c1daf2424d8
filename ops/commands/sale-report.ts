import { writeFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { collectReport, type SaleReport } from '../sale/report/facts.ts';
import { reportHtml } from '../sale/report/html.ts';
import { undecidedNow, zookeeperFacts } from '../sale/report/sources.ts';
import { withBroker } from './broker.ts';
import type { CommandContext } from './command.ts';
import { withDatabases, withSessions } from './databases.ts';
import { table } from './table.ts';
import { withZookeeper } from './zookeeper.ts';

/** `flashsale sale report`: the proof after a sale. The exit code is 1 if a promise is broken. */

const NO_FILE = 'no file was written: --out FILE writes the report as HTML, --json prints it';

interface Options {
  readonly out?: string;
  readonly json?: boolean;
}

function collect(context: CommandContext, sale: string): Promise<SaleReport> {
  return withZookeeper(context, async (session, paths) => {
    const facts = await zookeeperFacts(session, paths);
    // Without RabbitMQ the report says nothing of what is undecided; the rest is as true.
    const undecided = (skus: readonly string[]) =>
      withBroker(context, (broker) => undecidedNow(session, paths, broker, skus)).catch(
        (error: Error) => {
          console.error(`without the queues: ${error.message}`);
          return undefined;
        },
      );
    return withDatabases(context, 'ops', (databases) =>
      withSessions(context, 'ops', (sessions) =>
        collectReport({ databases, sessions, ...facts, undecided }, sale),
      ),
    );
  });
}

function told(report: SaleReport): string {
  const units = report.skus.map(({ sku, units, sold, held, unsold }) => ({
    ...{ sku, units, sold, held },
    unsold: unsold.units,
  }));
  const { requests, payments, audit, exports } = report;
  return [
    table(units),
    `${requests.decided} requests decided, ${requests.duplicates} ordered twice, ${payments.double} paid twice`,
    audit.length === 0 ? 'the books balance' : `${audit.length} broken promises: see the report`,
    `export: ${exports.csv.rows} rows, SHA-256 of the CSV ${exports.csv.sha256}`,
  ].join('\n');
}

export function addReport(sale: Command, context: CommandContext): void {
  sale
    .command('report')
    .description('prove what happened in a sale, as one HTML file')
    .argument('<sale>')
    .option('--out <file>', 'the HTML file to write')
    .option('--json', 'print all facts as JSON')
    .action(async (name: string, { out, json }: Options) => {
      const report = await collect(context, name);
      if (report.audit.length > 0) process.exitCode = 1;
      if (out !== undefined) await writeFile(out, reportHtml(report));
      if (json) console.log(JSON.stringify(report));
      else console.log(`${told(report)}\n${out === undefined ? NO_FILE : `written to ${out}`}`);
    });
}
