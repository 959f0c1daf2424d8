import { fromUnits, stripeDigits, toUnits } from '../contracts/money.ts';

/** Amounts as Stripe counts them: integers of the smallest unit that it knows. */

/** @throws {RangeError} the currency has no such fraction at Stripe: 9.90 yen */
export function toMinorUnits(amount: string, currency: string): number {
  const units = Number(toUnits(amount, stripeDigits(currency)));
  if (!Number.isSafeInteger(units)) throw new RangeError(`${amount} ${currency} cannot be paid`);
  return units;
}

/** Decimal string. */
export function fromMinorUnits(units: number, currency: string): string {
  return fromUnits(BigInt(units), stripeDigits(currency));
}
