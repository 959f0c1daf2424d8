import type { Result } from '../../zk/client/result.ts';
import type { ZkSession } from '../../zk/client/session.ts';

/** Writes the report of a web node while it lives. */

const INTERVAL_MS = 100;
/** The report is looked at so often, because somebody may have written or deleted it by hand. */
const CHECK_INTERVAL_MS = 2_000;

export interface ReporterOptions {
  readonly session: ZkSession;
  /** Path of the report. */
  readonly path: string;
  readonly text: () => string;
}

export class Reporter {
  readonly #options: ReporterOptions;
  #isRunning = false;
  #timer: NodeJS.Timeout | undefined;
  #checking: NodeJS.Timeout | undefined;
  #sending: Promise<void> | undefined;
  #isDirty = true;
  #isUrgent = false;
  #sentAt = Number.NEGATIVE_INFINITY;
  /** The transaction that wrote the last report. */
  #modified: bigint | undefined;

  constructor(options: ReporterOptions) {
    this.#options = options;
  }

  /** The node is registered. */
  start(): void {
    this.#isRunning = true;
    this.#checking = setInterval(() => void this.#check(), CHECK_INTERVAL_MS);
    this.changed();
  }

  /** Notes that counters have changed. The report is written within the interval. */
  changed(): void {
    this.#isDirty = true;
    if (this.#timer || this.#sending || !this.#isRunning) return;
    const delayMs = this.#sentAt + INTERVAL_MS - performance.now();
    this.#timer = setTimeout(() => this.now(), Math.max(0, delayMs));
  }

  /**
   * Sends the report at once, or right after the one that is being sent, because the keeper waits
   * for it.
   */
  now(): void {
    this.#isDirty = true;
    if (!this.#isRunning) return;
    if (this.#sending) {
      this.#isUrgent = true;
      return;
    }
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#sending = this.#send();
  }

  async #send(): Promise<void> {
    const { session, path, text } = this.#options;
    this.#isDirty = false;
    this.#isUrgent = false;
    this.#sentAt = performance.now();
    const set = await session.set(path, text(), -1);
    let sent: Result<unknown> = set;
    if (!sent.ok && sent.error === 'no_node') sent = await session.create(path, text());
    this.#sending = undefined;
    if (set.ok) this.#modified = set.value.modified;
    // A node that was created is written once more, so that the transaction of its text is known.
    else this.#isDirty = true;
    if (this.#isUrgent && sent.ok) this.now();
    else if (this.#isDirty) this.changed();
  }

  /** An idle node would not report again by itself, and the keeper grants its units to nobody meanwhile. */
  async #check(): Promise<void> {
    const { session, path } = this.#options;
    const modified = this.#modified;
    if (modified === undefined || this.#sending) return;
    const found = await session.exists(path);
    const isSent = this.#sending !== undefined || this.#modified !== modified;
    if (found.ok && !isSent && found.value?.modified !== modified) this.now();
  }

  /** Resolves when no report is under way any more; another one is not sent. */
  async end(): Promise<void> {
    this.#isRunning = false;
    clearTimeout(this.#timer);
    clearInterval(this.#checking);
    await this.#sending;
  }
}
