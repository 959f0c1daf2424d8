/**
 * What Docker Compose does with `${NAME}`, `${NAME-default}`, `${NAME:-default}` and `${NAME:?message}`. A default may
 * have references of its own.
 *
 * @throws {Error} with the message, if a required variable is missing
 */
export function interpolate(text: string, given: Readonly<Record<string, string>>): string {
  const reference = /\$\{(\w+)(?::?([-?])((?:[^{}]|\$\{[^{}]*\})*))?\}/g;
  return text.replaceAll(reference, (_all, name: string, kind = '', more = '') => {
    const value = given[name];
    if (value) return value;
    if (kind === '?') throw new Error(`${name}: ${more}`);
    return interpolate(more, given);
  });
}
