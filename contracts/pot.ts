import { createHash } from 'node:crypto';
import { fromUnits, toUnits } from './money.ts';

/**
 * A pot of money that is divided into packets (docs/decisions/0071). Everything here is pure: what is random
 * comes from the caller. Amounts are decimal strings with the digits of their currency.
 */

/** A packet is a row of the database, and a line of the list that is published. */
export const PACKETS_MAX = 100_000;

/** `random`: by the double-mean rule. `equal`: the same for all. A list: these amounts. */
export type Division = 'random' | 'equal' | readonly string[];

export interface Pot {
  /** All that is given away. */
  readonly amount: string;
  readonly packets: number;
  readonly division: Division;
}

/** A random integer from 0 to `below` - 1, each with the same chance. */
export type RandomBelow = (below: number) => number;

/** Why a pot cannot be divided, and which of its values is wrong. */
export interface PotProblem {
  readonly key: 'amount' | 'packets' | 'division';
  readonly message: string;
}

/** The first problem of a pot; undefined if it can be divided. @param digits those of its currency */
export function potProblem(pot: Pot, digits: number): PotProblem | undefined {
  const { amount, packets, division } = pot;
  const least = fromUnits(1n, digits);
  const total = unitsOf(amount, digits);
  const no = (key: PotProblem['key'], message: string) => ({ key, message });
  if (total === undefined) return no('amount', `${amount} has too many decimal places`);
  if (packets > PACKETS_MAX) return no('packets', `expected at most ${PACKETS_MAX} packets`);
  if (total < BigInt(packets)) {
    return no('amount', `${amount} is too little: each of ${packets} packets has ${least} or more`);
  }
  if (typeof division === 'string') return undefined;
  if (division.length !== packets) {
    return no(
      'division',
      `${division.length} amounts are listed, but there are ${packets} packets`,
    );
  }
  let sum = 0n;
  for (const one of division) {
    const units = unitsOf(one, digits);
    if (units === undefined || units < 1n) {
      return no(
        'division',
        `${one} is no amount of ${least} or more with ${digits} decimal places`,
      );
    }
    sum += units;
  }
  if (sum === total) return undefined;
  return no('division', `the listed amounts add up to ${fromUnits(sum, digits)}, not to ${amount}`);
}

function unitsOf(amount: string, digits: number): bigint | undefined {
  try {
    return toUnits(amount, digits);
  } catch {
    return undefined;
  }
}

/**
 * Divides a pot, in a random order. The amounts add up to the pot exactly, and each is at least the smallest
 * unit of the currency.
 *
 * @throws {RangeError} it has a problem (`potProblem`)
 */
export function divide(pot: Pot, digits: number, random: RandomBelow): string[] {
  const problem = potProblem(pot, digits);
  if (problem !== undefined) throw new RangeError(problem.message);
  const amounts = shares(pot, digits, random);
  shuffle(amounts, random);
  return amounts.map((units) => fromUnits(units, digits));
}

function shares({ amount, packets, division }: Pot, digits: number, random: RandomBelow): bigint[] {
  const total = toUnits(amount, digits);
  if (division === 'random') return doubleMean(total, packets, random);
  if (division === 'equal') {
    const [each, rest] = [total / BigInt(packets), total % BigInt(packets)];
    return Array.from({ length: packets }, (_, at) => (BigInt(at) < rest ? each + 1n : each));
  }
  return division.map((one) => toUnits(one, digits));
}

/**
 * The double-mean rule, by which red packets are usually divided: each packet in turn has an amount that is
 * uniform on (0, 2 · mean of what remains), so that all have the same expected value. In whole units that is
 * 1 to the largest integer below 2 · mean. It always leaves one unit or more for each packet that follows.
 */
function doubleMean(total: bigint, packets: number, random: RandomBelow): bigint[] {
  const amounts: bigint[] = [];
  let left = total;
  for (let remaining = BigInt(packets); remaining > 1n; remaining -= 1n) {
    const most = (2n * left - 1n) / remaining;
    const amount = 1n + BigInt(random(Number(most)));
    amounts.push(amount);
    left -= amount;
  }
  amounts.push(left);
  return amounts;
}

/** The shuffle of Fisher and Yates: each order has the same chance. */
function shuffle(amounts: bigint[], random: RandomBelow): void {
  for (let last = amounts.length - 1; last > 0; last -= 1) {
    const other = random(last + 1);
    const moved = amounts[last] as bigint;
    amounts[last] = amounts[other] as bigint;
    amounts[other] = moved;
  }
}

/**
 * The text whose SHA-256 is published: the salt in hexadecimal digits, then the amounts by position, each on a line
 * that ends with a newline. `sha256sum` of it is the check.
 */
export function potText(salt: string, amounts: readonly string[]): string {
  return [salt, ...amounts, ''].join('\n');
}

/** 64 hexadecimal digits: shown before the opening, so that the division cannot change after it. */
export function potHash(salt: string, amounts: readonly string[]): string {
  return createHash('sha256').update(potText(salt, amounts)).digest('hex');
}
