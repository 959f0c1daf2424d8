import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isRunning } from './processes.ts';
import { readState, removeState, type StackState, whoStarts, writeState } from './state.ts';
import { endRecords, type ProcessRecord } from './supervisor.ts';

/**
 * Temporary folders of test runs. Those of processes have a state that names them and who started
 * them: what a run that was killed hard has left is ended and removed by the next one.
 */

const PREFIX = 'flashsale-test-';
/** Folders in which nothing runs. */
export const SCRATCH_PREFIX = 'flashsale-scratch-';
/** A folder without a state this old belongs to a run that died. */
const ABANDONED_AFTER_MS = 60 * 60_000;

export class TestFolder {
  readonly path: string;
  readonly #state: StackState;

  constructor() {
    this.path = mkdtempSync(join(tmpdir(), PREFIX));
    // PostgreSQL runs as another user, who must be able to walk to its data.
    chmodSync(this.path, 0o711);
    this.#state = {
      version: 1,
      ...whoStarts(),
      phase: 'running',
      startedAt: new Date().toISOString(),
      processes: [],
      sources: {},
      zkRoot: '/flashsale',
      monitors: {},
    };
    this.note([]);
  }

  /** Writes down what runs there now. */
  note(processes: readonly ProcessRecord[]): void {
    // When the folder is gone, the end of the last process is nobody's news.
    if (existsSync(this.path)) writeState(this.path, { ...this.#state, processes });
  }

  remove(): void {
    removeState(this.path);
    rmSync(this.path, { recursive: true, force: true });
  }
}

/** Ends and removes what test processes that are gone have left. */
export async function sweepTestFolders(): Promise<void> {
  const folders = readdirSync(tmpdir())
    .filter((name) => name.startsWith(PREFIX) || name.startsWith(SCRATCH_PREFIX))
    .map((name) => join(tmpdir(), name));
  for (const folder of folders) {
    try {
      // What stands in a scratch folder may be a test's: only its age counts.
      const state = folder.includes(SCRATCH_PREFIX) ? undefined : readState(folder);
      const old = Date.now() - statSync(folder).mtimeMs > ABANDONED_AFTER_MS;
      if (state === undefined ? !old : isRunning(state.starter)) continue;
      await endRecords(state?.processes ?? []);
      rmSync(folder, { recursive: true, force: true });
    } catch {
      // Another user's, or being removed by its own run: not ours to clear.
    }
  }
}
