import { parseShare as parseShareText, SHARE_FORM } from '../../contracts/shares.ts';
import type { Observed } from '../client/result.ts';

/**
 * The values that operators may write. Parsing is strict: any other text is refused with a reason,
 * and the last valid value stays in force.
 */

/** The largest quota and pin: a 32-bit signed integer, like the unit counts of the database. */
const UNITS_MAX = 2_147_483_647;

/** Longer texts are refused without parsing. */
const TEXT_LENGTH_MAX = 64;

export type Parsed<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly reason: string };

export type Parser<T> = (text: string) => Parsed<T>;

const SKU_STATES = ['open', 'paused', 'closed'] as const;
export type SkuState = (typeof SKU_STATES)[number];

const WAITLIST_STATES = ['on', 'off'] as const;
export type WaitlistState = (typeof WAITLIST_STATES)[number];

const SHED_WAYS = ['random', 'lottery'] as const;
export type ShedWay = (typeof SHED_WAYS)[number];

function refuse(reason: string): { ok: false; reason: string } {
  return { ok: false, reason };
}

/** `echo 500 | zkCli.sh` and editors add a newline, so white space around a value is allowed. */
function trimmed(text: string): Parsed<string> {
  const value = text.trim();
  if (value === '') return refuse('it is empty');
  if (value.length > TEXT_LENGTH_MAX) {
    return refuse(`it has ${value.length} characters, at most ${TEXT_LENGTH_MAX} are read`);
  }
  return { ok: true, value };
}

/** Units: a decimal integer from 0 to 2147483647 without sign, exponent or separator. */
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

/** A share in the common spelling (`contracts/shares.ts`). */
export const parseShare: Parser<number> = (text) => {
  const value = trimmed(text);
  if (!value.ok) return value;
  const share = parseShareText(value.value);
  return share === undefined ? refuse(NOT_A_SHARE) : { ok: true, value: share };
};

/** The value of `keep`: a share, or `auto`, for which the leading keeper computes the share. */
export type Keep = number | 'auto';

export const parseKeep: Parser<Keep> = (text) => {
  if (text.trim() === 'auto') return { ok: true, value: 'auto' };
  const share = parseShare(text);
  // The other reasons (empty, too long) fit any text.
  return share.ok || share.reason !== NOT_A_SHARE
    ? share
    : refuse(`${NOT_A_SHARE} or the word auto`);
};

/** The lowest share under `keep = auto`. It is never 0, so some requests are always let through. */
export const SHARE_MIN = 0.001;

/** The first share of `keep = auto`. Without any kept request, the keeper could learn nothing. */
export const parseStart: Parser<number> = (text) => {
  const share = parseShare(text);
  return share.ok && share.value < SHARE_MIN ? refuse(`it is below ${SHARE_MIN}`) : share;
};

/** Kept demand divided by units left. Below 1, units would remain unsold. */
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
export const parseWaitlist: Parser<WaitlistState> = oneOf(WAITLIST_STATES);

const CHALLENGE_MODES = ['off', 'risk', 'on'] as const;
const CHALLENGE_FACTOR_MAX = 64;

/** Whether a ticket requires a solved challenge, and how much work the challenge is. */
export interface ChallengeSwitch {
  /** `risk`: only clients that look automated get a challenge. */
  readonly mode: (typeof CHALLENGE_MODES)[number];
  /** Multiple of the usual work, from 1 to 64. */
  readonly factor: number;
}

/**
 * Parses `off`, `risk` or `on` with an optional multiple of the usual work: `on 4`, or `on,4` for
 * zkCli.sh, which would take a second word for a version.
 */
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

/** An edit error: why an operator's edit has no effect, as stored below /errors. */
export interface Refusal {
  /** The refused text, truncated; null when the node was deleted. */
  readonly refused: string | null;
  readonly reason: string;
  /** The text of the value that stays in force; null when there never was one. */
  readonly inForce: string | null;
  /** ISO 8601. */
  readonly at: string;
}

/**
 * Returns the value in force that an edit error stores, for a process that starts while the node
 * holds an invalid text.
 */
export function inForceOf(errorText: string): string | undefined {
  try {
    const refusal = JSON.parse(errorText) as Partial<Refusal> | null;
    return typeof refusal?.inForce === 'string' ? refusal.inForce : undefined;
  } catch {
    return undefined;
  }
}

/** The last valid value and text of one operator's node. */
export class LastGood<T> {
  #parser: Parser<T>;
  #value: T | undefined;
  #text: string | undefined;
  /** Why the current content of the node is refused; undefined when it is in force. */
  problem: { readonly refused: string | null; readonly reason: string } | undefined;

  constructor(parser: Parser<T>) {
    this.#parser = parser;
  }

  /** The value in force; undefined until a valid value was read. */
  get value(): T | undefined {
    return this.#value;
  }

  /** The text of the value in force. */
  get text(): string | undefined {
    return this.#text;
  }

  /**
   * Takes the current content of the node, undefined when the node does not exist. Keeps the last
   * valid value.
   */
  offer(observed: Observed | undefined): void {
    if (observed === undefined) {
      // Without a value in force, a missing node is no edit. With one, deleting the node is a
      // refused edit.
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

  /**
   * Restores the value that was in force before this process started, unless a valid value has been
   * read since.
   */
  restore(text: string): void {
    const parsed = this.#parser(text);
    if (this.#text !== undefined || !parsed.ok) return;
    this.#value = parsed.value;
    this.#text = text;
  }

  /** Removes the value. Used for optional nodes, whose deletion is a valid edit. */
  clear(): void {
    this.#value = undefined;
    this.#text = undefined;
    this.problem = undefined;
  }
}
