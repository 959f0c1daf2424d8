import { SCHEMAS, type Schema } from './names.ts';

/** The shapes of the numbers and ids that callers send back: one parser for each. */

/** Digits, without a zero in front: a number of the database that JSON numbers cannot hold. */
const NUMBER = '[1-9][0-9]{0,17}';
const HEX = (digits: number, letters: string) => `[0-9${letters}]{${digits}}`;
const uuid = (letters: string) => [8, 4, 4, 4, 12].map((digits) => HEX(digits, letters)).join('-');

export const ORDER_NO_PATTERN = `^${NUMBER}$`;
/** As a caller may write it; it is read in lower case. */
export const REQUEST_ID_FORM = uuid('a-fA-F');

const ORDER_NO = new RegExp(ORDER_NO_PATTERN);
const REQUEST_ID = new RegExp(`^${uuid('a-f')}$`);
const EVENT_ID = new RegExp(`^(${SCHEMAS.join('|')})\\.(${NUMBER})\\.(${NUMBER})$`);

export function isOrderNo(value: string): boolean {
  return ORDER_NO.test(value);
}

/** Lower-case hyphenated form only, so that one request has one spelling. */
export function isRequestId(value: unknown): value is string {
  return typeof value === 'string' && REQUEST_ID.test(value);
}

/** The id of an order event, as its readers see it. */
export function eventId(schema: Schema, eventNo: string, orderNo: string): string {
  return `${schema}.${eventNo}.${orderNo}`;
}

/** @returns undefined if it is not the id of an event */
export function parseEventId(
  text: string,
): { readonly schema: Schema; readonly eventNo: string; readonly orderNo: string } | undefined {
  const [, name, eventNo, orderNo] = EVENT_ID.exec(text) ?? [];
  const schema = SCHEMAS.find((one) => one === name);
  if (schema === undefined || eventNo === undefined || orderNo === undefined) return undefined;
  return { schema, eventNo, orderNo };
}
