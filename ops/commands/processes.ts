import { stackFolder } from '../stack/folder.ts';
import { holderOf, readState } from '../stack/state.ts';
import type { AddCommand } from './command.ts';
import { table } from './table.ts';

/** `flashsale processes`: lists the processes of the local stack, so that one can be killed or frozen on purpose. */
export const addProcesses: AddCommand = (program, { environment }) => {
  program
    .command('processes')
    .description('list the processes of the running local stack with their ids')
    .option('--json', 'print them as one JSON array')
    .action(({ json }: { json?: boolean }) => {
      const state = readState(stackFolder(environment));
      if (state === undefined || holderOf(state) === 'nobody') {
        throw new Error('no local stack is running here; start one with: npm start');
      }
      const rows = state.processes.map(({ name, pid }) => ({ name, pid }));
      console.log(json ? JSON.stringify(rows) : table(rows));
    });
};
