import type { Command } from 'commander';

/** What a command may know of the world; it reads nothing else. */
export interface CommandContext {
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/**
 * Adds one command to the program. Its action may throw an Error: the message is shown and the exit
 * code is 1.
 */
export type AddCommand = (program: Command, context: CommandContext) => void;
