import { createHash } from 'node:crypto';
import { InvalidArgumentError } from 'commander';
import { lotteryRank } from '../../contracts/lottery.ts';
import { runningStack } from '../stack/running.ts';
import type { AddCommand } from './command.ts';

interface Options {
  readonly secret?: string;
  readonly hash?: string;
  readonly shop?: string;
  readonly json?: boolean;
}

interface Facts {
  readonly secretSha256: string | undefined;
  readonly secret: string | undefined;
}

function hex(text: string): string {
  if (!/^[0-9a-f]{64}$/i.test(text)) throw new InvalidArgumentError('64 hexadecimal digits');
  return text.toLowerCase();
}

async function factsOf(shop: string, sale: string): Promise<Facts> {
  const response = await fetch(new URL(`/api/v1/sales/${encodeURIComponent(sale)}`, shop));
  if (!response.ok) throw new Error(`${shop} does not know the sale ${sale} (${response.status})`);
  const { lottery } = (await response.json()) as { lottery?: Partial<Facts> };
  return { secretSha256: lottery?.secretSha256, secret: lottery?.secret };
}

/** `flashsale lottery verify`: recomputes users' ranks and checks the secret against its promised hash. */
export const addLottery: AddCommand = (program, { environment }) => {
  const lottery = program.command('lottery').description('check the lottery of a sale');
  lottery
    .command('verify <sale> <user...>')
    .description('recompute ranks with the secret, which is public when the sale has closed')
    .option('--secret <hex>', 'the secret; without it, the shop is asked', hex)
    .option('--hash <hex>', 'the hash as it was shown before the sale', hex)
    .option('--shop <url>', 'the shop to ask; by default the local one')
    .option('--json', 'print one JSON object')
    .action(async (sale: string, users: string[], options: Options) => {
      const isComplete = options.secret !== undefined && options.hash !== undefined;
      const shop = () => options.shop ?? runningStack(environment)['SHOP_URL'] ?? '';
      const known = isComplete ? undefined : await factsOf(shop(), sale);
      const secret = options.secret ?? known?.secret;
      const secretSha256 = options.hash ?? known?.secretSha256;
      if (secret === undefined) {
        throw new Error(`the secret of ${sale} is public only when the sale has closed`);
      }
      const bytes = Buffer.from(secret, 'hex');
      const isPromised = createHash('sha256').update(bytes).digest('hex') === secretSha256;
      const ranks = users.map((user) => ({ user, rank: lotteryRank(bytes, user) }));
      if (options.json) console.log(JSON.stringify({ sale, secretSha256, isPromised, ranks }));
      else {
        for (const { user, rank } of ranks) console.log(`${rank.toFixed(12)}  ${user}`);
        console.log(isPromised ? 'The secret has the promised hash.' : '');
      }
      if (!isPromised) throw new Error(`the secret does not have the hash ${secretSha256}`);
    });
};
