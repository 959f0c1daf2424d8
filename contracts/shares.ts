/** Shares from 0 to 1, spelled in one way wherever they stand: in ZooKeeper, commands and options. */

const SHARE = /^(?:0(?:\.\d{1,12})?|1(?:\.0{1,12})?)$/;

/** What `parseShare` takes, in words. */
export const SHARE_FORM = 'a decimal from 0 to 1 (such as 0.25)';

/** @returns undefined for everything else, such as .5, 50% and 1e-1 */
export function parseShare(text: string): number | undefined {
  return SHARE.test(text) ? Number(text) : undefined;
}
