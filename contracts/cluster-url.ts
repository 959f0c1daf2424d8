/**
 * URLs that name several hosts of one cluster, in the form that libpq takes:
 * `scheme://login@a:1,b:2/path?parameters`. `URL` takes one host only.
 */

/** The most hosts in a URL: when a server is lost, each of the others may be tried in turn. */
export const CLUSTER_HOSTS_MAX = 9;

/**
 * Returns a URL of one host for each host that `url` names, in its order. Login, path and parameters
 * are the same in all. Returns `url` alone if it does not look like a URL. A password may contain
 * commas.
 */
export function urlsOfHosts(url: string): string[] {
  const [, start = '', authority = '', rest = ''] =
    /^([a-z]+:\/\/)([^/?#]*)(.*)$/is.exec(url) ?? [];
  const at = authority.lastIndexOf('@') + 1;
  const login = authority.slice(0, at);
  const hosts = authority.slice(at).split(',');
  return hosts.length === 1 ? [url] : hosts.map((host) => `${start}${login}${host}${rest}`);
}

/** Splits `name=url,…`. A comma within a URL is not followed by a name and `=`. */
export function namedUrls(list: string): { readonly name: string; readonly url: string }[] {
  return list.split(/,(?=[^,/]*=)/).map((part) => {
    const [, name = '', url = ''] = /^\s*([^=\s]*)=(\S+)\s*$/.exec(part) ?? [];
    return { name, url };
  });
}

/** The first host's URL: for what is the same for all hosts, such as the login. */
export function firstUrl(url: string): string {
  const [first = url] = urlsOfHosts(url);
  return first;
}

/**
 * Whether `input` is a list of URLs, or names several hosts in another way than `urlsOfHosts` reads.
 * Clients would treat such a list as the name of one host and retry it forever.
 */
function hidesHosts(input: string): boolean {
  const [, authority = '', rest = ''] = /^[a-z]+:\/\/([^/?#]*)(.*)$/i.exec(input) ?? [];
  const host = authority.slice(authority.lastIndexOf('@') + 1);
  return /%2c/i.test(host) || /,\s*[a-z]+:\/\//i.test(rest);
}

export function namesSeveralHosts(input: string): boolean {
  return urlsOfHosts(input).length > 1 || hidesHosts(input);
}

function hasScheme(input: string, schemes: readonly string[]): boolean {
  return URL.canParse(input) && schemes.includes(new URL(input).protocol.slice(0, -1));
}

/** Says what the value must be, if it is no URL of exactly one host. */
export function wrongInUrl(input: string, schemes: readonly string[]): string | undefined {
  if (namesSeveralHosts(input)) return 'a URL of one host: lists with commas are not supported';
  return hasScheme(input, schemes) ? undefined : `a URL of ${schemes.join(' or ')}`;
}

/** Says what the value must be, if it is no URL of one host or of the hosts of a cluster. */
export function wrongInClusterUrl(input: string, schemes: readonly string[]): string | undefined {
  const urls = urlsOfHosts(input);
  const areHosts = urls.every((one) => hasScheme(one, schemes) && new URL(one).hostname !== '');
  if (!areHosts || hidesHosts(input)) {
    return `a URL of ${schemes.join(' or ')}; several hosts are written as scheme://login@a:1,b:2/path`;
  }
  const hosts = new Set(urls.map((one) => new URL(one).host));
  const isList = hosts.size === urls.length && urls.length <= CLUSTER_HOSTS_MAX;
  return isList ? undefined : `a URL of at most ${CLUSTER_HOSTS_MAX} hosts, each of them once`;
}
