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

/**
 * One value that operators write and processes follow. The last valid value stays in force, even
 * across a restart of this process: the keeper's edit error below /errors stores it.
 */
export class Setting<T> {
  readonly path: string;
  /** Resolves when the value in force, or its absence, is known. */
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
    this.#observation = options.session.watch(options.path, (observed) => {
      this.#take(observed);
      if (this.#isKnown) return this.#onChange();
      const needsEditError = this.#lastGood.text === undefined && !(this.#isOptional && !observed);
      if (needsEditError) this.#readEditError(options);
      else this.#setKnown();
    });
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
    return this.#lastGood.problem;
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

  #readEditError({ session, errorPath, lastText }: LastValid): void {
    this.#editError ??= session.watch(errorPath, async (error) => {
      let text = error && inForceOf(error.text);
      if (text === undefined && !this.#isKnown) text = await lastText?.(this.path);
      if (text !== undefined && this.#lastGood.text === undefined) {
        this.#lastGood.restore(text);
        // Checked again: now that a value is in force, deleting the node counts as a refused edit.
        this.#take(this.observed);
        if (this.#isKnown) this.#onChange();
      }
      this.#setKnown();
    });
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
