import { runningStack } from '../stack/running.ts';
import type { AddCommand } from './command.ts';

/** `flashsale env`: the URLs of the running local stack, for `eval "$(npx flashsale env)"` and scripts. */
export const addEnv: AddCommand = (program, { environment }) => {
  program
    .command('env')
    .description('print the URLs of the running local stack as KEY=value lines')
    .option('--json', 'print them as one JSON object')
    .action(({ json }: { json?: boolean }) => {
      const variables = runningStack(environment);
      if (json) return console.log(JSON.stringify(variables));
      for (const [name, value] of Object.entries(variables)) console.log(`${name}=${value}`);
    });
};
