/**
 * URLs that name several hosts of one cluster, in the form that libpq takes:
 * `scheme://login@a:1,b:2/path?parameters`. `URL` takes one host only.
 */

/** More hosts than any cluster of ours has; each takes a try of its own when a server is lost. */
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

/** The first host's URL: for what is the same for all hosts, such as the login. */
export function firstUrl(url: string): string {
  const [first = url] = urlsOfHosts(url);
  return first;
}
