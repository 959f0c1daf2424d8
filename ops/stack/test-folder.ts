import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isRunning } from './processes.ts';
import { readState, removeState, type StackState, whoStarts, writeState } from './state.ts';
import { endRecords, type ProcessRecord } from './supervisor.ts';

/**
 * Temporary folders of test runs. A folder with processes has a state that names them and their
 * starter, so that the next run can end and remove what a killed run has left.
 */

const PREFIX = 'flashsale-test-';
/** Folders in which nothing runs. */
export const SCRATCH_PREFIX = 'flashsale-scratch-';
/** A folder of this age without a state belongs to a run that was killed. */
const ABANDONED_AFTER_MS = 60 * 60_000;

export class TestFolder {
  readonly path: string;
  readonly #state: StackState;

  constructor() {
    this.path = mkdtempSync(join(tmpdir(), PREFIX));
    // PostgreSQL runs as another user, who needs access to the path of its data.
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

  /** Stores the running processes in the state. */
  note(processes: readonly ProcessRecord[]): void {
    // The last process may end after the folder was removed; then nothing is stored.
    if (existsSync(this.path)) writeState(this.path, { ...this.#state, processes });
  }

  remove(): void {
    removeState(this.path);
    rmSync(this.path, { recursive: true, force: true });
  }
}

/** Ends processes and removes folders that earlier test runs have left. */
export async function sweepTestFolders(): Promise<void> {
  const folders = readdirSync(tmpdir())
    .filter((name) => name.startsWith(PREFIX) || name.startsWith(SCRATCH_PREFIX))
    .map((name) => join(tmpdir(), name));
  for (const folder of folders) {
    try {
      // Files in a scratch folder belong to a test, so only the folder's age counts.
      const state = folder.includes(SCRATCH_PREFIX) ? undefined : readState(folder);
      const old = Date.now() - statSync(folder).mtimeMs > ABANDONED_AFTER_MS;
      if (state === undefined ? !old : isRunning(state.starter)) continue;
      await endRecords(state?.processes ?? []);
      rmSync(folder, { recursive: true, force: true });
    } catch {
      // The folder belongs to another user, or its own run is removing it.
    }
  }
}
