import type { Command } from 'commander';

/** Everything that a command may read from its surroundings. */
export interface CommandContext {
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/**
 * Adds one command to the program. Its action may throw an Error: the message is shown and the exit
 * code is 1.
 */
export type AddCommand = (program: Command, context: CommandContext) => void;
