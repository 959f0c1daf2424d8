import { HOME_PATTERN, type Home, isHome } from './homes.ts';

/** Parsers for the numbers and ids that callers send back. Each has exactly one. */

/**
 * Digits without a leading zero. These are 64-bit numbers, which JSON numbers cannot hold exactly.
 */
const NUMBER = '[1-9][0-9]{0,17}';
const HEX = (digits: number, letters: string) => `[0-9${letters}]{${digits}}`;
const uuid = (letters: string) => [8, 4, 4, 4, 12].map((digits) => HEX(digits, letters)).join('-');

export const ORDER_NO_PATTERN = `^${NUMBER}$`;
/** The form that callers may send: upper and lower case. It is converted to lower case. */
export const REQUEST_ID_FORM = uuid('a-fA-F');

const ORDER_NO = new RegExp(ORDER_NO_PATTERN);
const REQUEST_ID = new RegExp(`^${uuid('a-f')}$`);
const EVENT_ID = new RegExp(`^(${HOME_PATTERN})\\.(${NUMBER})\\.(${NUMBER})$`);

export function isOrderNo(value: string): boolean {
  return ORDER_NO.test(value);
}

/** Accepts only the lower-case hyphenated form, so that a request id has exactly one spelling. */
export function isRequestId(value: unknown): value is string {
  return typeof value === 'string' && REQUEST_ID.test(value);
}

/** The public id of an order event. */
export function eventId(home: Home, eventNo: string, orderNo: string): string {
  return `${home}.${eventNo}.${orderNo}`;
}

/** @returns undefined when `text` is not an event id */
export function parseEventId(
  text: string,
): { readonly schema: Home; readonly eventNo: string; readonly orderNo: string } | undefined {
  const [, schema, eventNo, orderNo] = EVENT_ID.exec(text) ?? [];
  if (schema === undefined || !isHome(schema) || eventNo === undefined || orderNo === undefined)
    return undefined;
  return { schema, eventNo, orderNo };
}
