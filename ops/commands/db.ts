import type { Home } from '../../contracts/homes.ts';
import { auditHomes, moveSku } from '../../db/calls.ts';
import { DatabaseError } from '../../db/client/errors.ts';
import { LOCK_TIMEOUT_SQLSTATE } from '../../db/client/homes.ts';
import { setLogins } from '../../db/install/logins.ts';
import { LOGIN_VARIABLES, loginPasswords } from '../logins.ts';
import { dropOldSale } from '../sale/life.ts';
import { HOME_FORM, parseHome, parseSlots, tellMissing } from './arguments.ts';
import type { AddCommand } from './command.ts';
import { eachServer, withDatabases } from './databases.ts';
import { addCanary } from './db-canary.ts';
import { addRoutines } from './db-routines.ts';
import { addVersions } from './db-versions.ts';
import { withSalePlace } from './sale-place.ts';
import { table } from './table.ts';

/** Tells the operator what to do after a lock timeout; other errors are thrown unchanged. */
function explain(error: unknown): never {
  if (!(error instanceof DatabaseError && error.sqlstate === LOCK_TIMEOUT_SQLSTATE)) throw error;
  throw new Error(
    'other transactions held the tables all the time (pg_stat_activity shows them); ' +
      'the rest of the sale is intact: call again',
  );
}

/** `flashsale db …`: the tasks of a DBA that need more than psql. */
export const addDb: AddCommand = (program, context) => {
  const db = program.command('db').description('maintain the database');

  db.command('audit')
    .description('recompute the books of all homes; exit code 1 when a promise is broken')
    .option('--json', 'print the rows as JSON')
    .action(async ({ json }: { json?: boolean }) => {
      const { rows, missing } = await withDatabases(context, 'readonly', auditHomes);
      if (json) console.log(JSON.stringify(rows));
      else
        console.log(
          rows.length === 0
            ? `the books${missing.length > 0 ? ' that answer' : ''} balance`
            : table(rows.map((row) => ({ ...row }))),
        );
      tellMissing(missing);
      if (rows.length > 0) process.exitCode = 1;
    });

  db.command('move-sku')
    .description('move a SKU to another home while it is on sale')
    .argument('<sku>')
    .argument('<home>', HOME_FORM, parseHome)
    .option('--slots <n>', 'number of slots in the new home', parseSlots)
    .option('--json', 'print the result as JSON')
    .action(async (sku: string, home: Home, options: { slots?: number; json?: boolean }) => {
      const move = await withDatabases(context, 'ops', (databases) =>
        moveSku(databases, home, sku, options.slots),
      );
      if (options.json) return console.log(JSON.stringify({ sku, schema: home, ...move }));
      const { movedFrom, units, slots, buyers } = move;
      if (movedFrom === undefined) console.log(`${sku} is in ${home} already, in ${slots} slots`);
      else {
        const what = `${units} free units in ${slots} slots, ${buyers} buyers`;
        console.log(`${sku} moved from ${movedFrom} to ${home}: ${what}`);
      }
    });

  db.command('drop-sale')
    .description('remove an old sale and all its orders, from every server and from ZooKeeper')
    .argument('<sale>')
    .option('--json', 'print the result as JSON')
    .action(async (sale: string, { json }: { json?: boolean }) => {
      await withSalePlace(context, 'ops', (place) => dropOldSale(place, sale)).catch(explain);
      console.log(json ? JSON.stringify({ dropped: sale }) : `${sale} is removed`);
    });

  db.command('logins')
    .description(`let roles log in, with the passwords of ${LOGIN_VARIABLES.join(', ')}`)
    .option('--json', 'print the names of the logins as JSON')
    .action(async ({ json }: { json?: boolean }) => {
      const passwords = loginPasswords(context.environment);
      if (Object.keys(passwords).length === 0) {
        throw new Error(`set at least one of ${LOGIN_VARIABLES.join(', ')}`);
      }
      const names = new Set<string>();
      await eachServer(context, async (url) => {
        for (const name of await setLogins(url, passwords)) names.add(name);
      });
      const logins = [...names];
      console.log(json ? JSON.stringify({ logins }) : `may log in: ${logins.join(', ')}`);
    });

  addRoutines(db, context);
  addVersions(db, context);
  addCanary(db, context);
};
