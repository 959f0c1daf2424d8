import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto';
import { withLogin } from '../../contracts/database-url.ts';
import { openSession, ROLES, type Role } from '../client/pool.ts';

/**
 * Logins for the roles. A process that connects as the login of its role cannot get other rights, not
 * even by an SQL injection. A superuser that used `SET ROLE` gets its rights back by `RESET ROLE`.
 */

/** Log message of a process whose login has more rights than its role. */
export const POWERFUL_LOGIN =
  'the database login may do more than this process needs: give it the login of its role (flashsale db logins)';

export type LoginPasswords = Readonly<Partial<Record<Role, string>>>;

const STATEMENT_TIMEOUT_MS = 10_000;
/** Key of the advisory lock. Without it, concurrent changes of one role would fail. */
const LOGINS_LOCK = 7_300_105;
/** RFC 7677 and PostgreSQL's own default. */
const SCRAM_ITERATIONS = 4_096;
const SCRAM_KEY_BYTES = 32;
const SALT_BYTES = 16;

/**
 * Computes the SCRAM verifier that PostgreSQL stores instead of a password (RFC 5803). It is computed
 * here so that no statement contains the password, because the server may log statements. The result
 * needs no escaping between quotes in SQL.
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
 * Lets the roles log in with these passwords. Roles without a password are not changed. Call it for
 * each server, with the URL that is used for migrations.
 *
 * @returns the names of the changed logins
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
      // PostgreSQL 14 lets every login create tables in the schema public. If this session may not
      // revoke that, the statement only raises a warning.
      await session.run('REVOKE CREATE ON SCHEMA public FROM PUBLIC');
    });
  } finally {
    await session.close().catch(() => {});
  }
  return wanted.map(({ login }) => login);
}

/** Returns the URL of the same server and database with the login of a role. */
export function urlOfLogin(url: string, role: Role, password: string): string {
  return withLogin(url, ROLES[role], password);
}

/**
 * Returns the URL with the rights of a role instead of those of its login, for a program of others on a server
 * whose logins its owner manages.
 */
export function urlInRole(url: string, role: Role): string {
  const own = new URL(url);
  const options = own.searchParams.get('options');
  const asRole = `-c role=${ROLES[role]}`;
  own.searchParams.set('options', options === null ? asRole : `${options} ${asRole}`);
  // URLSearchParams writes a space as "+", which drivers take literally.
  own.search = own.search.replaceAll('+', '%20');
  return own.href;
}
