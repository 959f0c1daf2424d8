import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Root of the project. */
export const PROJECT_ROOT = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');

/** Moves the local stack's data out of the project, for a second stack of one clone. */
const FOLDER_VARIABLE = 'FLASHSALE_FOLDER';

/** Where the local stack keeps its settings, state, data and logs. */
export function stackFolder(environment: Readonly<Record<string, string | undefined>>): string {
  return resolve(PROJECT_ROOT, environment[FOLDER_VARIABLE] || '.flashsale');
}
