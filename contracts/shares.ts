/** Shares from 0 to 1. ZooKeeper, commands and options all use the same spelling. */

const SHARE = /^(?:0(?:\.\d{1,12})?|1(?:\.0{1,12})?)$/;

/** A description of what `parseShare` accepts, for error messages. */
export const SHARE_FORM = 'a decimal from 0 to 1 (such as 0.25)';

/** @returns undefined for any other spelling, such as .5, 50% and 1e-1 */
export function parseShare(text: string): number | undefined {
  return SHARE.test(text) ? Number(text) : undefined;
}
