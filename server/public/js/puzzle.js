// @ts-check
/**
 * Solves the shop's challenges (proofs of work) with the ALTCHA widget, which shows the progress. Its
 * files are loaded only when the shop requires a challenge, and all of them from this address.
 */

import { language, texts } from './language.js';
import { loadLate } from './late.js';

/** @param {string} name */
const at = (name) => new URL(`../altcha/${name}`, import.meta.url).href;
const WIDGET = at('altcha.js');
const STYLES = at('altcha.css');
const WORKER = at('pbkdf2.js');
const ALGORITHM = 'PBKDF2/SHA-256';
/** The shop's challenges are valid for two minutes. */
const SOLVE_TIMEOUT_MS = 110_000;
/** More workers would slow down the rest of the device. */
const WORKERS_MAX = 8;

/**
 * @typedef {HTMLElement & {
 *   configure(options: object): Promise<void>,
 *   verify(options?: object): Promise<{ payload: string } | null>,
 * }} Widget
 * @typedef {{ algorithms: Map<string, () => Worker>,
 *   i18n: { get(language: string): object, set(language: string, texts: object): void } }} Altcha
 */

/** @type {Promise<void> | null} */
let loading = null;

async function load() {
  const styles = document.createElement('link');
  styles.rel = 'stylesheet';
  styles.href = STYLES;
  document.head.append(styles);
  await loadLate(WIDGET);
  altcha().algorithms.set(ALGORITHM, () => new Worker(WORKER));
}

function altcha() {
  return /** @type {Altcha} */ (Reflect.get(globalThis, '$altcha'));
}

/** The widget takes the texts of the language that the document has; their tags are in lower case. */
function setWidgetTexts() {
  const { i18n } = altcha();
  i18n.set(language.toLowerCase(), { ...i18n.get('en'), ...texts.puzzle });
}

/**
 * @param {HTMLElement} place where the widget is shown while it runs
 * @param {unknown} challenge
 * @param {AbortSignal} signal
 * @returns {Promise<string | null>} the solution; null when this browser cannot solve it
 */
export async function solvePuzzle(place, challenge, signal) {
  try {
    loading ??= load();
    await loading;
  } catch {
    // The next press tries to load the widget again.
    loading = null;
    return null;
  }
  const widget = /** @type {Widget} */ (document.createElement('altcha-widget'));
  const controller = new AbortController();
  const stop = () => controller.abort();
  signal.addEventListener('abort', stop);
  try {
    const ready = new Promise((resolve) => widget.addEventListener('load', resolve));
    setWidgetTexts();
    place.replaceChildren(widget);
    place.hidden = false;
    await ready;
    await widget.configure({
      challenge,
      hideLogo: true,
      hideFooter: true,
      // The widget must not record how the shopper moves the pointer.
      humanInteractionSignature: false,
      minDuration: 0,
      timeout: SOLVE_TIMEOUT_MS,
      workers: Math.min(WORKERS_MAX, navigator.hardwareConcurrency || 2),
    });
    const result = await widget.verify({ controller });
    return result?.payload ?? null;
  } finally {
    signal.removeEventListener('abort', stop);
    place.hidden = true;
    place.replaceChildren();
  }
}
