import { hostname, userInfo } from 'node:os';

/** `user@host` of the operator, for the history and the logs. */
export function who(): string {
  return `${userInfo().username}@${hostname()}`;
}
