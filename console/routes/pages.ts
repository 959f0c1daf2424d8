import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fastifyStatic from '@fastify/static';
import type { FastifyPluginAsync } from 'fastify';
import type { Context } from '../context.ts';

const PUBLIC_FOLDER = join(import.meta.dirname, '..', 'public');
const UPLOT_FOLDER = dirname(fileURLToPath(import.meta.resolve('uplot/dist/uPlot.min.css')));
const UPLOT_FILES = { 'uplot.js': 'uPlot.esm.js', 'uplot.css': 'uPlot.min.css' } as const;

/** Each page has one address. `link` is the one in the bar, if it is another. */
const PAGES: Readonly<Record<string, { readonly file: string; readonly link?: string }>> = {
  '/': { file: 'live.html' },
  '/steering': { file: 'steering.html' },
  '/customers': { file: 'customers.html' },
  '/history': { file: 'history.html' },
  '/sales': { file: 'sales.html' },
  '/sale': { file: 'sale.html', link: '/sales' },
  '/login': { file: 'login.html' },
};

/** A page with the bar that pages share. */
function pageText(file: string, link: string): string {
  const read = (name: string) => readFileSync(join(PUBLIC_FOLDER, name), 'utf8');
  const bar = read('bar.html').replace(
    `<a href="${link}">`,
    `<a href="${link}" aria-current="page">`,
  );
  return read(file).replace('    <!-- bar -->\n', bar);
}

/** Everything on the pages comes from this address; framing and inline code are forbidden. */
const SECURITY_HEADERS = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; frame-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=()',
};

/** The pages hold no data, so anybody may load them. Their content comes from the API. */
export const pageRoutes: FastifyPluginAsync<Context> = async (app, { config }) => {
  const isSecure = config.url.startsWith('https:');
  app.addHook('onRequest', async (_request, reply) => {
    reply.headers(SECURITY_HEADERS);
    if (isSecure) reply.header('strict-transport-security', 'max-age=31536000');
  });
  await app.register(fastifyStatic, { root: PUBLIC_FOLDER, serve: false, cacheControl: false });
  const serve = (path: string, file: string, folder = PUBLIC_FOLDER) =>
    app.get(path, { config: { role: 'nobody' } }, (_request, reply) =>
      reply.header('cache-control', 'no-cache').sendFile(file, folder),
    );
  for (const [path, { file, link = path }] of Object.entries(PAGES)) {
    const text = pageText(file, link);
    app.get(path, { config: { role: 'nobody' } }, (_request, reply) =>
      reply.header('cache-control', 'no-cache').type('text/html; charset=utf-8').send(text),
    );
  }
  for (const file of readdirSync(PUBLIC_FOLDER, { recursive: true, encoding: 'utf8' })) {
    if (/\.(js|css|svg)$/.test(file)) serve(`/${file}`, file);
  }
  for (const [name, file] of Object.entries(UPLOT_FILES)) {
    serve(`/uplot/${name}`, file, UPLOT_FOLDER);
  }
};
