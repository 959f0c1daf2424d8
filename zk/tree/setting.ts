import type { Observation } from '../client/observe.ts';
import type { Observed } from '../client/result.ts';
import type { ZkSession } from '../client/session.ts';
import { inForceOf, LastGood, type Parser } from './values.ts';

/**
 * One value that an operator writes, followed by every process that obeys it: the last good value
 * stays in force, also across a restart of this process (the keeper's note below /errors has it).
 */
export class Setting<T> {
  readonly path: string;
  /** Resolves when the value in force is known, or known to be none. */
  readonly known: Promise<void>;
  /** Version of the node whose value is in force; undefined while the node's own text is refused. */
  version: number | undefined;
  /** What stands in the node now; undefined when there is none. */
  observed: Observed | undefined;
  #lastGood: LastGood<T>;
  #observation: Observation;
  #note: Observation | undefined;
  #children: Observation | undefined;
  #onChange: () => void;
  #isOptional: boolean;
  #resolve: () => void = () => {};
  #isKnown = false;

  constructor(options: {
    session: ZkSession;
    path: string;
    /** Where the keeper says why an edit was refused. */
    errorPath: string;
    parser: Parser<T>;
    /** Deleting an optional value is an edit; deleting another one changes nothing. */
    isOptional: boolean;
    /** Looks for children at once, and not only when the value is read again: for who explains them. */
    seesChildren?: boolean;
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
      const needsNote = this.#lastGood.text === undefined && !(this.#isOptional && !observed);
      if (needsNote) this.#askNote(options.session, options.errorPath);
      else this.#settle();
    });
    if (options.seesChildren) {
      this.#children = options.session.watchChildren(options.path, () => this.#observation.read());
    }
  }

  /** Whether the value in force is known, or known to be none. */
  get isKnown(): boolean {
    return this.#isKnown;
  }

  /** The value in force; undefined when there never was a good one. */
  get value(): T | undefined {
    return this.#lastGood.value;
  }

  /** The text of the value in force. */
  get text(): string | undefined {
    return this.#lastGood.text;
  }

  /** Why what stands in the node now has no effect. */
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

  #askNote(session: ZkSession, errorPath: string): void {
    this.#note ??= session.watch(errorPath, (note) => {
      const text = note && inForceOf(note.text);
      if (text !== undefined && !this.#isKnown) {
        this.#lastGood.restore(text);
        // Judged again: a deleted node is a refused edit now that a value is in force.
        this.#take(this.observed);
      }
      this.#settle();
    });
  }

  #settle(): void {
    this.#note?.close();
    if (this.#isKnown) return;
    this.#isKnown = true;
    this.#resolve();
    this.#onChange();
  }

  close(): void {
    this.#observation.close();
    this.#children?.close();
    this.#note?.close();
    this.#resolve();
  }
}
