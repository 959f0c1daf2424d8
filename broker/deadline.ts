/**
 * Waits at most `timeoutMs` for `task` to resolve or reject. A later rejection is ignored, because
 * the caller has already acted on the timeout.
 *
 * @returns whether `task` ended in time
 */
export async function endsWithin(timeoutMs: number, task: Promise<unknown>): Promise<boolean> {
  const late = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => late.resolve(false), timeoutMs);
  const ended = task.then(
    () => true,
    () => true,
  );
  try {
    return await Promise.race([ended, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
