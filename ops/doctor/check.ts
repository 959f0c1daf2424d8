import type { Sources } from './sources/sources.ts';

/** What a check of the doctor is, and what it finds. */

/** `not known`: nobody could be asked, or nobody who may answer. It is never `ok`. */
export type Outcome = 'ok' | 'no' | 'not known';

export interface Finding {
  readonly outcome: Outcome;
  /** One sentence for people, without a secret. */
  readonly reason: string;
  /** What shows or mends it. */
  readonly command: string;
}

export interface Check {
  /** One word, for `--without`. */
  readonly name: string;
  /** What it looks at, for the help. */
  readonly about: string;
  /** Changes nothing. Rejects with NotKnown if a source cannot be asked. */
  look(sources: Sources): Promise<readonly Finding[]>;
}

export const ok = (reason: string, command: string): Finding => ({
  outcome: 'ok',
  reason,
  command,
});
export const no = (reason: string, command: string): Finding => ({
  outcome: 'no',
  reason,
  command,
});
export const notKnown = (reason: string, command: string): Finding => ({
  outcome: 'not known',
  reason,
  command,
});

/** The problems; or, if there is none, that all is well. */
export function unless(problems: readonly Finding[], well: Finding): readonly Finding[] {
  return problems.length > 0 ? problems : [well];
}

/** Names, of which a reason shows the first few. */
const NAMED_MAX = 5;

export function few(names: readonly string[]): string {
  const shown = names.slice(0, NAMED_MAX).join(', ');
  return names.length > NAMED_MAX ? `${shown} and ${names.length - NAMED_MAX} more` : shown;
}

export function count(many: number, what: string, several = `${what}s`): string {
  return `${many} ${many === 1 ? what : several}`;
}
