// @ts-check
/** Answers may come in another order than the questions: one that is not to the last question is not shown. */

/**
 * Counts the questions of one kind. Call it when one is asked; it returns whether that is still the last one.
 * @returns {() => () => boolean}
 */
export function lastQuestion() {
  let last = 0;
  return () => {
    last += 1;
    const mine = last;
    return () => mine === last;
  };
}
