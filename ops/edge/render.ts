import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { rangeOf } from '../../contracts/address.ts';
import { callLogBlocks } from './call-log.ts';
import { AWAY, BUSY, type Sentences } from './sentences.ts';

/** Renders the configuration of the edge. Everything in it that is not asked for is in the template. */

export interface EdgeOptions {
  /** `host:port` of each web node. */
  readonly nodes: readonly string[];
  /** Where it listens: `port` or `address:port`. At least one of the two. */
  readonly http: string | undefined;
  readonly https: string | undefined;
  /** Serve on the port without TLS, too, instead of sending clients to the one with TLS. */
  readonly plainHttp: boolean;
  /** Files of the TLS certificate and its key; needed with `https`. */
  readonly certificate: string | undefined;
  readonly key: string | undefined;
  /** Host names of the shop; with TLS, browsers are told to use nothing but TLS for them. */
  readonly names: readonly string[];
  /** Where caches and temporary files are. */
  readonly folder: string;
  /** Port on loopback between the two levels of the cache. */
  readonly lastPort: number;
  /** User of the worker processes, if root starts nginx. */
  readonly user: string | undefined;
  /** CIDRs of balancers whose PROXY protocol is believed, and required. */
  readonly proxyProtocolFrom: readonly string[];
  /** CIDRs of balancers or a CDN whose X-Forwarded-For is believed. */
  readonly forwardedFrom: readonly string[];
  /** Sent to the web nodes: `TRUST_PROXY_SECRET`. */
  readonly proxySecret: string | undefined;
  /** CA of the client certificate by which the shop's own CDN proves itself. */
  readonly originCa?: string | undefined;
  /** Sent by the shop's own CDN in `X-Origin-Secret`. */
  readonly originSecret?: string | undefined;
  /** Whether a client may say to which trace its call belongs. */
  readonly trustTraceparent?: boolean | undefined;
  /** A file that gets a line for each call of a shopper. */
  readonly callLog?: string | undefined;
  /** A DNS server: the nodes' names are looked up again and again. Needs nginx 1.27.3. */
  readonly resolver: string | undefined;
  /** Replacements of the template's limits. */
  readonly limits: Readonly<Record<string, string>>;
}

const LIMIT = /^#: (\w+) = (.*?)(?: {2,}.*)?$/gm;
const PLACE = /\{\{(\w+)\}\}/g;
/** Nothing that ends a word or a line of the configuration. */
const WORD = /^[\w.:/[\]@+~-]+$/;
const LIMIT_WORDS = /^[\w. ]+$/;
const LISTEN = /^(?:.+:)?\d{1,5}$/;
const NODE = /^[^/]+:\d{1,5}$/;
/** Letters of a secret that mean nothing in a quoted text of the configuration. */
const SECRET = /^[\w.:/+=~!?*@%&,-]{32,}$/;

const HTTPS_PORT = '443';

function check(what: string, value: string, form = WORD): string {
  if (!form.test(value) || !(form === SECRET || form === LIMIT_WORDS || WORD.test(value))) {
    // A secret is not shown.
    throw new Error(`${what}${form === SECRET ? '' : ` ${JSON.stringify(value)}`} is not valid`);
  }
  return value;
}

function checkRange(what: string, text: string): string {
  if (rangeOf(text) === undefined) throw new Error(`${what} ${text} is not an address or a CIDR`);
  return text;
}

/** The limits of the template, with the replacements. */
function limitsOf(template: string, replaced: Readonly<Record<string, string>>) {
  const limits = new Map(
    [...template.matchAll(LIMIT)].map(([, name = '', value = '']) => [name, value]),
  );
  for (const [name, value] of Object.entries(replaced)) {
    if (!limits.has(name))
      throw new Error(`there is no limit ${name}: ${[...limits.keys()].join(', ')}`);
    limits.set(name, check(name, value, LIMIT_WORDS));
  }
  return limits;
}

function listenLines({ http, https, plainHttp, proxyProtocolFrom }: EdgeOptions) {
  const protocol = proxyProtocolFrom.length > 0 ? ' proxy_protocol' : '';
  const line = (at: string, more: string) =>
    `listen ${check('address', at, LISTEN)}${more}${protocol} backlog={{accept_backlog}};`;
  const plain = http === undefined ? [] : [line(http, '')];
  const secure = https === undefined ? [] : [line(https, ' ssl http2')];
  const isSplit = https !== undefined && !plainHttp;
  return { served: isSplit ? secure : [...plain, ...secure], redirected: isSplit ? plain : [] };
}

function clientAddress({ proxyProtocolFrom, forwardedFrom }: EdgeOptions): string[] {
  if (proxyProtocolFrom.length > 0 && forwardedFrom.length > 0) {
    throw new Error(
      'the address of a client comes by the PROXY protocol or by a header, not by both',
    );
  }
  const [ranges, header] =
    proxyProtocolFrom.length > 0
      ? [proxyProtocolFrom, 'proxy_protocol']
      : [forwardedFrom, 'X-Forwarded-For'];
  if (ranges.length === 0) return [];
  return [
    ...ranges.map((range) => `set_real_ip_from ${checkRange('proxy', range)};`),
    `real_ip_header ${header};`,
    'real_ip_recursive on;',
  ];
}

const PROBLEM = [
  'default_type application/problem+json;',
  'add_header Cache-Control no-store always;',
];

/** A page of the edge itself, which loads itself again. */
const PAGE = [
  'default_type "text/html; charset=utf-8";',
  'add_header Retry-After $reload_seconds always;',
  'add_header Refresh $reload_seconds always;',
  'add_header Cache-Control no-store always;',
  `add_header Content-Security-Policy "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'" always;`,
];

/** Reads that are the same for everybody. */
const PUBLIC = [
  'error_page 405 = @reads_only;',
  'if ($is_read = "") {',
  '    return 405;',
  '}',
  'limit_req zone=views burst={{network_views_burst}} nodelay;',
  'set $shop last;',
  'set $token "";',
  'proxy_intercept_errors on;',
  // Longer than all tries of the second level, which then sends its last copy.
  'proxy_read_timeout {{copy_timeout}};',
];

/** The clock of the edge by which the age of a copy is known. */
const TIMED = ['set $asked $msec;', 'add_header X-Edge-Answered $msec;', '{{strict_transport}}'];

/**
 * Kept within the second in which it was made, refusals and failures too. Otherwise those who wait for the
 * lock would get the same answer one after the other. Not 429, which is about one network, nor 400, which one
 * client can cause by a header.
 */
const SECOND = [
  'proxy_cache second;',
  'proxy_cache_key "$path $second";',
  'proxy_cache_lock on;',
  'proxy_cache_lock_age {{copy_timeout}};',
  'proxy_cache_lock_timeout {{copy_timeout}};',
  'proxy_ignore_headers Cache-Control Expires X-Accel-Expires;',
  'proxy_cache_valid 200 308 404 500 502 503 504 1s;',
  'proxy_pass http://last_copies$path;',
];

const REGEX_LETTERS = /[.*+?^$|(){}[\]\\]/g;

/** How the shop's own CDN proves itself: addresses of a CDN are those of all its customers. */
function originProof({ originCa, originSecret, https }: EdgeOptions) {
  if (originCa !== undefined && https === undefined) {
    throw new Error('the certificate of a CDN needs https');
  }
  const proofs = [
    ...(originCa === undefined ? [] : [['$ssl_client_verify', 'SUCCESS']]),
    ...(originSecret === undefined
      ? []
      : [['$http_x_origin_secret', check('secret', originSecret, SECRET)]]),
  ];
  if (proofs.length === 0)
    return { origin_proof: [], client_certificate: [], refuse_strangers: [] };
  const given = proofs.map(([variable]) => variable).join(' ');
  const expected = proofs.map(([, value]) => value?.replaceAll(REGEX_LETTERS, '\\$&')).join(' ');
  return {
    origin_proof: [
      `map "${given}" $is_stranger {`,
      `    "~^${expected}$" "";`,
      '    default 1;',
      '}',
    ],
    client_certificate:
      originCa === undefined
        ? []
        : [`ssl_client_certificate ${check('CA', originCa)};`, 'ssl_verify_client optional;'],
    // Balancers and probes ask for `/livez` without a proof.
    refuse_strangers: [
      'set $is_refused $is_stranger;',
      'if ($uri = /livez) {',
      '    set $is_refused "";',
      '}',
      'if ($is_refused) {',
      '    return 403;',
      '}',
    ],
  };
}

function blocksOf(options: EdgeOptions): Record<string, readonly string[]> {
  const { nodes, https, certificate, key, names, resolver, user, callLog } = options;
  const { served, redirected } = listenLines(options);
  const isSecure = https !== undefined;
  if (isSecure && (certificate === undefined || key === undefined)) {
    throw new Error('TLS needs a certificate and its key');
  }
  const port = https?.split(':').at(-1) ?? HTTPS_PORT;
  const target = `https://$host${port === HTTPS_PORT ? '' : `:${port}`}$request_uri`;
  return {
    user: user === undefined ? [] : [`user ${check('user', user)};`],
    servers: nodes.map(
      (node) =>
        `server ${check('node', node, NODE)} max_fails=1 fail_timeout={{node_pause}}${resolver ? ' resolve' : ''};`,
    ),
    resolver: resolver === undefined ? [] : [`resolver ${check('resolver', resolver)} valid=2s;`],
    listen: [
      ...served,
      ...(isSecure
        ? [
            `ssl_certificate ${check('certificate', certificate ?? '')};`,
            `ssl_certificate_key ${check('key', key ?? '')};`,
          ]
        : []),
    ],
    redirect:
      redirected.length === 0
        ? []
        : [
            'server {',
            ...redirected.map((each) => `    ${each}`),
            `    return 308 ${target};`,
            '}',
          ],
    names: [names.length === 0 ? '_' : names.map((name) => check('name', name)).join(' ')],
    client_address: clientAddress(options),
    strict_transport:
      isSecure && names.length > 0
        ? ['add_header Strict-Transport-Security "max-age=31536000" always;']
        : [],
    ...originProof(options),
    ...callLogBlocks(callLog === undefined ? undefined : check('file', callLog)),
    traceparent: [options.trustTraceparent === true ? '$http_traceparent' : '""'],
    problem: PROBLEM,
    page: PAGE,
    public: PUBLIC,
    timed: TIMED,
    second: SECOND,
  };
}

/** A page of the edge itself, as a text in single quotes. */
function pageOf(sentences: Sentences): string {
  const lines = Object.entries(sentences).map(
    ([language, text]) =>
      `<p lang="${language}"${language === 'ar' ? ' dir="rtl"' : ''}>${text}</p>`,
  );
  const layout = readFileSync(join(import.meta.dirname, 'page.html'), 'utf8');
  const page = layout.replace('<!-- sentences -->', lines.join(' '));
  if (/['$\\]/.test(page)) throw new Error('a page has a letter that nginx would not take');
  return page.replaceAll(/\n\s*/g, ' ').trim();
}

/** @throws {Error} that names the option that is not valid */
export function renderEdge(options: EdgeOptions): string {
  const { nodes, http, https, folder, lastPort, proxySecret } = options;
  if (nodes.length === 0) throw new Error('name at least one web node');
  if (http === undefined && https === undefined) throw new Error('name a port: http or https');
  const template = readFileSync(join(import.meta.dirname, 'nginx.conf.template'), 'utf8');
  const values = new Map<string, readonly string[]>([
    ...[...limitsOf(template, options.limits)].map(([name, value]) => [name, [value]] as const),
    ...Object.entries(blocksOf(options)),
    ['folder', [check('folder', folder)]],
    ['last_port', [String(lastPort)]],
    ['proxy_secret', [proxySecret === undefined ? '' : check('secret', proxySecret, SECRET)]],
    ['away_page', [pageOf(AWAY)]],
    ['busy_page', [pageOf(BUSY)]],
  ]);
  const fill = (text: string): string =>
    text.replaceAll(/^( *)(.*)$/gm, (line, indent: string, rest: string) => {
      if (!rest.includes('{{')) return line;
      const alone = /^\{\{(\w+)\}\}$/.exec(rest)?.[1];
      const lines =
        alone === undefined ? [rest.replaceAll(PLACE, (_, name) => one(name))] : many(alone);
      return lines.map((each) => indent + fill(each)).join('\n');
    });
  const many = (name: string): readonly string[] => {
    const value = values.get(name);
    if (value === undefined) throw new Error(`the template has an unknown place {{${name}}}`);
    return value;
  };
  const one = (name: string) => many(name).join(' ');
  return fill(template.replaceAll(LIMIT, ''))
    .replaceAll(/[ \t]+$/gm, '')
    .replaceAll(/\n{3,}/g, '\n\n');
}
