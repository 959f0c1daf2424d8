import { fromUnits, stripeDigits, toUnits } from '../contracts/money.ts';

/** Conversion of amounts to Stripe's integers, in the smallest unit of a currency at Stripe. */

/** @throws {RangeError} Stripe's smallest unit cannot express the amount, such as 9.90 yen */
export function toMinorUnits(amount: string, currency: string): number {
  const units = Number(toUnits(amount, stripeDigits(currency)));
  if (!Number.isSafeInteger(units)) throw new RangeError(`${amount} ${currency} cannot be paid`);
  return units;
}

/** Decimal string. */
export function fromMinorUnits(units: number, currency: string): string {
  return fromUnits(BigInt(units), stripeDigits(currency));
}
