import { type Check, count, type Finding, few, no, notKnown, ok, unless } from '../check.ts';
import { call } from '../sources/http.ts';
import { type ProcessFacts, samplesOf } from '../sources/processes.ts';
import type { Sources } from '../sources/sources.ts';

/** Whether the first shopper is served as fast as the thousandth: open sessions, known sales, pages in the caches. */

/** Of those that a process keeps open; after a failure they come back one by one. */
const OPEN_MIN = 0.5;
/** Of the time that a source may take: 1 s of 3 s. */
const PAGE_SLOW_SHARE = 1 / 3;

/** Web nodes and workers open and warm their sessions when they start, and keep them. */
function withoutSessions(all: readonly ProcessFacts[]): Finding[] {
  return all.flatMap((process) => {
    if (process.kind !== 'web' && process.kind !== 'worker') return [];
    const samples = samplesOf(process, 'flashsale_database_sessions');
    return [...new Set(samples.map(({ labels }) => labels['dependency'] ?? ''))].flatMap((one) => {
      const of = (state: string) =>
        samples.find(({ labels }) => labels['dependency'] === one && labels['state'] === state)
          ?.value ?? 0;
      const open = of('busy') + of('idle');
      // A session that has ended is opened again when it is needed.
      const wanted = Math.ceil(of('kept') * OPEN_MIN);
      if (open >= wanted) return [];
      const reason = `${process.name} has ${open} of ${wanted} sessions open at ${one}`;
      return [no(reason, `curl http://${process.name.replace(/^.* at /, '')}/readyz`)];
    });
  });
}

function ignorant(all: readonly ProcessFacts[], skus: readonly string[]): Finding[] {
  return all.flatMap((process) => {
    if (process.kind !== 'web') return [];
    const known = new Set(
      samplesOf(process, 'flashsale_stock_free_units').map(({ labels }) => labels['sku']),
    );
    const lacking = skus.filter((sku) => !known.has(sku));
    if (lacking.length === 0) return [];
    return [no(`${process.name} does not know ${few(lacking)} yet`, 'flashsale sale list')];
  });
}

/** The edge keeps no copy of it, so a web node has answered. It belongs to nobody without a token. */
const PRIVATE = { path: '/api/v1/orders', status: 401 };

async function ofPage(
  shopUrl: string,
  path: string,
  timeoutMs: number,
  wanted = 200,
): Promise<Finding[]> {
  const command = `curl -w '%{time_total}' -o /dev/null ${shopUrl}${path}`;
  try {
    // The first call fills the caches on the way.
    await call(shopUrl, path, timeoutMs);
    const { status, tookMs } = await call(shopUrl, path, timeoutMs);
    if (status !== wanted) return [no(`${path} answers ${status}`, command)];
    if (tookMs <= timeoutMs * PAGE_SLOW_SHARE) return [];
    return [no(`${path} takes ${Math.round(tookMs)} ms, asked for the second time`, command)];
  } catch (error) {
    return [no(`the shop's page: ${(error as Error).message}`, command)];
  }
}

async function look(sources: Sources): Promise<readonly Finding[]> {
  const [{ all }, sales] = await Promise.all([sources.processes(), sources.someSales()]);
  const skus = sales.flatMap((sale) => sale.skus.map(({ sku }) => sku));
  const { shopUrl } = sources.addresses;
  const paths = sales.flatMap(({ sale }) => [`/sales/${sale}`, `/api/v1/sales/${sale}`]);
  const pages: Finding[] =
    shopUrl === undefined
      ? [notKnown('SHOP_URL is not set', 'SHOP_URL=https://… flashsale doctor')]
      : (
          await Promise.all([
            ...paths.map((path) => ofPage(shopUrl, path, sources.options.timeoutMs)),
            ofPage(shopUrl, PRIVATE.path, sources.options.timeoutMs, PRIVATE.status),
          ])
        ).flat();
  const problems = [...withoutSessions(all), ...ignorant(all, skus), ...pages];
  const web = all.filter(({ kind }) => kind === 'web').length;
  const well = `sessions are open; ${count(web, 'web node')} with ${count(skus.length, 'SKU')}; ${count(paths.length, 'page')} answer`;
  return unless(problems, ok(well, 'flashsale top --once'));
}

export const warm: Check = {
  name: 'warm',
  about:
    'open database sessions, sales that web nodes know, pages that the shop answers (SHOP_URL)',
  look,
};
