/**
 * A question whose price grows, asked at a bounded share of the time: until the last answer has paid
 * for itself it is given again. An error costs as much, and stands as long.
 *
 * @param shareMax of the time that passes, spent on asking; 0 to 1
 */
export function thrifty<T>(
  ask: () => Promise<T>,
  shareMax: number,
  clockMs: () => number = () => performance.now(),
): () => Promise<T> {
  let answer: Promise<T> | undefined;
  let againAtMs = Number.POSITIVE_INFINITY;
  return () => {
    if (answer !== undefined && clockMs() < againAtMs) return answer;
    const startedAtMs = clockMs();
    againAtMs = Number.POSITIVE_INFINITY;
    answer = ask().finally(() => {
      againAtMs = startedAtMs + (clockMs() - startedAtMs) / shareMax;
    });
    return answer;
  };
}
