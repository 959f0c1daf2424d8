// @ts-check
/**
 * Where the shop begins: at the root of its address, or at the path that the document names. The preview
 * of the console serves this page below such a path.
 */

/** @param {string} path such as `/images/tv.svg` */
export function atRoot(path) {
  return (document.documentElement.dataset['root'] ?? '') + path;
}

/** Whether this is the preview of the console: it has nobody to ask about shoppers. */
export function isPreview() {
  return document.documentElement.dataset['root'] !== undefined;
}
