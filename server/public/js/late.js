// @ts-check
/** Scripts that a page loads after its beginning. */

import { recall, remember } from './store.js';

/** The script for which the page was loaded anew. */
const RENEWED = 'flashsale.renewed';

/**
 * Loads a script of the page's own version. After an update the shop may no longer have it. Then the page is
 * loaded anew, with all files of the present version; the browser remembers what is under way. That
 * happens once for each script, so that a file that is missing for good does not keep the page loading.
 * @param {string} url
 */
export async function loadLate(url) {
  try {
    return await import(url);
  } catch (error) {
    if ((await isGone(url)) && recall(RENEWED) !== url) {
      remember(RENEWED, url);
      location.reload();
    }
    throw error;
  }
}

/** @param {string} url */
async function isGone(url) {
  const answer = await fetch(url, { method: 'HEAD', cache: 'no-store' }).catch(() => null);
  return answer?.status === 404;
}
