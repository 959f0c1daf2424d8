import { copyFileSync, readdirSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';

/** A log file larger than this becomes `<name>.log.1`, which replaces the one before. */
const LOG_BYTES_MAX = 20 * 2 ** 20;

/**
 * Copies and empties logs that have grown too large. They are opened for appending, so the process
 * that writes one goes on at its new end; lines written between copy and cut are lost.
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
