// @ts-check
/** The colours and the logo of a sale that has its own. */

import { find, imageUrl, setAttribute, setShown } from './dom.js';
import { language } from './language.js';
import { canShow, showPicture } from './picture.js';

const COLOR = /^#[0-9a-f]{6}$/i;
/** As bright as a colour on which black and white are equally legible. */
const MIDDLE = 0.179;
const BOLT = imageUrl('bolt');

/**
 * @typedef {object} Brand
 * @property {readonly string[]} [languages]
 * @property {Readonly<Partial<Record<'accent' | 'background' | 'text', string>>>} [colors]
 * @property {import('./picture.js').Picture} [logo]
 */

/**
 * The relative luminance of WCAG 2.
 * @param {string} color as #rrggbb
 */
function luminanceOf(color) {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
    const part = Number.parseInt(color.slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

/**
 * Whether white is more legible than black on a colour.
 * @param {string} color as #rrggbb
 */
function isDark(color) {
  return luminanceOf(color) < MIDDLE;
}

/**
 * The custom properties that css/brand.css uses. `scheme` says whose colours the page has: those of the
 * shop with another accent, or those of a light or a dark sale.
 * @param {Brand['colors']} colors
 */
export function paintOf({ accent = '', background = '', text = '' } = {}) {
  if (!COLOR.test(accent)) return null;
  const [ink, away] = isDark(accent) ? ['#ffffff', '#000000'] : ['#000000', '#ffffff'];
  const fill = { '--own-accent': accent, '--on-own-accent': ink, '--away-from-ink': away };
  if (!COLOR.test(background) || !COLOR.test(text)) return { scheme: 'shop', properties: fill };
  return {
    scheme: isDark(background) ? 'dark' : 'light',
    properties: { ...fill, '--own-background': background, '--own-text': text },
  };
}

/** @param {Brand['colors']} colors */
function showColors(colors) {
  const { documentElement } = document;
  const paint = paintOf(colors);
  for (const [name, color] of Object.entries(paint?.properties ?? {})) {
    documentElement.style.setProperty(name, color);
  }
  setAttribute(documentElement, 'data-colors', paint?.scheme ?? null);
}

/** @type {{ brand?: Brand | undefined, language?: string, hasLogo?: boolean }} */
let shown = {};

/** @param {Brand | undefined} brand */
export function showBrand(brand) {
  const hasLogo = canShow(brand?.logo);
  // Called ten times a second.
  if (shown.brand === brand && shown.language === language && shown.hasLogo === hasLogo) return;
  shown = { brand, language, hasLogo };
  showColors(brand?.colors);
  const mark = find('.mark');
  setAttribute(mark, 'data-logo', hasLogo ? '' : null);
  showPicture(find('img', mark), brand?.logo, brand?.languages?.[0], BOLT);
  setShown(find('span', mark), !hasLogo);
}
