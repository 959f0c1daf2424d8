import { parseShare as parseShareText, SHARE_FORM } from '../../contracts/shares.ts';
import type { Observed } from '../client/result.ts';

/**
 * What operators may write. Parsing is strict: what is not exactly a value is refused with a reason
 * in words, and the last good value stays in force.
 */

/** The largest quota and pin: a 32-bit signed integer, as the database counts units. */
const UNITS_MAX = 2_147_483_647;

/** Longer texts are refused unread. */
const TEXT_LENGTH_MAX = 64;

export type Parsed<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly reason: string };

export type Parser<T> = (text: string) => Parsed<T>;

const SKU_STATES = ['open', 'paused', 'closed'] as const;
export type SkuState = (typeof SKU_STATES)[number];

const SHED_WAYS = ['random', 'lottery'] as const;
export type ShedWay = (typeof SHED_WAYS)[number];

function refuse(reason: string): { ok: false; reason: string } {
  return { ok: false, reason };
}

/** `echo 500 | zkCli.sh` and editors leave a newline: blanks around a value are not an error. */
function trimmed(text: string): Parsed<string> {
  const value = text.trim();
  if (value === '') return refuse('it is empty');
  if (value.length > TEXT_LENGTH_MAX) {
    return refuse(`it has ${value.length} characters, at most ${TEXT_LENGTH_MAX} are read`);
  }
  return { ok: true, value };
}

/** Units: a decimal integer from 0 to 2147483647, nothing else (no sign, exponent, separator). */
export const parseUnits: Parser<number> = (text) => {
  const value = trimmed(text);
  if (!value.ok) return value;
  if (/^-\d+$/.test(value.value)) return refuse('units cannot be negative');
  if (!/^\d+$/.test(value.value)) {
    return refuse('it is not a decimal integer (digits only, such as 500)');
  }
  const units = Number(value.value);
  if (units > UNITS_MAX) return refuse(`it is larger than ${UNITS_MAX}`);
  return { ok: true, value: units };
};

const NOT_A_SHARE = `it is not ${SHARE_FORM}`;

/** A share, spelled as everywhere. */
export const parseShare: Parser<number> = (text) => {
  const value = trimmed(text);
  if (!value.ok) return value;
  const share = parseShareText(value.value);
  return share === undefined ? refuse(NOT_A_SHARE) : { ok: true, value: share };
};

/** What `keep` may say: a share, or `auto`, and the leading keeper finds the share. */
export type Keep = number | 'auto';

export const parseKeep: Parser<Keep> = (text) => {
  if (text.trim() === 'auto') return { ok: true, value: 'auto' };
  const share = parseShare(text);
  // The other reasons say what is wrong whatever stands there: empty, too long.
  return share.ok || share.reason !== NOT_A_SHARE
    ? share
    : refuse(`${NOT_A_SHARE} or the word auto`);
};

/** The least that `keep = auto` keeps. Never 0: as long as somebody asks, somebody is let through. */
export const SHARE_MIN = 0.001;

/** Where `keep = auto` begins: nothing kept would be nothing learned. */
export const parseStart: Parser<number> = (text) => {
  const share = parseShare(text);
  return share.ok && share.value < SHARE_MIN ? refuse(`it is below ${SHARE_MIN}`) : share;
};

/** Kept demand ÷ units left: below 1 units would be left over. */
export const parseFactor: Parser<number> = (text) => {
  const value = trimmed(text);
  if (!value.ok) return value;
  const factor = /^\d+(\.\d+)?$/.test(value.value) ? Number(value.value) : Number.NaN;
  return factor >= 1 && factor <= 1_000
    ? { ok: true, value: factor }
    : refuse('it is not a decimal from 1 to 1000 (such as 2.5)');
};

export const parseWaitMs: Parser<number> = (text) => {
  const units = parseUnits(text);
  if (!units.ok) return units;
  return units.value >= 100 && units.value <= 600_000
    ? units
    : refuse('milliseconds are from 100 to 600000');
};

function oneOf<T extends string>(choices: readonly T[]): Parser<T> {
  return (text) => {
    const value = trimmed(text);
    if (!value.ok) return value;
    const choice = choices.find((candidate) => candidate === value.value);
    return choice === undefined
      ? refuse(`it is none of ${choices.join(', ')}`)
      : { ok: true, value: choice };
  };
}

export const parseState: Parser<SkuState> = oneOf(SKU_STATES);
export const parseShed: Parser<ShedWay> = oneOf(SHED_WAYS);

const CHALLENGE_MODES = ['off', 'risk', 'on'] as const;
const CHALLENGE_FACTOR_MAX = 64;

/** Whether a ticket is only for those who solve a challenge, and how much work that is. */
export interface ChallengeSwitch {
  /** `risk`: only who looks like a program is asked. */
  readonly mode: (typeof CHALLENGE_MODES)[number];
  /** Times the usual work, 1 to 64. */
  readonly factor: number;
}

/** `off`, `risk` or `on`, and how many times the usual work: `on 4`, or `on,4` where zkCli.sh would
 *  take the second word for a version. */
export const parseChallenge: Parser<ChallengeSwitch> = (text) => {
  const value = trimmed(text);
  if (!value.ok) return value;
  const [word, times = '1', ...rest] = value.value.split(/[ \t]*,[ \t]*|[ \t]+/);
  const mode = CHALLENGE_MODES.find((one) => one === word);
  if (mode === undefined || rest.length > 0) {
    return refuse(`it is none of ${CHALLENGE_MODES.join(', ')} (or with a factor: on,4)`);
  }
  const factor = Number(times);
  if (!/^\d{1,2}$/.test(times) || factor < 1 || factor > CHALLENGE_FACTOR_MAX) {
    return refuse(`the factor is an integer from 1 to ${CHALLENGE_FACTOR_MAX}`);
  }
  return { ok: true, value: { mode, factor } };
};

/** Why an operator's edit has no effect, as it stands below /errors. */
export interface Refusal {
  /** The refused text, cut short; null when the node was deleted. */
  readonly refused: string | null;
  readonly reason: string;
  /** The value that stays in force, as text; null when there never was one. */
  readonly inForce: string | null;
  /** ISO 8601. */
  readonly at: string;
}

/** The value in force according to an error node, for a process that starts while garbage stands. */
export function inForceOf(errorText: string): string | undefined {
  try {
    const refusal = JSON.parse(errorText) as Partial<Refusal> | null;
    return typeof refusal?.inForce === 'string' ? refusal.inForce : undefined;
  } catch {
    return undefined;
  }
}

/** A value with its last good text, for one operator's node. */
export class LastGood<T> {
  #parser: Parser<T>;
  #value: T | undefined;
  #text: string | undefined;
  /** Why what stands in the node now is refused; undefined when it is in force. */
  problem: { readonly refused: string | null; readonly reason: string } | undefined;

  constructor(parser: Parser<T>) {
    this.#parser = parser;
  }

  /** Undefined until a good value was seen. */
  get value(): T | undefined {
    return this.#value;
  }

  /** The text of the value in force. */
  get text(): string | undefined {
    return this.#text;
  }

  /** Takes what stands in the node now (undefined: nothing) and keeps the last good value. */
  offer(observed: Observed | undefined): void {
    if (observed === undefined) {
      // A node that never had a value is not an edit; one that had is not undone by deleting it.
      const reason = 'the node was deleted; write a value to change it';
      this.problem = this.#text === undefined ? undefined : { refused: null, reason };
      return;
    }
    const refused = observed.text.slice(0, TEXT_LENGTH_MAX);
    const parsed = this.#parser(observed.text);
    if (!parsed.ok) {
      this.problem = { refused, reason: parsed.reason };
    } else if (observed.stat.children > 0) {
      this.problem = { refused, reason: 'the node has children; none belong there' };
    } else {
      this.problem = undefined;
      this.#value = parsed.value;
      this.#text = observed.text.trim();
    }
  }

  /** What was in force before this process started; a value seen since wins. */
  restore(text: string): void {
    const parsed = this.#parser(text);
    if (this.#text !== undefined || !parsed.ok) return;
    this.#value = parsed.value;
    this.#text = text;
  }

  /** For optional nodes: deleting them is an edit. */
  clear(): void {
    this.#value = undefined;
    this.#text = undefined;
    this.problem = undefined;
  }
}
