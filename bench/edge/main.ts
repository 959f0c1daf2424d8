import { parseArgs } from 'node:util';
import { Agent } from 'undici';
import { openNodes } from '../../test/edge/nodes.ts';
import { startEdge } from '../../test/edge.ts';
import { rounded } from '../figures.ts';
import { machine } from '../machine.ts';
import { type Looks, simulatePages } from './pages.ts';

/**
 * `npm run bench -- edge [--json]`: what a million open pages cost.
 *
 * - How often they ask: the page's own code in simulated time, for a sample of pages.
 * - How much of it reaches the web nodes: as many looks at a sale as this machine can make, through a
 *   real nginx.
 */

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    sample: { type: 'string', default: '10000' },
    seconds: { type: 'string', default: '10' },
  },
});
const PAGES = 1_000_000;
const ARRIVE_MS = 3_600_000;
const AFTER_MS = 600_000;
const CONNECTIONS = 100;
const MUST_STAY_BELOW = { node_requests_per_second: 50 } as const;
const write = (line: string) => (values.json ? console.error(line) : console.log(line));

/** Times in seconds from the opening. */
const TIMES = [
  ['the last hour, while the pages are opened', -3_600, -60],
  ['the last minute', -60, 0],
  ['the first 30 s', 0, 30],
  ['from 30 s to 2 minutes', 30, 120],
  ['from 2 to 10 minutes', 120, 600],
] as const;

function ratesOf(looks: Looks, sample: number) {
  return TIMES.map(([time, from, to]) => {
    const perSecond = Array.from({ length: to - from }, (_, n) => looks.get(from + n) ?? 0);
    const scale = PAGES / sample;
    const mean = (perSecond.reduce((sum, many) => sum + many, 0) / perSecond.length) * scale;
    return { time, mean: rounded(mean), peak: rounded(Math.max(...perSecond) * scale) };
  });
}

/** Looks at the sale for some seconds, with as many connections; half of them know its ETag. */
async function throughNginx(seconds: number) {
  const nodes = await openNodes(2);
  const many = '1000000';
  const limits = {
    network_connections: '65535',
    network_views_per_second: many,
    network_views_burst: many,
  };
  const edge = await startEdge(nodes.ports, { limits });
  const agent = new Agent({ connections: CONNECTIONS, pipelining: 1 });
  const path = '/api/v1/sales/demo';
  const first = await fetch(edge.url + path);
  const etag = first.headers.get('etag') ?? '';
  let atEdge = 0;
  const before = nodes.seen.length;
  const startedAt = performance.now();
  const untilMs = startedAt + seconds * 1_000;
  const page = async (headers: Record<string, string>) => {
    while (performance.now() < untilMs) {
      const { statusCode, body } = await agent.request({
        origin: edge.url,
        path,
        headers,
        method: 'GET',
      });
      await body.dump();
      if (statusCode !== 200 && statusCode !== 304) throw new Error(`the edge says ${statusCode}`);
      atEdge += 1;
    }
  };
  await Promise.all(
    Array.from({ length: CONNECTIONS }, (_, n) => page(n % 2 ? { 'if-none-match': etag } : {})),
  );
  const tookSeconds = (performance.now() - startedAt) / 1_000;
  const atNodes = nodes.seen.length - before;
  await agent.close();
  await edge.close();
  await nodes.close();
  return { atEdge: atEdge / tookSeconds, atNodes: atNodes / tookSeconds };
}

const sample = Number(values.sample);
const looks = await simulatePages({ pages: sample, arriveMs: ARRIVE_MS, afterMs: AFTER_MS });
const rates = ratesOf(looks, sample);
const inAll = [...looks].reduce((sum, [, many]) => sum + many, 0);
write(
  `${PAGES} pages that are opened evenly within the hour before the opening (a sample of ${sample}):`,
);
for (const { time, mean, peak } of rates) {
  write(`  ${time.padEnd(42)} ${mean} requests/s at the edge, at most ${peak}`);
}
write(`  requests of a page in all: ${rounded(inAll / sample)}`);
const { atEdge, atNodes } = await throughNginx(Number(values.seconds));
write(
  `through nginx: ${rounded(atEdge)} requests/s at the edge, ${rounded(atNodes)} at the web nodes`,
);
const figures = {
  node_requests_per_second: rounded(atNodes),
  edge_requests_per_second: rounded(atEdge),
  edge_peak_of_a_million: Math.max(...rates.map(({ peak }) => peak)),
  requests_of_a_page: rounded(inAll / sample),
};
console.log(JSON.stringify({ bench: 'edge', machine, figures, mustStayBelow: MUST_STAY_BELOW }));
process.exit(atNodes < MUST_STAY_BELOW.node_requests_per_second ? 0 : 1);
