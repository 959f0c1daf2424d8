export interface Mutant {
  readonly name: string;
  /** Which promise it breaks. */
  readonly promise: string;
  readonly file: string;
  /** Each text must be in the file; all places where it stands are replaced. */
  readonly edits: readonly (readonly [from: string | RegExp, to: string])[];
  /** Paths of test files or folders. */
  readonly tests: readonly string[];
}

/** How mutants are written that have a file and tests in common; each may name others. */
export const planted =
  (ownTests: readonly string[], ownFile: string) =>
  (
    promise: string,
    name: string,
    edits: Mutant['edits'],
    tests = ownTests,
    file = ownFile,
  ): Mutant => ({ promise, name, file, edits, tests });
