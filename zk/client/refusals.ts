import type { SessionOptions } from './session-options.ts';

/** A refusal of the same node is logged so often. */
const LOG_INTERVAL_MS = 60_000;
/** Nodes that are remembered for that. Names of web nodes are new again and again. */
const LOGGED_MAX = 1_000;

/** What ZooKeeper refuses a process for want of rights. */
export class Refusals {
  readonly #log: SessionOptions['log'];
  #hasWritten = false;
  /** The node that was refused last, if that means that the credentials are wrong. */
  #forbidden: string | undefined;
  /** By path, when a refusal was logged. */
  readonly #loggedAtMs = new Map<string, number>();

  constructor(log: SessionOptions['log']) {
    this.#log = log;
  }

  /** The rights that ZooKeeper last refused, in words; empty after the next successful write. */
  get missingRights(): readonly string[] {
    const path = this.#forbidden;
    return path === undefined ? [] : [`rights on ${path} (ZK_AUTH)`];
  }

  /** A write has succeeded. */
  written(): void {
    this.#forbidden = undefined;
    this.#hasWritten = true;
  }

  refused(path: string, isWrite: boolean): void {
    // A process that has written has the right credentials: somebody has taken its right to read this one node.
    if (isWrite || !this.#hasWritten) this.#forbidden = path;
    const nowMs = performance.now();
    const loggedAtMs = this.#loggedAtMs.get(path) ?? Number.NEGATIVE_INFINITY;
    if (nowMs < loggedAtMs + LOG_INTERVAL_MS) return;
    if (this.#loggedAtMs.size >= LOGGED_MAX) this.#loggedAtMs.clear();
    this.#loggedAtMs.set(path, nowMs);
    const message = 'ZooKeeper refuses this process: ZK_AUTH is missing or has no right there';
    this.#log?.warn({ path }, message);
  }
}
