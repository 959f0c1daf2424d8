import { namedUrls } from './cluster-url.ts';
import { ConfigError, databaseUrl, secretText } from './config.ts';
import { parseDatabaseUrl, wrongInDatabaseUrl } from './database-url.ts';
import { type Home, isHotHome, REGULAR } from './homes.ts';

/** Which databases a process uses: one server for each home, or one for all. */

/** The URL of the server of each home, by the name of the home. */
export type DatabaseUrls = ReadonlyMap<Home, string>;

function namesHotHomes(input: string): boolean {
  const parts = namedUrls(input);
  const areFine = parts.every(({ name, url }) => {
    if (!isHotHome(name) || wrongInDatabaseUrl(url) !== undefined) return false;
    return parseDatabaseUrl(url).urls.every((one) => !new URL(one).pathname.includes(','));
  });
  return areFine && new Set(parts.map(({ name }) => name)).size === parts.length;
}

/** Neither is set: hot SKUs are on the server of DATABASE_URL. */
export const hotDatabaseSpecs = {
  /** The server of the only hot home, which is called `hot`. */
  HOT_DATABASE_URL: databaseUrl({ default: undefined }),
  /** The servers of several hot homes. */
  HOT_DATABASE_URLS: secretText(
    'home=url,… with homes of hot, hot-1 to hot-498, each once, and their database URLs',
    namesHotHomes,
  )({ default: undefined }),
};

export const databaseSpecs = {
  DATABASE_URL: databaseUrl(),
  ...hotDatabaseSpecs,
};

/**
 * The URL of each home's server, `regular` first.
 *
 * @throws {ConfigError} if both variables for hot homes are set, or a server is named twice
 */
export function databaseUrls(parsed: {
  readonly DATABASE_URL: string;
  readonly HOT_DATABASE_URL: string | undefined;
  readonly HOT_DATABASE_URLS: string | undefined;
}): DatabaseUrls {
  const { DATABASE_URL: regular, HOT_DATABASE_URL: one, HOT_DATABASE_URLS: several } = parsed;
  if (one !== undefined && several !== undefined) {
    throw new ConfigError('set HOT_DATABASE_URL or HOT_DATABASE_URLS, not both');
  }
  if (several === undefined) {
    return new Map([
      [REGULAR, regular],
      ['hot', one ?? regular],
    ]);
  }
  const hot = namedUrls(several).map(({ name, url }) => [name, url] as const);
  const urls = new Map([[REGULAR, regular], ...hot]);
  if (new Set(urls.values()).size < urls.size) {
    throw new ConfigError('the URLs of HOT_DATABASE_URLS and DATABASE_URL must differ');
  }
  return urls;
}
