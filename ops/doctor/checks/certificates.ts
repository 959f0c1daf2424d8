import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { connect } from 'node:tls';
import { firstUrl } from '../../../contracts/cluster-url.ts';
import { type Check, type Finding, few, no, notKnown, ok } from '../check.ts';
import type { Sources } from '../sources/sources.ts';

/** Certificates: that of the shop as browsers see it, files, and authorities of connections to servers. */

/** As in the alert FlashsaleCertificateEnds. */
const LEFT_MIN_DAYS = 14;
const DAY_MS = 86_400_000;

interface Seen {
  readonly certificate: X509Certificate;
  /** Why browsers do not take it; undefined if they do. */
  readonly refused: string | undefined;
}

/** @throws {Error} without a handshake in time */
export function certificateOf(url: URL, timeoutMs: number): Promise<Seen> {
  const { hostname, port } = url;
  const host = hostname.replace(/^\[|\]$/g, '');
  return new Promise((resolve, reject) => {
    const socket = connect({
      host,
      port: Number(port || 443),
      rejectUnauthorized: false,
      ...(/^[\d.]+$|:/.test(host) ? {} : { servername: host }),
    });
    socket.setTimeout(timeoutMs, () => socket.destroy(new Error('no TLS in time')));
    socket.on('error', reject);
    socket.on('secureConnect', () => {
      const certificate = socket.getPeerX509Certificate();
      const why = socket.authorizationError;
      socket.end();
      if (certificate === undefined) return reject(new Error('it shows no certificate'));
      resolve({ certificate, refused: socket.authorized ? undefined : String(why) });
    });
  });
}

function ageOf(what: string, { validFrom, validTo }: X509Certificate, command: string): Finding {
  const leftMs = Date.parse(validTo) - Date.now();
  const days = Math.floor(leftMs / DAY_MS);
  if (Date.parse(validFrom) > Date.now()) {
    return no(`${what} is valid only from ${validFrom} on`, command);
  }
  if (leftMs < 0) return no(`${what} has ended on ${validTo}`, command);
  const reason = `${what} ends in ${days} ${days === 1 ? 'day' : 'days'}`;
  return days < LEFT_MIN_DAYS ? no(reason, command) : ok(reason, command);
}

async function ofShop({ addresses: { tlsUrl: shopUrl }, options }: Sources): Promise<Finding[]> {
  const show = (host: string) =>
    `openssl s_client -connect ${host} </dev/null | openssl x509 -noout -dates`;
  if (shopUrl === undefined) {
    return [notKnown('SHOP_URL is not set', 'SHOP_URL=https://… flashsale doctor')];
  }
  const url = new URL(shopUrl);
  const command = show(`${url.hostname}:${url.port || 443}`);
  if (url.protocol === 'http:') {
    const reason = `${url.host} is served without TLS`;
    return [
      options.isDemo ? ok(`a demo: ${reason}`, command) : no(reason, 'see docs/edge.md#start-it'),
    ];
  }
  try {
    const { certificate, refused } = await certificateOf(url, options.timeoutMs);
    const age = ageOf(`the certificate of ${url.host}`, certificate, command);
    if (refused === undefined || options.isDemo) return [age];
    return [no(`browsers do not take the certificate of ${url.host}: ${refused}`, command), age];
  } catch (error) {
    return [no(`${url.host}: ${(error as Error).message}`, command)];
  }
}

const PEM = /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g;

async function ofFile(file: string): Promise<Finding[]> {
  const command = `openssl x509 -noout -dates -in ${file}`;
  try {
    const parts = (await readFile(file, 'utf8')).match(PEM) ?? [];
    if (parts.length === 0) return [no(`${file} has no certificate`, command)];
    // The one that ends first.
    const [first] = parts
      .map((part) => new X509Certificate(part))
      .sort((one, other) => Date.parse(one.validTo) - Date.parse(other.validTo));
    return first === undefined ? [] : [ageOf(file, first, command)];
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return [notKnown(`${file} cannot be read (${code ?? 'it is no certificate'})`, command)];
  }
}

/** Files with the authorities that connections to servers go by. */
function authorities({ addresses: { env, urls } }: Sources): string[] {
  const named = [...urls.values(), env.AMQP_URL ?? ''].map((url) => firstUrl(url));
  return named
    .filter((url) => URL.canParse(url))
    .flatMap((text) => {
      const { searchParams } = new URL(text);
      return ['sslrootcert', 'sslcert', 'cacertfile', 'certfile'].flatMap(
        (name) => searchParams.get(name) ?? [],
      );
    });
}

export const certificates: Check = {
  name: 'certificates',
  about: "the shop's certificate as browsers see it, and the files in CERTIFICATES",
  async look(sources) {
    const files = new Set([...(sources.addresses.env.CERTIFICATES ?? []), ...authorities(sources)]);
    const found = (await Promise.all([ofShop(sources), ...[...files].map(ofFile)])).flat();
    const problems = found.filter(({ outcome }) => outcome !== 'ok');
    if (problems.length > 0) return problems;
    const [first] = found;
    return [ok(few(found.map(({ reason }) => reason)), first?.command ?? '')];
  },
};
