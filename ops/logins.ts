import { commonSpecs, parseEnvironment, secretText } from '../contracts/config.ts';
import type { LoginRole } from '../contracts/secrets.ts';
import type { LoginPasswords } from '../db/install/logins.ts';

/** The passwords of the roles' logins, which `flashsale db logins` and docker-compose.yml set. */

/** A password that needs no escaping in a URL, a compose file or a shell. */
const plainPassword = secretText('8 to 128 letters, digits and any of . _ ~ -', (input) =>
  /^[\w.~-]{8,128}$/.test(input),
);

const specs = {
  DATABASE_PASSWORD_OWNER: plainPassword({ default: undefined }),
  DATABASE_PASSWORD_WEB: plainPassword({ default: undefined }),
  DATABASE_PASSWORD_WORKER: plainPassword({ default: undefined }),
  DATABASE_PASSWORD_OPS: plainPassword({ default: undefined }),
  DATABASE_PASSWORD_READONLY: plainPassword({ default: undefined }),
  DATABASE_PASSWORD_CONSOLE: plainPassword({ default: undefined }),
  DATABASE_PASSWORD_MONITOR: plainPassword({ default: undefined }),
};
export const LOGIN_VARIABLES = Object.keys(specs);

/**
 * The passwords that the environment sets.
 *
 * @throws {ConfigError} for a malformed password, or a weak one outside the demo; it names the
 *   variable and never its value
 */
export function loginPasswords(
  environment: Readonly<Record<string, string | undefined>>,
): LoginPasswords {
  const env = parseEnvironment(environment, { DEMO: commonSpecs.DEMO, ...specs });
  const passwords: Record<'owner' | LoginRole, string | undefined> = {
    owner: env.DATABASE_PASSWORD_OWNER,
    web: env.DATABASE_PASSWORD_WEB,
    worker: env.DATABASE_PASSWORD_WORKER,
    ops: env.DATABASE_PASSWORD_OPS,
    readonly: env.DATABASE_PASSWORD_READONLY,
    console: env.DATABASE_PASSWORD_CONSOLE,
    monitor: env.DATABASE_PASSWORD_MONITOR,
  };
  return Object.fromEntries(Object.entries(passwords).filter(([, value]) => value !== undefined));
}
