// @ts-check
/** Pictures of the shop, with their texts for shoppers who do not see them. */

import { setAttribute } from './dom.js';
import { textIn } from './language.js';
import { atRoot } from './root.js';

/** @typedef {{ url: string, alt: Readonly<Record<string, string>> }} Picture */

/**
 * Addresses of pictures that did not come. The policy of the page refuses those of origins that the
 * shop does not name.
 * @type {Set<string>}
 */
const failed = new Set();

/** @param {Picture | undefined} picture */
export function canShow(picture) {
  return picture !== undefined && !failed.has(picture.url);
}

/** @param {Picture} picture */
function addressOf({ url }) {
  return url.startsWith('/') ? atRoot(url) : url;
}

/**
 * Shows a picture, or another one while there is none and if it does not come.
 * @param {Element} image
 * @param {Picture | undefined} picture
 * @param {string | undefined} first the first language of the sale
 * @param {string} otherwise the address of a picture of the page, which needs no text
 */
export function showPicture(image, picture, first, otherwise) {
  if (!(image instanceof HTMLImageElement)) throw new Error('the page has no picture there');
  const shown = picture !== undefined && canShow(picture) ? picture : undefined;
  const { text, language } = textIn(shown?.alt, first, '');
  setAttribute(image, 'alt', text);
  setAttribute(image, 'lang', text === '' ? null : (language ?? null));
  image.onerror = () => {
    if (shown === undefined) return;
    failed.add(shown.url);
    showPicture(image, undefined, first, otherwise);
  };
  setAttribute(image, 'src', shown === undefined ? otherwise : addressOf(shown));
}
