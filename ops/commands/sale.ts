import type { AddCommand } from './command.ts';
import { addCallOff } from './sale-call-off.ts';
import { addExport } from './sale-export.ts';

/** `flashsale sale …`: the life of a sale. Each command is a file of its own. */
export const addSale: AddCommand = (program, context) => {
  const sale = program.command('sale').description('run a sale');
  addCallOff(sale, context);
  addExport(sale, context);
};
