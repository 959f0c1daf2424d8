import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fastifyStatic from '@fastify/static';
import type { FastifyPluginAsync, FastifyRequest } from 'fastify';
import { isName } from '../../contracts/names.ts';
import type { Context } from '../context.ts';
import { type Draft, draftJson, draftUnitsJson, PHASES, type Phase } from '../drafts.ts';
import { Problem } from '../http/problems.ts';
import { personOf } from '../login/guard.ts';

/**
 * The preview of a sale: the shop's own page with the data of a draft, below
 * `/preview/<sale>/<before | open | after>`. It needs no web node, and nothing can be bought in it.
 */

const SHOP_FOLDER = join(import.meta.dirname, '..', '..', 'server', 'public');
const PAGE = readFileSync(join(SHOP_FOLDER, 'sale.html'), 'utf8');
const FILES = new Set(
  readdirSync(SHOP_FOLDER, { recursive: true, encoding: 'utf8' }).filter((file) =>
    /\.(js|css|svg)$/.test(file),
  ),
);

/**
 * The headers of the shop's pages, except that the console may frame this one, and that the shop's pictures
 * are at another address here.
 */
const headersOf = (origins: readonly string[]) => ({
  'content-security-policy': [
    "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'self'; object-src 'none'",
    ...(origins.length === 0 ? [] : [`img-src 'self' ${origins.join(' ')}`]),
  ].join('; '),
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'SAMEORIGIN',
  'cross-origin-opener-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=()',
});

/** @throws {Problem} if the address is none of a preview */
function placeOf(request: FastifyRequest): { sale: string; phase: Phase; root: string } {
  const { sale = '', phase: given } = request.params as { sale?: string; phase?: string };
  const phase = PHASES.find((one) => one === given);
  if (!isName(sale) || phase === undefined) throw new Problem('not_found');
  return { sale, phase, root: `/preview/${sale}/${phase}` };
}

/**
 * The part of an address below the root of a preview, as it was sent. The name of the sale may have been sent
 * with escapes, so its length says nothing; a slash must follow the address of the shop.
 */
function belowRoot(url: string): string {
  const [, , , , ...below] = url.split('/');
  return `/${below.join('/')}`;
}

export const previewRoutes: FastifyPluginAsync<Context> = async (app, { drafts, config }) => {
  const { shopUrl, imageOrigins } = config;
  const headers = headersOf([...(shopUrl === undefined ? [] : [shopUrl]), ...imageOrigins]);
  await app.register(fastifyStatic, { root: SHOP_FOLDER, serve: false, cacheControl: false });
  const base = '/preview/:sale/:phase';

  const draftOf = (request: FastifyRequest): Draft => {
    const draft = drafts.find(personOf(request).id, placeOf(request).sale);
    if (draft === undefined)
      throw new Problem('not_found', 'This preview has ended. Make it again.');
    return draft;
  };

  app.get(`${base}/sales/:name`, { config: { role: 'merchant' } }, (request, reply) => {
    const { phase, root } = placeOf(request);
    draftOf(request).loadedAtMs.set(phase, Date.now());
    const page = PAGE.replace('<html ', `<html data-root="${root}" `).replaceAll(
      /(href|src)="\//g,
      `$1="${root}/`,
    );
    return reply.headers(headers).type('text/html; charset=utf-8').send(page);
  });

  app.get(`${base}/api/v1/sales/:name`, { config: { role: 'merchant' } }, async (request) =>
    draftJson(draftOf(request), placeOf(request).phase, Date.now()),
  );

  app.get(
    `${base}/api/v1/sales/:name/skus/:sku/units`,
    { config: { role: 'merchant' } },
    async (request) => {
      const { sku = '' } = request.params as { sku?: string };
      const units = draftUnitsJson(draftOf(request), sku, placeOf(request).phase, Date.now());
      if (units === undefined) throw new Problem('not_found');
      return units;
    },
  );

  // Everything else that the page asks for is about shoppers, and here are none.
  app.all(`${base}/api/*`, { config: { role: 'nobody' } }, () => {
    throw new Problem('preview');
  });

  // The files are those of the shop, which everybody may read.
  app.get(`${base}/*`, { config: { role: 'nobody' } }, (request, reply) => {
    const { sale, root } = placeOf(request);
    const file = (request.params as { '*': string })['*'];
    if (FILES.has(file)) return reply.header('cache-control', 'no-cache').sendFile(file);
    // The links of the page lead back to it.
    if (file === '' || file.endsWith('/lottery')) {
      return reply.redirect(`${root}/sales/${sale}`, 302);
    }
    // Pictures lie with the shop's own web server.
    if (shopUrl !== undefined) return reply.redirect(shopUrl + belowRoot(request.url), 302);
    throw new Problem('not_found');
  });
};
