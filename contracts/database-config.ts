import { firstUrl, namedUrls, urlsOfHosts } from './cluster-url.ts';
import { ConfigError, databaseReadUrl, databaseUrl, secretText } from './config.ts';
import { parseDatabaseUrl, wrongInDatabaseUrl, wrongInReadUrl } from './database-url.ts';
import { type Home, isHotHome, REGULAR } from './homes.ts';

/** Which databases a process uses: one server for each home. The home `hot` may be on the server of `regular`. */

/** The URL of the server of each home, by the name of the home. */
export type DatabaseUrls = ReadonlyMap<Home, string>;

function namesHotHomes(input: string, wrongIn: (url: string) => string | undefined): boolean {
  const parts = namedUrls(input);
  const areFine = parts.every(({ name, url }) => {
    if (!isHotHome(name) || wrongIn(url) !== undefined) return false;
    return parseDatabaseUrl(url).urls.every((one) => !new URL(one).pathname.includes(','));
  });
  return areFine && new Set(parts.map(({ name }) => name)).size === parts.length;
}

/** Neither is set: hot SKUs are on the server of DATABASE_URL. */
export const hotDatabaseSpecs = {
  /** The server of the only hot home, which is called `hot`. */
  HOT_DATABASE_URL: databaseUrl({ default: undefined }),
  /** The servers of several hot homes. `hot` may have the URL of DATABASE_URL; each other home has its own server. */
  HOT_DATABASE_URLS: secretText(
    'home=url,… with homes of hot, hot-1 to hot-498, each once, and their database URLs',
    (input) => namesHotHomes(input, wrongInDatabaseUrl),
  )({ default: undefined }),
};

/** Standbys that may serve the lists of orders and the exports. */
export const readSpecs = {
  /** A standby of the server of DATABASE_URL. */
  DATABASE_READ_URL: databaseReadUrl({ default: undefined }),
  /** Standbys of the servers that hot homes have of their own. */
  HOT_DATABASE_READ_URLS: secretText(
    'home=url,… with homes of hot, hot-1 to hot-498, each once, and URLs of their standbys',
    (input) => namesHotHomes(input, wrongInReadUrl),
  )({ default: undefined }),
};

export const databaseSpecs = {
  DATABASE_URL: databaseUrl(),
  ...hotDatabaseSpecs,
};

/** The hosts and the database of a URL, whatever its login and its parameters are. */
function placeOf(link: string): string {
  if (!URL.canParse(firstUrl(link))) return link;
  const places = urlsOfHosts(link).map((one) => new URL(one));
  return places
    .map(({ host, pathname }) => `${host}${pathname}`)
    .sort()
    .join(',');
}

/**
 * The URL of each home's server, `regular` first.
 *
 * @throws {ConfigError} if both variables for hot homes are set, or two homes other than `regular` and `hot` are on
 *   one server
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
  const named = several === undefined ? [{ name: 'hot', url: one ?? regular }] : namedUrls(several);
  const urls = new Map<Home, string>([[REGULAR, regular]]);
  const homes = new Map<string, Home>([[placeOf(regular), REGULAR]]);
  for (const { name, url } of named) {
    const other = homes.get(placeOf(url));
    if (other === REGULAR && name === 'hot' && url !== regular) {
      throw new ConfigError('hot is on the server of DATABASE_URL: it must have the same URL');
    }
    if (other !== undefined && !(other === REGULAR && name === 'hot')) {
      throw new ConfigError(
        `${name} and ${other} are on one server: only hot may share that of regular`,
      );
    }
    homes.set(placeOf(url), other ?? name);
    urls.set(name, url);
  }
  return urls;
}

/**
 * The URL of the standby of each home that has one. Homes that share a server share its standby.
 *
 * @throws {ConfigError} if a standby is named for a home that has no server of its own
 */
export function readUrls(
  parsed: {
    readonly DATABASE_READ_URL: string | undefined;
    readonly HOT_DATABASE_READ_URLS: string | undefined;
  },
  urls: DatabaseUrls,
): DatabaseUrls {
  const { DATABASE_READ_URL: regular, HOT_DATABASE_READ_URLS: several } = parsed;
  const named = several === undefined ? [] : namedUrls(several);
  const hot = new Map(named.map(({ name, url }) => [name, url]));
  const standbys = new Map<Home, string>();
  for (const [home, url] of urls) {
    const isShared = url === urls.get(REGULAR);
    const standby = isShared ? regular : hot.get(home);
    if (standby !== undefined) standbys.set(home, standby);
    if (!isShared) hot.delete(home);
  }
  if (hot.size > 0) {
    const names = [...hot.keys()].join(', ');
    throw new ConfigError(`HOT_DATABASE_READ_URLS: ${names} has no server of its own`);
  }
  return standbys;
}
