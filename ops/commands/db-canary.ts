import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { SCHEMAS, type Schema } from '../../contracts/names.ts';
import {
  canaries,
  promoteCanary,
  startCanary,
  stopCanary,
  versionFigures,
} from '../../db/canary.ts';
import type { Session } from '../../db/client/pool.ts';
import { parseSchema, parseSkus, shareArgument } from './arguments.ts';
import type { CommandContext } from './command.ts';
import { withInstallers } from './databases.ts';
import { table } from './table.ts';

/** `flashsale db canary …`: runs a second version of place_orders beside the first. */

interface Options {
  readonly schema: Schema;
  readonly share?: number;
  readonly skus?: readonly string[];
  readonly json?: boolean;
}

export function addCanary(db: Command, context: CommandContext): void {
  const canary = db
    .command('canary')
    .description('run a second version of place_orders beside the first');
  const sub = (name: string, description: string) =>
    canary
      .command(name)
      .description(description)
      .option('--schema <schema>', 'regular or hot', parseSchema, 'hot')
      .option('--json', 'print the result as JSON');
  const tell = ({ json }: Options, facts: object, text: string) =>
    console.log(json ? JSON.stringify(facts) : text);
  const at = (schema: Schema, work: (session: Session) => Promise<void>) =>
    withInstallers(context, [schema], work);

  sub('start', 'let the version in a file take a share of the calls, or the calls of some SKUs')
    .argument('<file>', 'a changed copy of db/procedures/place_orders.sql')
    .option('--share <share>', 'share of the calls, 0 to 1', shareArgument)
    .option('--skus <skus>', 'SKUs whose calls it always takes, separated by commas', parseSkus)
    .action(async (file: string, options: Options) => {
      const { schema, share = 0, skus = [] } = options;
      if (options.share === undefined && options.skus === undefined) {
        throw new Error('say which calls it takes: --share 0.1 or --skus TV,Phone');
      }
      const source = await readFile(file, 'utf8');
      await at(schema, (session) => startCanary(session, { schema, source, share, skus }));
      const takes = [
        `${share * 100} % of the calls`,
        ...(skus.length > 0 ? [skus.join(', ')] : []),
      ];
      const text = `the canary of ${schema}.place_orders takes ${takes.join(' and ')}`;
      tell(options, { schema, share, skus }, text);
    });
  sub('stop', 'end the canary: place_orders decides all calls').action(async (options: Options) => {
    const { schema } = options;
    await at(schema, (session) => stopCanary(session, schema));
    tell(options, { schema, stopped: true }, `the canary of ${schema}.place_orders has ended`);
  });
  sub('promote', 'replace place_orders with the canary').action(async (options: Options) => {
    const { schema } = options;
    await at(schema, (session) => promoteCanary(session, schema));
    const text = `the canary is now ${schema}.place_orders: put its file into db/procedures`;
    tell(options, { schema, promoted: true }, text);
  });
  canary
    .command('status')
    .description('show the running canaries and the figures of each version')
    .option('--json', 'print the result as JSON')
    .action(async ({ json }: { json?: boolean }) => {
      const running: object[] = [];
      const figures: Record<string, unknown>[] = [];
      await withInstallers(context, SCHEMAS, async (session, schemas) => {
        running.push(...(await canaries(session)).filter((one) => schemas.includes(one.schema)));
        for (const schema of SCHEMAS.filter((one) => schemas.includes(one))) {
          figures.push(...(await versionFigures(session, schema)).map((row) => ({ ...row })));
        }
      });
      if (json) return console.log(JSON.stringify({ running, figures }));
      console.log(
        running.length === 0 ? 'no canary runs' : table(running.map((one) => ({ ...one }))),
      );
      if (figures.length > 0) console.log(table(figures));
    });
}
