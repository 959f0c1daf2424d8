import { hostname, userInfo } from 'node:os';

/** Who gives a command, for the logs that remember it. */
export function who(): string {
  return `${userInfo().username}@${hostname()}`;
}
