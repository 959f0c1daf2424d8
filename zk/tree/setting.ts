import type { Observation } from '../client/observe.ts';
import type { Observed } from '../client/result.ts';
import type { ZkSession } from '../client/session.ts';
import { inForceOf, LastGood, type Parser } from './values.ts';

/** Where the last valid value is found. */
interface LastValid {
  readonly session: ZkSession;
  readonly errorPath: string;
  readonly lastText?: ((path: string) => Promise<string | undefined>) | undefined;
}

/** Operators may take this right from a process by `setAcl`. The keeper writes it as an edit error. */
export const UNREADABLE = {
  refused: null,
  reason: 'the keeper has no right to read this node (getAcl shows who has)',
};

/**
 * One value that operators write and processes follow. The last valid value stays in force, even
 * across a restart of this process: the keeper's edit error below /errors stores it.
 */
export class Setting<T> {
  readonly path: string;
  /** Resolves when the value in force, or its absence, is known, or when there is no right to read the node. */
  readonly known: Promise<void>;
  /**
   * Version of the node whose value is in force; undefined while none of the texts read from the
   * node was valid.
   */
  version: number | undefined;
  /** The current content of the node; undefined when the node does not exist. */
  observed: Observed | undefined;
  #lastGood: LastGood<T>;
  #observation: Observation;
  #editError: Observation | undefined;
  #isEditErrorRead = false;
  #children: Observation | undefined;
  #onChange: () => void;
  #isOptional: boolean;
  #resolve: () => void = () => {};
  #isKnown = false;

  constructor(options: {
    session: ZkSession;
    path: string;
    /** Path of the keeper's edit error for this value. */
    errorPath: string;
    parser: Parser<T>;
    /** Deleting an optional value removes it; deleting another one changes nothing. */
    isOptional: boolean;
    /**
     * Notices children of the node at once, and not only at the next read of the value. Needed
     * where problems are reported.
     */
    seesChildren?: boolean;
    /** The last valid text if neither the node nor an edit error has one. */
    lastText?: ((path: string) => Promise<string | undefined>) | undefined;
    onChange: () => void;
  }) {
    this.path = options.path;
    this.#lastGood = new LastGood(options.parser);
    this.#isOptional = options.isOptional;
    this.#onChange = options.onChange;
    this.known = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    const goOn = () => this.#goOn(options);
    const take = (observed: Observed | undefined) => {
      this.#take(observed);
      goOn();
    };
    this.#observation = options.session.watch(options.path, take, goOn);
    if (options.seesChildren) {
      this.#children = options.session.watchChildren(options.path, () => this.#observation.read());
    }
  }

  /** Whether the value in force, or its absence, is known. */
  get isKnown(): boolean {
    return this.#isKnown;
  }

  /** The value in force; undefined when there is none. */
  get value(): T | undefined {
    return this.#lastGood.value;
  }

  /** The text of the value in force. */
  get text(): string | undefined {
    return this.#lastGood.text;
  }

  /** Why the current content of the node has no effect; undefined when it is in force. */
  get problem(): LastGood<T>['problem'] {
    return this.isUnreadable ? UNREADABLE : this.#lastGood.problem;
  }

  /** There is no right to read the node. What was in force before stays in force, if it is known. */
  get isUnreadable(): boolean {
    return this.#observation.isRefused;
  }

  #take(observed: Observed | undefined): void {
    this.observed = observed;
    if (observed === undefined && this.#isOptional) {
      this.#lastGood.clear();
      this.version = undefined;
      return;
    }
    this.#lastGood.offer(observed);
    if (observed && !this.#lastGood.problem) this.version = observed.stat.version;
  }

  /** After each answer about the node or its edit error. */
  #goOn(options: LastValid): void {
    if (this.#isKnown) {
      this.#onChange();
      return;
    }
    const isNone = this.#isOptional && !this.observed && !this.isUnreadable;
    const isMissing = this.#lastGood.text === undefined && !isNone;
    if (isMissing && !this.#isEditErrorRead) this.#readEditError(options);
    else if (isMissing && this.isUnreadable) this.#giveUp();
    else this.#setKnown();
  }

  #readEditError(options: LastValid): void {
    const { session, errorPath, lastText } = options;
    const take = async (error: Observed | undefined) => {
      let text = error && inForceOf(error.text);
      if (text === undefined && !this.#isKnown) text = await lastText?.(this.path);
      this.#isEditErrorRead = true;
      if (text !== undefined && this.#lastGood.text === undefined) {
        this.#lastGood.restore(text);
        // Checked again: now that a value is in force, deleting the node counts as a refused edit.
        if (!this.isUnreadable) this.#take(this.observed);
      }
      this.#goOn(options);
      if (this.#lastGood.text !== undefined) this.#editError?.close();
    };
    this.#editError ??= session.watch(errorPath, take, () => void take(undefined));
  }

  /** Nobody waits for a node that may not be read. Its value is known when the right to read it is back. */
  #giveUp(): void {
    this.#resolve();
    this.#onChange();
  }

  #setKnown(): void {
    // A process that starts before the leading keeper has written the edit error goes on to wait for it.
    if (this.#lastGood.text !== undefined) this.#editError?.close();
    if (this.#isKnown) return;
    this.#isKnown = true;
    this.#resolve();
    this.#onChange();
  }

  close(): void {
    this.#observation.close();
    this.#children?.close();
    this.#editError?.close();
    this.#resolve();
  }
}
