// @ts-check
/** localStorage. If it is blocked or full, values are kept in memory until the page is left. */

/** @type {Map<string, string>} */
const fallback = new Map();

/** @param {string} key */
export function recall(key) {
  try {
    return localStorage.getItem(key) ?? fallback.get(key) ?? null;
  } catch {
    return fallback.get(key) ?? null;
  }
}

/**
 * @param {string} key
 * @param {string} value
 */
export function remember(key, value) {
  try {
    localStorage.setItem(key, value);
    fallback.delete(key);
  } catch {
    fallback.set(key, value);
  }
}

/** @param {string} key */
export function forget(key) {
  fallback.delete(key);
  try {
    localStorage.removeItem(key);
  } catch {
    // blocked storage has nothing to remove
  }
}
