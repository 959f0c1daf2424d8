import { InvalidArgumentError } from 'commander';
import { parseEnvironment } from '../../contracts/config.ts';
import { MOMENT_FORM, parseMoment } from '../../contracts/times.ts';
import { installation, saleBoard } from '../../db/calls.ts';
import { noAnswer } from '../../db/client/errors.ts';
import { exportOrders, inOneMoment } from '../../db/export.ts';
import { salesOfOrders } from '../../db/report.ts';
import { accountSpecs } from '../../payment/config.ts';
import type { StatedPayment } from '../../payment/statement.ts';
import { STRIPE_PREFIX } from '../../payment/stripe-terms.ts';
import { Reconciliation } from '../payments/reconcile.ts';
import { ageOfStatement, readStatement } from '../payments/statement-file.ts';
import type { AddCommand, CommandContext } from './command.ts';
import { withDatabases, withSessions } from './databases.ts';

/** `flashsale payments reconcile`: compares the books with the list of the payment provider. */

interface Options {
  readonly from?: string;
  readonly listedAt?: Date;
  readonly json?: boolean;
}

/** Sessions may have been created a little before the clock of the database says that the sale opens. */
const CLOCK_MARGIN_MS = 3_600_000;

interface Statement {
  readonly stated: readonly StatedPayment[];
  readonly isOurs: (reference: string) => boolean;
  /** When the provider was asked, or when it made its file. */
  readonly listedAt: Date;
}

function parseListedAt(value: string): Date {
  const at = parseMoment(value, Date.now());
  if (at === undefined) throw new InvalidArgumentError(`It is ${MOMENT_FORM}.`);
  return at;
}

/** The provider's list: from a file, or from Stripe. */
async function statementOf(
  { environment }: CommandContext,
  { from: file, listedAt: said }: Options,
  installations: ReadonlySet<string>,
  { opensAt, serverTime }: { readonly opensAt: Date; readonly serverTime: Date },
): Promise<Statement> {
  const isStripe = (reference: string) => reference.startsWith(STRIPE_PREFIX);
  if (file !== undefined) {
    const isOurs = (reference: string) => !isStripe(reference);
    const listedAt = said ?? (await ageOfStatement(file));
    return { stated: await readStatement(file), isOurs, listedAt };
  }
  if (said !== undefined) throw new Error('--listed-at is for a list that is given with --from');
  const { STRIPE_SECRET_KEY: secretKey, STRIPE_API_URL: apiUrl } = parseEnvironment(environment, {
    STRIPE_SECRET_KEY: accountSpecs.STRIPE_SECRET_KEY,
    STRIPE_API_URL: accountSpecs.STRIPE_API_URL,
  });
  if (secretKey === undefined) {
    throw new Error("set STRIPE_SECRET_KEY, or give the provider's list with --from");
  }
  const since = new Date(opensAt.getTime() - CLOCK_MARGIN_MS);
  const { StripeStatement } = await import('../../payment/stripe-statement.ts');
  const stated = await new StripeStatement({ secretKey, apiUrl }).payments(installations, since);
  return { stated, isOurs: isStripe, listedAt: serverTime };
}

function reconcile(
  context: CommandContext,
  sale: string,
  options: Options,
): Promise<Reconciliation> {
  return withDatabases(context, 'ops', async (databases) => {
    const { sales, missing, serverTime } = await saleBoard(databases);
    if (missing.length > 0) throw noAnswer(missing);
    const found = sales.find((one) => one.sale === sale);
    if (found === undefined) throw new Error(`no sale ${sale}`);
    const ids = databases.homes.map((home) => installation(databases, home));
    const installations = new Set(await Promise.all(ids));
    const { opensAt } = found;
    const times = { opensAt, serverTime };
    const { stated, isOurs, listedAt } = await statementOf(context, options, installations, times);
    const result = new Reconciliation(stated, isOurs, listedAt);
    // The books are read after the list, so a payment of the list has had time to arrive.
    await withSessions(context, 'ops', (sessions) =>
      inOneMoment(sessions, async () => {
        for await (const orders of exportOrders(sessions, sale)) {
          for (const order of orders) result.add(order);
        }
      }),
    );
    await result.end(sale, (orderNos) => salesOfOrders(databases, orderNos));
    return result;
  });
}

function told({ differences, compared, notCompared }: Reconciliation): string {
  const lines = differences.map(({ kind, reference, orderNo, here, there, mend }) =>
    [
      `${kind.replaceAll('_', ' ')}: payment ${reference}${orderNo ? ` of order ${orderNo}` : ''}`,
      `  books: ${here}; provider: ${there}`,
      `  ${mend}`,
    ].join('\n'),
  );
  const others =
    notCompared > 0
      ? `; ${notCompared} payments of other providers, or newer than the list, were left out`
      : '';
  const end = differences.length === 0 ? 'nothing differs' : `${differences.length} differences`;
  return [...lines, `${compared} payments of the books compared: ${end}${others}`].join('\n');
}

export const addPayments: AddCommand = (program, context) => {
  const payments = program.command('payments').description('check payments');
  payments
    .command('reconcile')
    .description("compare the books of a sale with the provider's list; exit code 1 if they differ")
    .argument('<sale>')
    .option('--from <file>', "the provider's list as CSV; without it, Stripe is asked")
    .option(
      '--listed-at <time>',
      'when the provider made that list; by default the last change of the file',
      parseListedAt,
    )
    .option('--json', 'print the differences as JSON')
    .action(async (sale: string, { json, ...options }: Options) => {
      const result = await reconcile(context, sale, options);
      const { differences, compared, notCompared } = result;
      if (differences.length > 0) process.exitCode = 1;
      console.log(
        json ? JSON.stringify({ sale, compared, notCompared, differences }) : told(result),
      );
    });
};
