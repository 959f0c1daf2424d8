/**
 * Caches an expensive call so that it takes at most a share of the time. The last answer is
 * returned until enough time has passed for the next call. A rejection costs as much as an answer
 * and is cached in the same way.
 *
 * @param ask the call
 * @param shareMax largest share of the time spent in `ask`, above 0 and at most 1
 * @param clockMs a monotonic clock in milliseconds
 * @param pauseMaxMs longest time between two calls, whatever share that takes
 */
export function thrifty<T>(
  ask: () => Promise<T>,
  shareMax: number,
  clockMs: () => number = () => performance.now(),
  pauseMaxMs = Number.POSITIVE_INFINITY,
): () => Promise<T> {
  let answer: Promise<T> | undefined;
  let againAtMs = Number.POSITIVE_INFINITY;
  return () => {
    if (answer !== undefined && clockMs() < againAtMs) return answer;
    const startedAtMs = clockMs();
    againAtMs = Number.POSITIVE_INFINITY;
    answer = ask().finally(() => {
      const tookMs = clockMs() - startedAtMs;
      againAtMs = startedAtMs + Math.max(tookMs, Math.min(tookMs / shareMax, pauseMaxMs));
    });
    return answer;
  };
}
