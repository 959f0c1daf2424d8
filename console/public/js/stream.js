// @ts-check
/** The live view, as the event stream brings it. */

import { currentSession } from './api.js';
import { tellNetwork } from './frame.js';

/** Longer than the console needs for a view when one of its sources is away. */
const SILENCE_MS = 8_000;

/**
 * @param {(view: any) => void} onView
 * @param {(points: any[]) => void} [onPoints]
 */
export function follow(onView, onPoints) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let silence;
  const source = new EventSource('/api/live');
  const heard = () => {
    tellNetwork('');
    clearTimeout(silence);
    silence = setTimeout(
      () => tellNetwork('No news from the console. The figures on this page are old.'),
      SILENCE_MS,
    );
  };
  source.addEventListener('points', (event) => {
    heard();
    onPoints?.(JSON.parse(event.data));
  });
  source.addEventListener('view', (event) => {
    heard();
    onView(JSON.parse(event.data));
  });
  source.addEventListener('error', () => {
    // The browser would connect again by itself, but not after each kind of error.
    source.close();
    clearTimeout(silence);
    tellNetwork('The connection to the console is lost. The figures on this page are old.');
    const again = () => setTimeout(() => follow(onView, onPoints), 1_000 + Math.random() * 2_000);
    // Without a session, this leads to the sign-in page.
    currentSession().then(again, again);
  });
}
