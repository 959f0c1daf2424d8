/**
 * Exponential backoff with the upper half as jitter.
 *
 * @param failures from 1
 * @param random from 0 to 1
 */
export function backoffMs(
  failures: number,
  random: number,
  initialMs: number,
  maxMs: number,
): number {
  const exponential = initialMs * 2 ** Math.min(failures - 1, 30);
  return Math.round(Math.min(maxMs, exponential) * (0.5 + random / 2));
}
