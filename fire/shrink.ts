/**
 * The shortest list that still fails, by delta debugging: parts of the list are left out, first halves,
 * then smaller ones, at last single elements, as long as what is left still fails.
 *
 * @param fails whether a list fails; a run that fails only now and then may be tried more than once
 */
export async function shrink<T>(
  list: readonly T[],
  fails: (list: readonly T[]) => Promise<boolean>,
): Promise<readonly T[]> {
  let left = list;
  let size = Math.ceil(left.length / 2);
  while (size >= 1 && left.length > 0) {
    let from = 0;
    let isShorter = false;
    while (from < left.length) {
      const rest = [...left.slice(0, from), ...left.slice(from + size)];
      if (await fails(rest)) {
        left = rest;
        isShorter = true;
      } else from += size;
    }
    if (size === 1 && !isShorter) return left;
    size = Math.max(1, Math.floor(size / 2));
  }
  return left;
}
