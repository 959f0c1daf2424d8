import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ZOOKEEPER_ROLES } from '../../contracts/config.ts';
import { CONSOLE_ROLES, hashOfToken, newToken, tokenEntry } from '../../contracts/console.ts';
import { wrongInDatabaseUrl } from '../../contracts/database-url.ts';
import { LOGIN_ROLES } from '../../contracts/secrets.ts';
import { urlOfLogin } from '../../db/install/logins.ts';
import { digestOf } from '../../zk/client/protection.ts';
import type { AddCommand } from './command.ts';

/**
 * `flashsale secrets new`: the secrets of a new shop, one a file, under the names that the production
 * compose file, the systemd units and the Kubernetes manifests look for.
 */

const SUPERUSER = 'postgres';
const BROKER_USER = 'flashsale';

/** Letters that need no escaping in a URL, in YAML and in a configuration file. */
const random = () => randomBytes(32).toString('base64url');

interface Servers {
  /** What stands behind the login in the URL: `host:port/name`, or several hosts and a target. */
  readonly database: string;
  /** `host:port/vhost` */
  readonly broker: string;
}

/**
 * The content of each file by its name. What derives from another secret is computed here. No value ends
 * with a line end, since not every reader removes it.
 */
export function newSecrets(servers: Servers, consoleToken: string): Record<string, string> {
  const superuser = random();
  const broker = random();
  const url = `postgres://${SUPERUSER}:${superuser}@${servers.database}`;
  const wrong = wrongInDatabaseUrl(url);
  if (wrong !== undefined) {
    throw new Error(`--database ${servers.database} must make ${wrong}`);
  }
  const logins = LOGIN_ROLES.map((role) => ({ role, password: random() }));
  const auths = ZOOKEEPER_ROLES.map((role) => ({ role, auth: `${role}:${random()}` }));
  const token = { login: 'admin', roles: CONSOLE_ROLES, sha256: hashOfToken(consoleToken) };
  const each = <T>(items: readonly T[], entry: (item: T) => [string, string]) =>
    Object.fromEntries(items.map(entry));
  return {
    postgres_password: superuser,
    database_url_prepare: url,
    ...each(logins, ({ role, password }) => [`database_password_${role}`, password]),
    ...each(logins, ({ role, password }) => [
      `database_url_${role}`,
      urlOfLogin(url, role, password),
    ]),
    // RabbitMQ's image takes its first user from a configuration file, not from a file with a password.
    'rabbitmq_user.conf': `default_user = ${BROKER_USER}\ndefault_pass = ${broker}\n`,
    rabbitmq_password: broker,
    amqp_url: `amqp://${BROKER_USER}:${broker}@${servers.broker}`,
    ...each(auths, ({ role, auth }) => [`zk_auth_${role}`, auth]),
    zk_acl: auths.map(({ role, auth }) => `${role}=${digestOf(auth)}`).join(','),
    jwt_secret: random(),
    payment_webhook_secret: `whsec_${randomBytes(32).toString('base64')}`,
    trust_proxy_secret: random(),
    notice_secret: random(),
    grafana_password: random(),
    // Entries are added line by line.
    console_tokens: `${tokenEntry(token)}\n`,
  };
}

interface Options extends Servers {
  readonly json?: boolean;
}

export const addSecrets: AddCommand = (program) => {
  const command = program.command('secrets').description('prepare the secrets of a new shop');
  command
    .command('new')
    .description('make a folder with new secrets, one a file, for X_FILE variables')
    .argument('<folder>', 'a folder that does not exist yet')
    .option(
      '--database <host:port/name>',
      'the database; with standbys host:port,host:port/name?target_session_attrs=read-write',
      'postgres:5432/flashsale',
    )
    .option('--broker <host:port/vhost>', 'RabbitMQ', 'rabbitmq:5672/flashsale')
    .option('--json', 'print folder, files and token as one JSON object')
    .action((folder: string, { json, ...servers }: Options) => {
      const token = newToken();
      const secrets = newSecrets(servers, token);
      // Only its owner gets into the folder. The files can be read by the users of containers, into
      // which Docker mounts them one by one with the rights that they have here.
      mkdirSync(folder, { mode: 0o700 });
      for (const [name, value] of Object.entries(secrets)) {
        writeFileSync(join(folder, name), value, { flag: 'wx', mode: 0o444 });
        // A strict umask, as root often has it, takes rights from the mode above.
        chmodSync(join(folder, name), 0o444);
      }
      const files = Object.keys(secrets);
      if (json) return console.log(JSON.stringify({ folder, files, token }));
      console.log(`${files.length} secrets are in ${folder}`);
      console.log(`token of the console's first person, shown only now:\n  ${token}`);
    });
};
