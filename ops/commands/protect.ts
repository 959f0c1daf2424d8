import type { Command } from 'commander';
import { ConfigError, parseEnvironment, zookeeperAuth } from '../../contracts/config.ts';
import { applyRights } from '../../keeper/edits/protect.ts';
import { digestOf } from '../../zk/client/protection.ts';
import type { AddCommand, CommandContext } from './command.ts';
import { withZookeeper } from './zookeeper.ts';

/** `flashsale zookeeper …`: the rights of each role on the nodes, where credentials are configured. */

interface Options {
  readonly json?: boolean;
  readonly check?: boolean;
}

async function apply(
  context: CommandContext,
  { json = false, check = false }: Options,
  isLifted: boolean,
): Promise<void> {
  const { seen, changed, left } = await withZookeeper(context, async (session, { root }) => {
    const { protection } = session;
    if (!protection) throw new ConfigError('ZK_AUTH and ZK_ACL must be set');
    return applyRights(session, root, protection, { isDry: check, isLifted });
  });
  if (check && changed.length + left.length > 0) process.exitCode = 1;
  if (json) return console.log(JSON.stringify({ seen, changed, left }));
  const verb = check ? 'would change' : 'changed';
  console.log(`${verb} the rights of ${changed.length} of ${seen} nodes`);
  if (check) for (const path of changed) console.log(`  ${path}`);
  for (const path of left) {
    console.log(`${path} stays open: its web node runs without ZK_AUTH; restart it`);
  }
}

function addProtect(zookeeper: Command, context: CommandContext): void {
  const command = (name: string, description: string) =>
    zookeeper.command(name).description(description).option('--json', 'print the result as JSON');
  command('protect', 'give every node of the tree the rights of its role')
    .option('--check', 'only list the differences; exit code 1 if there are any')
    .action((options: Options) => apply(context, options, false));
  command('unprotect', 'remove the rights: everybody may read and change every node again').action(
    (options: Options) => apply(context, options, true),
  );
}

export const addZookeeper: AddCommand = (program, context) => {
  const zookeeper = program
    .command('zookeeper')
    .description('set the rights of each role in ZooKeeper');
  zookeeper
    .command('digest')
    .description('print the user:digest of the credential in ZK_AUTH, for ZK_ACL and setAcl')
    .option('--json', 'print the result as JSON')
    .action(({ json }: Options) => {
      const { ZK_AUTH } = parseEnvironment(context.environment, { ZK_AUTH: zookeeperAuth() });
      const digest = digestOf(ZK_AUTH);
      console.log(json ? JSON.stringify({ digest }) : digest);
    });
  addProtect(zookeeper, context);
};
