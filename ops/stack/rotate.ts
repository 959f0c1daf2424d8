import { copyFileSync, readdirSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';

/** A log file larger than this is copied to `<name>.log.1`, which replaces the previous copy. */
const LOG_BYTES_MAX = 20 * 2 ** 20;

/**
 * Copies and truncates log files that are too large. They are open for appending, so the writing
 * process continues at the new end. Lines written between copying and truncating are lost.
 */
export function rotateLogs(folder: string, bytesMax = LOG_BYTES_MAX): void {
  let names: string[];
  try {
    names = readdirSync(folder).filter((name) => name.endsWith('.log'));
  } catch {
    return; // Nothing was logged yet.
  }
  for (const path of names.map((name) => join(folder, name))) {
    if (statSync(path).size <= bytesMax) continue;
    copyFileSync(path, `${path}.1`);
    truncateSync(path);
  }
}
