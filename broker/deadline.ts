/**
 * Waits for `task` to end, well or badly, for `timeoutMs` at the most. A late failure is swallowed:
 * whoever gave up on the task has drawn the consequences already.
 *
 * @returns whether it ended in time
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
