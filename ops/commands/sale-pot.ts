import type { Command } from 'commander';
import { potHash, potText } from '../../contracts/pot.ts';
import { findSku, openPot } from '../../db/calls.ts';
import type { CommandContext } from './command.ts';
import { withDatabases } from './databases.ts';
import { jsonOption } from './sale-place.ts';

/** `flashsale sale pot`: what the division of a pot was committed to, so that anyone can check it. */

async function pot(context: CommandContext, name: string, options: { json?: boolean }) {
  await withDatabases(context, 'readonly', async (databases) => {
    const found = await findSku(databases, name);
    if (found === undefined) throw new Error(`there is no SKU ${name}: flashsale sale list`);
    if (found.pot === null) throw new Error(`${name} is no pot of money`);
    const { salt, sha256, amounts } = await openPot(databases, found.schema, name);
    const isAsPromised = potHash(salt, amounts) === sha256;
    if (options.json) {
      const { sale, sku, currency } = found;
      const { amount, packets, division } = found.pot;
      const facts = { sale, sku, amount, currency, packets, division };
      console.log(JSON.stringify({ ...facts, sha256, salt, amounts, isAsPromised }));
    } else process.stdout.write(potText(salt, amounts));
    if (!isAsPromised) throw new Error(`the packets do not have the hash ${sha256}`);
  });
}

export function addPot(sale: Command, context: CommandContext): void {
  sale
    .command('pot')
    .description(
      'print the salt and the packets of a pot, once its sale is over; sha256sum of it is the published hash',
    )
    .argument('<sku>')
    .addOption(jsonOption())
    .action((sku: string, options: { json?: boolean }) => pot(context, sku, options));
}
