import fastifyStatic from '@fastify/static';
import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify';
import { isName } from '../../contracts/names.ts';
import type { Context } from '../context.ts';
import { ALTCHA_FILES, ALTCHA_FOLDER, PUBLIC_FOLDER, readPageFiles } from '../http/page-files.ts';
import { FOR_A_SECOND, sendPublic } from '../http/public-answer.ts';

const POLICY =
  "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'";

/** Everything on the pages comes from this address; framing and inline code are forbidden. */
export const SECURITY_HEADERS = {
  'content-security-policy': POLICY,
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'cross-origin-opener-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=()',
};

const FOR_EVER = 'public, max-age=31536000, immutable';
/** The pages, and files with a fingerprint, are not served under their plain names. */
const NAMED = ['*.html', 'css/**', 'js/**', 'languages/**'];

/** The pages, and the files that they load. */
export const pageRoutes: FastifyPluginAsync<Context> = async (app, { catalogue, config }) => {
  const { imageOrigins } = config;
  const policy =
    imageOrigins.length === 0 ? POLICY : `${POLICY}; img-src 'self' ${imageOrigins.join(' ')}`;
  const headers = { ...SECURITY_HEADERS, 'content-security-policy': policy };
  const files = readPageFiles();
  const common = {
    root: PUBLIC_FOLDER,
    wildcard: false,
    cacheControl: false,
    setHeaders(reply: FastifyReply) {
      const isNamed = reply.request.url.startsWith(files.prefix);
      const cacheControl = isNamed ? FOR_EVER : FOR_A_SECOND;
      reply.headers({ ...headers, 'cache-control': cacheControl });
    },
  } as const;
  // Without a fingerprint: the service worker, whose path is its scope, and pictures, which sale files
  // name.
  await app.register(fastifyStatic, { ...common, globIgnore: NAMED });
  await app.register(fastifyStatic, {
    ...common,
    prefix: `${files.prefix}/`,
    decorateReply: false,
    globIgnore: ['*.html', 'service-worker.js'],
  });
  for (const [name, file] of Object.entries(ALTCHA_FILES)) {
    app.get(`${files.prefix}/altcha/${name}`, { schema: { hide: true } }, (_request, reply) =>
      reply.sendFile(file, ALTCHA_FOLDER),
    );
  }

  const send = (request: FastifyRequest, reply: FastifyReply, name: string, status = 200) =>
    sendPublic(request, reply.headers(headers), {
      ...files.page(name),
      type: 'text/html; charset=utf-8',
      keys: 'pages',
      shopTimeMs: catalogue.nowMs(),
      status,
    });
  for (const [path, name] of [
    ['/', 'index.html'],
    ['/notices', 'notices.html'],
  ] as const) {
    app.get(path, { schema: { hide: true } }, async (request, reply) => send(request, reply, name));
  }

  for (const [path, name] of [
    ['/sales/:sale', 'sale.html'],
    ['/sales/:sale/lottery', 'lottery.html'],
  ] as const) {
    // Each page has only one address.
    app.get(`${path}/`, { schema: { hide: true } }, (request, reply) => {
      const { sale } = request.params as { sale: string };
      const query = request.url.match(/\?.*/)?.[0] ?? '';
      return reply.redirect(path.replace(':sale', encodeURIComponent(sale)) + query, 308);
    });
    app.get(path, { schema: { hide: true } }, async (request, reply) => {
      const { sale } = request.params as { sale: string };
      // The page itself says that there is no such sale.
      const isKnown = isName(sale) && catalogue.hasSale(sale);
      return send(request, reply, name, isKnown ? 200 : 404);
    });
  }
};
