import type { Check, Finding, Outcome } from './check.ts';
import { hider } from './hide.ts';
import { addressesOf } from './sources/addresses.ts';
import { NotKnown, within } from './sources/not-known.ts';
import { type DoctorOptions, Sources } from './sources/sources.ts';

/** Makes all checks at once, and says go or no-go. */

/** A check may ask several sources, one after the other. */
const CHECK_TIMEOUT_FACTOR = 2;
const CHECKS_AT_ONCE_MAX = 12;

export interface Result {
  readonly check: string;
  readonly outcome: Outcome;
  readonly findings: readonly Finding[];
}

export interface Diagnosis {
  /** `no-go`: a check says no, or is not known and was not named as one to do without. */
  readonly verdict: 'go' | 'no-go';
  readonly results: readonly Result[];
  readonly no: readonly string[];
  readonly notKnown: readonly string[];
  /** Not known, and done without. */
  readonly without: readonly string[];
}

type Environment = Readonly<Record<string, string | undefined>>;

function worstOf(findings: readonly Finding[]): Outcome {
  const has = (outcome: Outcome) => findings.some((finding) => finding.outcome === outcome);
  return has('no') ? 'no' : has('not known') || findings.length === 0 ? 'not known' : 'ok';
}

async function make(
  check: Check,
  sources: Sources,
  hide: (text: string) => string,
): Promise<Result> {
  const timeoutMs = sources.options.timeoutMs * CHECK_TIMEOUT_FACTOR;
  const look = async (): Promise<readonly Finding[]> => {
    try {
      return await within(timeoutMs, check.look(sources));
    } catch (error) {
      const { message } = error as Error;
      const command = error instanceof NotKnown ? error.command : 'flashsale doctor, once more';
      return [{ outcome: 'not known', reason: message.split('\n')[0] ?? '', command }];
    }
  };
  const findings = (await look()).map(({ outcome, reason, command }) => ({
    ...{ outcome, reason: hide(reason), command: hide(command) },
  }));
  return { check: check.name, outcome: worstOf(findings), findings };
}

/**
 * Never rejects because of a source that is away: what it would tell is not known.
 *
 * @param without checks that may be not known
 * @throws {ConfigError} if a variable is malformed
 */
export async function diagnose(
  checks: readonly Check[],
  environment: Environment,
  options: DoctorOptions,
  without: readonly string[] = [],
): Promise<Diagnosis> {
  const addresses = addressesOf(environment);
  const sources = new Sources(addresses, options);
  const hide = hider(addresses.secrets);
  const results = new Map<Check, Result>();
  const waiting = checks.values();
  const next = async (): Promise<void> => {
    for (const check of waiting) results.set(check, await make(check, sources, hide));
  };
  try {
    await Promise.all(Array.from({ length: CHECKS_AT_ONCE_MAX }, next));
  } finally {
    await sources.close();
  }
  const inOrder = checks.flatMap((check) => results.get(check) ?? []);
  const named = (outcome: Outcome) =>
    inOrder.filter((result) => result.outcome === outcome).map(({ check }) => check);
  const no = named('no');
  const unknown = named('not known');
  const notKnown = unknown.filter((check) => !without.includes(check));
  return {
    verdict: no.length + notKnown.length === 0 ? 'go' : 'no-go',
    results: inOrder,
    no,
    notKnown,
    without: unknown.filter((check) => without.includes(check)),
  };
}

/** 0: go. 1: a check says no. 2: none says no, and something is not known. */
export function exitCodeOf({ no, notKnown }: Diagnosis): 0 | 1 | 2 {
  return no.length > 0 ? 1 : notKnown.length > 0 ? 2 : 0;
}
