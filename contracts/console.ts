import { createHash, randomBytes } from 'node:crypto';

/**
 * Agreements of the console and the commands: the addresses of monitor ports, and the tokens that
 * people sign in to the console with. `flashsale console token` makes one, and the
 * console knows only its hash. A token has 256 random bits, so its hash needs neither salt nor
 * stretching.
 */

/** The roles of people. Everyone may look, so everyone is a viewer. */
export const CONSOLE_ROLES = ['viewer', 'support', 'operator', 'merchant'] as const;
export type ConsoleRole = (typeof CONSOLE_ROLES)[number];

export interface TokenEntry {
  /** Name of the login, shown in histories. */
  readonly login: string;
  readonly roles: readonly ConsoleRole[];
  /** SHA-256 of the token, in lower-case hexadecimal digits. */
  readonly sha256: string;
}

const TOKEN_BYTES = 32;
export const LOGIN_FORM = 'letters, digits and . _ @ -, at most 64';
const LOGIN = /^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$/;

/** The token of the demo's docker-compose.yml. Only the demo takes it. */
export const DEMO_TOKEN_SHA256 = hashOfToken('fsc_only-for-trying-out-on-ones-own-machine');

/** The prefix tells people and secret scanners what it is. */
export function newToken(): string {
  return `fsc_${randomBytes(TOKEN_BYTES).toString('base64url')}`;
}

export function hashOfToken(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}

export function isLogin(text: string): boolean {
  return LOGIN.test(text);
}

/** Parses role names that are joined by `+`; undefined if one is no role. */
export function rolesOf(text: string): ConsoleRole[] | undefined {
  const roles = text.split('+').map((name) => CONSOLE_ROLES.find((role) => role === name));
  return roles.every((role) => role !== undefined) ? [...new Set(roles)] : undefined;
}

/** Writes an entry as `login=role+role:hash`. */
export function tokenEntry({ login, roles, sha256 }: TokenEntry): string {
  return `${login}=${roles.join('+')}:${sha256}`;
}

/** Parses an entry; undefined if it is none. */
export function parseTokenEntry(text: string): TokenEntry | undefined {
  const [, login = '', names = '', sha256 = ''] =
    /^([^=]+)=([a-z+]+):([0-9a-f]{64})$/.exec(text) ?? [];
  const roles = rolesOf(names);
  return isLogin(login) && roles !== undefined ? { login, roles, sha256 } : undefined;
}

/** Parses the base URL of a monitor port; undefined if it is none. The ports have no certificates. */
export function monitorUrl(part: string): string | undefined {
  if (!/^http:\/\/[^/\s?#@,]+\/?$/.test(part) || !URL.canParse(part)) return undefined;
  return part.replace(/\/$/, '');
}
