import { type CleanedEnv, cleanEnv, EnvError, EnvMissingError, makeValidator } from 'envalid';
import { namesSeveralHosts, wrongInClusterUrl, wrongInUrl } from './cluster-url.ts';
import { wrongInDatabaseUrl, wrongInReadUrl } from './database-url.ts';
import { readSecretFiles } from './secret-files.ts';
import { SECRET_VARIABLES, weakSecrets } from './secrets.ts';

/**
 * Strict parsing of environment variables. Each composition root reads its own set once. An invalid
 * value ends the process with the name of the variable and the expected form.
 */

/** One or more environment variables are invalid; `message` has one line for each. */
export class ConfigError extends Error {
  override name = 'ConfigError';
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Replaces every `X_FILE` of a secret by the `X` that it names, for a program that passes its
 * environment on.
 *
 * @throws {ConfigError}
 */
export function withSecretsOfFiles(environment: Environment): Environment {
  const { values, problems } = readSecretFiles(environment, Object.keys(SECRET_VARIABLES));
  if (problems.size > 0) throw new ConfigError([...problems.values()].join('\n'));
  return values;
}

/**
 * Parses and checks `environment`. The value of a secret `X` may be in the file that `X_FILE` names. A
 * process that has the variable `DEMO` accepts published and short secrets only while `DEMO` is on.
 *
 * @throws {ConfigError} with the name, the value and the expected form of each invalid variable
 */
export function parseEnvironment<S extends object>(
  environment: Environment,
  specs: S,
): CleanedEnv<S> {
  // An empty value means "not set": compose files and CI systems pass unset variables that way.
  const set = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''));
  const files = readSecretFiles(set, Object.keys(specs));
  const problems = [...files.problems.values()];
  const parsed = cleanEnv(files.values, specs, {
    reporter: ({ errors }) => {
      for (const [name, error] of Object.entries<Error>(errors as Record<string, Error>)) {
        if (files.problems.has(name)) continue;
        const missing = error instanceof EnvMissingError;
        problems.push(`${name} ${missing ? 'is not set' : error.message}`);
      }
    },
  });
  if ('DEMO' in parsed && parsed.DEMO === false) problems.push(...weakSecrets(files.values));
  if (problems.length > 0) throw new ConfigError(problems.join('\n'));
  return parsed;
}

function expected(what: string, got: string): EnvError {
  const shown = got.length > 40 ? `${got.slice(0, 40)}…` : got;
  return new EnvError(`must be ${what}, got ${JSON.stringify(shown)}`);
}

/** Like `expected`, but never shows the value. */
function expectedSecret(what: string): EnvError {
  return new EnvError(`must be ${what} (the value is not shown)`);
}

/** A value that is never shown. `wrong` says what it must be, if it is not. */
function checkedSecret(wrong: (input: string) => string | undefined) {
  return makeValidator((input: string) => {
    const what = wrong(input);
    if (what !== undefined) throw expectedSecret(what);
    return input;
  });
}

/** A decimal integer from `min` to `max`, both included. */
export function integer(min: number, max: number) {
  return makeValidator((input: string) => {
    const value = /^-?\d{1,15}$/.test(input) ? Number(input) : Number.NaN;
    if (!(value >= min && value <= max)) throw expected(`an integer from ${min} to ${max}`, input);
    return value;
  });
}

export const flag = makeValidator((input: string) => {
  if (input === 'true' || input === '1') return true;
  if (input === 'false' || input === '0') return false;
  throw expected('true, false, 1 or 0', input);
});

export function oneOf<T extends string>(...choices: readonly T[]) {
  return makeValidator((input: string) => {
    const choice = choices.find((candidate) => candidate === input);
    if (choice === undefined) throw expected(`one of ${choices.join(', ')}`, input);
    return choice;
  });
}

/** A URL with one of the schemes and exactly one host. Errors never show it: it may have a password. */
export function url(...schemes: readonly string[]) {
  return checkedSecret((input) => wrongInUrl(input, schemes));
}

/** A URL of PostgreSQL with one host or several; see database-url.ts. */
export const databaseUrl = checkedSecret(wrongInDatabaseUrl);

/** The same for a standby. */
export const databaseReadUrl = checkedSecret(wrongInReadUrl);

/** A URL of one host or of the hosts of a cluster. */
export function clusterUrl(...schemes: readonly string[]) {
  return checkedSecret((input) => wrongInClusterUrl(input, schemes));
}

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;

/** A URL whose answers can be trusted: https, or http to this machine. */
export const trustedUrl = makeValidator((input: string) => {
  const { protocol, hostname, username, password } = URL.canParse(input)
    ? new URL(input)
    : { protocol: '', hostname: '', username: '', password: '' };
  const isSafe = protocol === 'https:' || (protocol === 'http:' && LOOPBACK.test(hostname));
  if (!isSafe || username || password || namesSeveralHosts(input)) {
    throw expectedSecret('an https URL of one host without credentials; http only on loopback');
  }
  return input;
});

/** A name that is compared exactly with a value from another system. */
export const name = (lengthMax: number) =>
  makeValidator((input: string) => {
    const isName = input.length <= lengthMax && input.trim() === input && input.isWellFormed();
    if (!isName) throw expected(`at most ${lengthMax} characters without spaces around`, input);
    return input;
  });

/** `host:port[,host:port…]`, as ZooKeeper's own clients take it. */
export const zookeeperServers = makeValidator((input: string) => {
  const server = /^[^\s,:/]+:\d{1,5}$/;
  if (!input.split(',').every((part) => server.test(part))) {
    throw expected('host:port[,host:port…]', input);
  }
  return input;
});

/** An absolute ZooKeeper path other than `/`. */
export const zookeeperPath = makeValidator((input: string) => {
  if (!/^(\/[A-Za-z0-9._-]+)+$/.test(input)) throw expected('a path such as /flashsale', input);
  return input;
});

/** The roles that ZooKeeper credentials distinguish. */
export const ZOOKEEPER_ROLES = ['operator', 'keeper', 'web'] as const;
export type ZookeeperRole = (typeof ZOOKEEPER_ROLES)[number];
/** For each role, the `user:digest` of everyone who has it. */
export type ZookeeperDigests = Readonly<Record<ZookeeperRole, readonly string[]>>;

/** `user:password` of ZooKeeper's digest authentication. */
export const zookeeperAuth = makeValidator((input: string) => {
  if (!/^[^\s:,=]+:.+$/.test(input)) throw expectedSecret('user:password');
  return input;
});

/** `role=user:digest,…`. Each role is required and may be repeated, once for each user. */
const zookeeperDigests = makeValidator((input: string): ZookeeperDigests => {
  const what = `role=user:digest,… with each of ${ZOOKEEPER_ROLES.join(', ')}`;
  const digests: Record<ZookeeperRole, string[]> = { operator: [], keeper: [], web: [] };
  for (const part of input.split(',')) {
    const [, name, digest] = /^(\w+)=([^\s:,=]+:[A-Za-z0-9+/]{27}=)$/.exec(part.trim()) ?? [];
    const role = ZOOKEEPER_ROLES.find((one) => one === name);
    if (role === undefined || digest === undefined) throw expectedSecret(what);
    digests[role].push(digest);
  }
  if (ZOOKEEPER_ROLES.some((role) => digests[role].length === 0)) throw expectedSecret(what);
  return digests;
});

/** A host name or an IP address to listen on. */
export const host = makeValidator((input: string) => {
  if (!/^[A-Za-z0-9.:-]{1,253}$/.test(input)) throw expected('a host name or IP address', input);
  return input;
});

export function secret(lengthMin: number) {
  return makeValidator((input: string) => {
    if (input.length < lengthMin) throw expectedSecret(`at least ${lengthMin} characters`);
    return input;
  });
}

/** A text that `isValid` accepts. */
export function text(what: string, isValid: (input: string) => boolean) {
  return makeValidator((input: string) => {
    if (!isValid(input)) throw expected(what, input);
    return input;
  });
}

/** Like `text`, for a value that is never shown. */
export function secretText(what: string, isValid: (input: string) => boolean) {
  return makeValidator((input: string) => {
    if (!isValid(input)) throw expectedSecret(what);
    return input;
  });
}

/** Entries between commas or line ends, after which `#` begins a comment. They are never shown. */
export function secretList<T>(what: string, parse: (part: string) => T | undefined) {
  return makeValidator((input: string) => {
    const lines = input.split('\n').map((line) => line.replace(/#.*/, ''));
    const parts = lines.flatMap((line) => line.split(',').map((part) => part.trim()));
    return parts
      .filter((part) => part !== '')
      .map((part, index) => {
        const value = parse(part);
        if (value === undefined) throw expectedSecret(`${what}; entry ${index + 1} is none`);
        return value;
      });
  });
}

/** The origin of a web page: scheme and host without a path. */
export const shopUrl = makeValidator((input: string) => {
  const isUrl = /^https?:\/\/[^/\s?#@,]+\/?$/.test(input) && URL.canParse(input);
  if (!isUrl) throw expected('a URL such as https://shop.example', input);
  return input.replace(/\/$/, '');
});

/** Comma-separated values, each of them valid and given once. */
export function list<T>(what: string, parse: (part: string) => T | undefined) {
  return makeValidator((input: string) => {
    const values = input.split(',').map((part) => parse(part.trim()));
    if (values.includes(undefined) || new Set(values).size < values.length) {
      throw expected(`a comma-separated list of ${what}`, input);
    }
    return values as T[];
  });
}

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'silent'] as const;

/** Variables of every process. */
export const commonSpecs = {
  LOG_LEVEL: oneOf(...LOG_LEVELS)({ default: 'info' }),
  /** Port for /livez, /readyz and /metrics of this process; 0 uses any free port. */
  MONITOR_PORT: integer(0, 65_535)({ default: 0 }),
  MONITOR_HOST: host({ default: '127.0.0.1' }),
  /** Enables guest identities and a pay button, and accepts published and short secrets. */
  DEMO: flag({ default: false }),
};

export const brokerSpecs = {
  AMQP_URL: clusterUrl('amqp', 'amqps')(),
};

/**
 * Set both or neither. Without them everyone who can reach ZooKeeper has full access to the tree.
 */
export const zookeeperCredentialSpecs = {
  ZK_AUTH: zookeeperAuth({ default: undefined }),
  /** A digest counts as a secret: a reader of it can try passwords on it. */
  ZK_ACL: zookeeperDigests({ default: undefined }),
};

export const zookeeperSpecs = {
  ZOOKEEPER: zookeeperServers(),
  ZK_ROOT: zookeeperPath({ default: '/flashsale' }),
  ZK_SESSION_TIMEOUT_MS: integer(1_000, 60_000)({ default: 6_000 }),
  ...zookeeperCredentialSpecs,
};

export const webhookSpecs = {
  /** Allows webhook endpoints with plain http. */
  WEBHOOK_ALLOW_HTTP: flag({ default: false }),
  /** Allows webhook endpoints at addresses that are not public, such as those of this machine. */
  WEBHOOK_ALLOW_PRIVATE: flag({ default: false }),
};
