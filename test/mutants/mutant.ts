export interface Mutant {
  readonly name: string;
  /** The promise that the bug breaks. */
  readonly promise: string;
  readonly file: string;
  /** Each text must be in the file. Every occurrence is replaced. */
  readonly edits: readonly (readonly [from: string | RegExp, to: string])[];
  /** Paths of test files or folders. */
  readonly tests: readonly string[];
}

/** Makes a function for mutants that share a file and tests. Each mutant may name others. */
export const planted =
  (ownTests: readonly string[], ownFile: string) =>
  (
    promise: string,
    name: string,
    edits: Mutant['edits'],
    tests = ownTests,
    file = ownFile,
  ): Mutant => ({ promise, name, file, edits, tests });
