import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto';
import { openSession, ROLES, type Role } from '../client/pool.ts';

/**
 * A login for each role. A process that connects as the login of its role cannot become anybody else,
 * whatever it is made to say; a superuser with `SET ROLE` can, by `RESET ROLE`.
 */

/** For the log of a process whose login is not the one of its role. */
export const POWERFUL_LOGIN =
  'the database login may do more than this process needs: give it the login of its role (flashsale db logins)';

export type LoginPasswords = Readonly<Partial<Record<Role, string>>>;

const STATEMENT_TIMEOUT_MS = 10_000;
/** Key of the advisory lock: two sessions that change one role fail both. */
const LOGINS_LOCK = 7_300_103;
/** RFC 7677 and PostgreSQL's own default. */
const SCRAM_ITERATIONS = 4_096;
const SCRAM_KEY_BYTES = 32;
const SALT_BYTES = 16;

/**
 * What PostgreSQL keeps of a password (RFC 5803). It is made here, so that no password stands in a
 * statement, which the server may write to its log. Also fit to stand between quotes in SQL.
 */
function scramVerifier(password: string): string {
  const salt = randomBytes(SALT_BYTES);
  const salted = pbkdf2Sync(password, salt, SCRAM_ITERATIONS, SCRAM_KEY_BYTES, 'sha256');
  const keyOf = (text: string) => createHmac('sha256', salted).update(text).digest();
  const stored = createHash('sha256').update(keyOf('Client Key')).digest('base64');
  const server = keyOf('Server Key').toString('base64');
  return `SCRAM-SHA-256$${SCRAM_ITERATIONS}:${salt.toString('base64')}$${stored}:${server}`;
}

/**
 * Lets the roles log in with these passwords; roles without one stay as they are. Call it for each
 * server, with the URL that migrates.
 *
 * @returns the names of the logins
 * @throws {DatabaseError}
 */
export async function setLogins(url: string, passwords: LoginPasswords): Promise<string[]> {
  const wanted = (Object.keys(ROLES) as Role[]).flatMap((role) => {
    const password = passwords[role];
    return password === undefined ? [] : [{ login: ROLES[role], password }];
  });
  const session = await openSession(url, {
    applicationName: 'flashsale logins',
    statementTimeoutMs: STATEMENT_TIMEOUT_MS,
    lockTimeoutMs: STATEMENT_TIMEOUT_MS,
  });
  try {
    await session.transaction(async () => {
      await session.run(`SELECT pg_advisory_xact_lock(${LOGINS_LOCK})`);
      for (const { login, password } of wanted) {
        await session.run(`ALTER ROLE ${login} LOGIN PASSWORD '${scramVerifier(password)}'`);
      }
      // PostgreSQL 14 lets everybody make tables there; where it is not ours to say, this only warns.
      await session.run('REVOKE CREATE ON SCHEMA public FROM PUBLIC');
    });
  } finally {
    await session.close().catch(() => {});
  }
  return wanted.map(({ login }) => login);
}

/** The same server and database, as the login of a role. */
export function urlOfLogin(url: string, role: Role, password: string): string {
  const own = new URL(url);
  own.username = ROLES[role];
  own.password = password;
  return own.href;
}
