import { GOODS } from './goods.ts';
import { MONEY } from './money.ts';
import type { Mutant } from './mutant.ts';
import { ORDERS } from './orders.ts';
import { PROCESSES } from './processes.ts';
import { SUPPORT } from './support.ts';
import { TWO_SERVERS } from './two-servers.ts';
import { WAITING } from './waiting.ts';
import { WAITLIST } from './waitlist.ts';

/**
 * Planted bugs, at least one for each promise: the file, the edit, and the tests that must fail.
 */
export const MUTANTS: readonly Mutant[] = [
  ...ORDERS,
  ...GOODS,
  ...WAITLIST,
  ...MONEY,
  ...SUPPORT,
  ...TWO_SERVERS,
  ...PROCESSES,
  ...WAITING,
];
