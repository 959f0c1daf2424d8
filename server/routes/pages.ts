import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fastifyStatic from '@fastify/static';
import type { FastifyPluginAsync } from 'fastify';
import { isName } from '../../contracts/names.ts';
import type { Context } from '../context.ts';

/**
 * The build of the ALTCHA widget without inlined workers and styles, which would need a less strict
 * policy.
 */
const ALTCHA_FOLDER = dirname(dirname(fileURLToPath(import.meta.resolve('altcha/altcha.css'))));
const ALTCHA_FILES = {
  'altcha.js': 'external/altcha.min.js',
  'altcha.css': 'external/altcha.css',
  'pbkdf2.js': 'workers/pbkdf2.js',
} as const;
const PUBLIC_FOLDER = join(import.meta.dirname, '..', 'public');

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

/** Static files with ETag. Browsers ask each time and mostly get a 304. */
export const pageRoutes: FastifyPluginAsync<Context> = async (app, { catalogue, config }) => {
  const { imageOrigins } = config;
  const policy =
    imageOrigins.length === 0 ? POLICY : `${POLICY}; img-src 'self' ${imageOrigins.join(' ')}`;
  const headers = {
    ...SECURITY_HEADERS,
    'content-security-policy': policy,
    'cache-control': 'public, no-cache',
  };
  await app.register(fastifyStatic, {
    root: PUBLIC_FOLDER,
    wildcard: false,
    cacheControl: false,
    setHeaders: (reply) => {
      reply.headers(headers);
    },
  });

  for (const [name, file] of Object.entries(ALTCHA_FILES)) {
    app.get(`/altcha/${name}`, { schema: { hide: true } }, (_request, reply) =>
      reply.sendFile(file, ALTCHA_FOLDER),
    );
  }

  app.get('/notices', { schema: { hide: true } }, (_request, reply) =>
    reply.sendFile('notices.html'),
  );

  for (const [path, file] of [
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
      if (!isName(sale) || !catalogue.hasSale(sale)) reply.code(404);
      return reply.sendFile(file);
    });
  }
};
