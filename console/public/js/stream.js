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
    tellNetwork('The connection to the console is lost. The figures on this page are old.');
    // The browser connects again by itself, but not after a refusal, and not without a session.
    currentSession().then(
      () => {
        if (source.readyState !== EventSource.CLOSED) return;
        setTimeout(() => follow(onView, onPoints), 1_000 + Math.random() * 2_000);
      },
      () => setTimeout(() => location.reload(), 5_000 + Math.random() * 5_000),
    );
  });
}
