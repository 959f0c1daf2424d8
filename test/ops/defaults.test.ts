import type { Command, Option } from 'commander';
import { expect, it } from 'vitest';
import { createProgram } from '../../ops/program.ts';

/** The help of each command shows defaults that can be typed, and that have the same effect. */

const all = (command: Command): Command[] => [command, ...command.commands.flatMap(all)];
const options = all(await createProgram({})).flatMap((command) =>
  command.options
    .filter(({ defaultValue, parseArg }) => defaultValue !== undefined && parseArg)
    .map((option) => [command.name(), option.flags, option] as const),
);

const shown = ({ defaultValue, defaultValueDescription }: Option): string =>
  defaultValueDescription ??
  (typeof defaultValue === 'string' ? defaultValue : JSON.stringify(defaultValue));

it.each(options)('%s %s', (_command, _flags, option) => {
  const isNothing = Array.isArray(option.defaultValue) && option.defaultValue.length === 0;
  if (isNothing) expect(shown(option)).toBe('none');
  else expect(option.parseArg?.(shown(option), undefined)).toEqual(option.defaultValue);
});
