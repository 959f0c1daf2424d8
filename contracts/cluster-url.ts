/**
 * URLs that name several hosts of one cluster, in the form that libpq takes:
 * `scheme://login@a:1,b:2/path?parameters`. `URL` takes one host only.
 */

/** More hosts than any cluster of ours has; each takes a try of its own when a server is lost. */
const HOSTS_MAX = 9;

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

/** The first host's URL: for what is the same for all hosts, such as the login. */
export function firstUrl(url: string): string {
  const [first = url] = urlsOfHosts(url);
  return first;
}

/**
 * Whether `input` is a list of URLs, or names several hosts in another way than `urlsOfHosts` reads.
 * Clients would treat such a list as the name of one host and retry it forever. The parameters of a
 * database URL may also name a host.
 */
export function hidesHosts(input: string): boolean {
  const [, authority = '', rest = ''] = /^[a-z]+:\/\/([^/?#]*)(.*)$/i.exec(input) ?? [];
  const host = authority.slice(authority.lastIndexOf('@') + 1);
  return /%2c/i.test(host) || /[?&]host=[^&]*(,|%2c)|,\s*[a-z]+:\/\//i.test(rest);
}

export function hasScheme(input: string, schemes: readonly string[]): boolean {
  return URL.canParse(input) && schemes.includes(new URL(input).protocol.slice(0, -1));
}

/** What a URL of several hosts must be, if `input` is not one; undefined if all is well. */
export function wrongInClusterUrl(input: string, schemes: readonly string[]): string | undefined {
  const urls = urlsOfHosts(input);
  const areHosts = urls.every((one) => hasScheme(one, schemes) && new URL(one).hostname !== '');
  if (!areHosts || hidesHosts(input)) {
    return `a URL of ${schemes.join(' or ')}; several hosts are written as scheme://login@a:1,b:2/path`;
  }
  const hosts = new Set(urls.map((one) => new URL(one).host));
  if (hosts.size < urls.length) return 'a URL that names each host once';
  return urls.length > HOSTS_MAX ? `a URL of at most ${HOSTS_MAX} hosts` : undefined;
}
