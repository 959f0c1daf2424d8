import { CLUSTER_HOSTS_MAX, urlsOfHosts } from './cluster-url.ts';

/**
 * URLs of PostgreSQL with one host or several, as libpq takes them:
 * `postgres://login:password@one:5432,two:5433/shop?target_session_attrs=read-write`.
 *
 * Neither the driver nor `URL` understands a list of hosts. So it is taken apart here, into one URL for
 * each host.
 */

/** The kinds of server that a URL can ask for. libpq also knows `read-only`, for which there is no use here. */
const TARGETS = ['any', 'read-write', 'primary', 'standby', 'prefer-standby'] as const;
export type Target = (typeof TARGETS)[number];

export interface DatabaseUrl {
  /** The URL of each host, in the given order, without `target_session_attrs`. */
  readonly urls: readonly string[];
  readonly target: Target;
}

const PARTS = /^(postgres(?:ql)?:\/\/)([^/?#]*@)?([^/?#]*)(\/[^?#]*)?(?:\?([^#]*))?$/;
const HOST = /^(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?$/;
const TARGET_PARAMETER = 'target_session_attrs';

/** @throws {Error} with what the URL must be; the message never shows a value */
export function parseDatabaseUrl(text: string): DatabaseUrl {
  const [, scheme, login = '', list = '', path = '', query = ''] = PARTS.exec(text) ?? [];
  if (scheme === undefined) throw new Error('a URL of postgres or postgresql');
  const parameters = query.split('&').filter((each) => each !== '');
  const named = (name: string) => parameters.filter((each) => each.startsWith(`${name}=`));
  const rest = parameters.filter((each) => !each.startsWith(`${TARGET_PARAMETER}=`)).join('&');
  const hosts = list.split(',');
  if (named('host').some((each) => /,|%2c/i.test(each))) {
    throw new Error('a URL whose hosts are all before the name of the database: one:5432,two:5432');
  }
  if (hosts.length > 1 && [...named('host'), ...named('hostaddr'), ...named('port')].length > 0) {
    throw new Error('a URL of several hosts without the parameters host, hostaddr and port');
  }
  if (hosts.length > 1 && !hosts.every((host) => HOST.test(host))) {
    throw new Error('a URL whose hosts are host:port[,host:port…]');
  }
  if (hosts.length > CLUSTER_HOSTS_MAX || new Set(hosts).size < hosts.length) {
    throw new Error(`a URL of at most ${CLUSTER_HOSTS_MAX} hosts, each of them once`);
  }
  const urls = urlsOfHosts(`${scheme}${login}${list}${path}${rest === '' ? '' : `?${rest}`}`);
  if (/%2c/i.test(list) || !urls.every((url) => URL.canParse(url))) {
    throw new Error('a URL of postgres or postgresql');
  }
  return { urls, target: targetOf(named(TARGET_PARAMETER)) };
}

function targetOf(parameters: readonly string[]): Target {
  const [given = 'any'] = parameters.map((each) => each.slice(TARGET_PARAMETER.length + 1));
  const target = TARGETS.find((each) => each === given);
  if (target === undefined || parameters.length > 1) {
    throw new Error(`a URL with one ${TARGET_PARAMETER}, which is one of ${TARGETS.join(', ')}`);
  }
  return target;
}

/**
 * Says what a URL must be, if it is no URL of a server that takes writes. With several hosts and without
 * a target, some sessions would lead to a standby.
 */
export function wrongInDatabaseUrl(text: string): string | undefined {
  try {
    const { urls, target } = parseDatabaseUrl(text);
    if (['read-write', 'primary'].includes(target)) return undefined;
    if (target === 'any' && urls.length === 1) return undefined;
    return `a URL of a server that takes writes: add ${TARGET_PARAMETER}=read-write`;
  } catch (error) {
    return (error as Error).message;
  }
}

/** Says what a URL must be, if it is no URL of a server that may be a standby. */
export function wrongInReadUrl(text: string): string | undefined {
  try {
    const { urls, target } = parseDatabaseUrl(text);
    if (['standby', 'prefer-standby'].includes(target)) return undefined;
    if (target === 'any' && urls.length === 1) return undefined;
    return `a URL of a standby: add ${TARGET_PARAMETER}=standby`;
  } catch (error) {
    return (error as Error).message;
  }
}

/** The same URL with another login. */
export function withLogin(text: string, login: string, password: string): string {
  const [, scheme = '', , list = '', path = '', query] = PARTS.exec(text) ?? [];
  const own = `${encodeURIComponent(login)}:${encodeURIComponent(password)}@`;
  return `${scheme}${own}${list}${path}${query === undefined ? '' : `?${query}`}`;
}
