import { APPLICATION_NAMES } from '../../ops/stack/application.ts';
import { createProgress } from '../../ops/stack/progress.ts';
import type { Servers } from '../../ops/stack/servers.ts';
import { homeUrls } from '../../ops/stack/servers.ts';
import { type Bare, startBare } from '../bare/start.ts';
import { rounded } from '../figures.ts';
import { machine as thisMachine } from '../machine.ts';
import { startServers, startShop } from '../shop.ts';
import { parseOptions, USAGE, UsageError } from './options.ts';
import { type MillionReport, renderReport } from './report.ts';
import { playMillion } from './scenario.ts';

/**
 * `npm run bench -- million [--json]`: the scenario against a private shop, compared with bare
 * node:http on as many processes as the shop has web nodes. The bare server sheds every request. One
 * generator sends slices of the crowd to both by turns, with equal requests.
 */

const MUST_STAY_BELOW = 1.5;
const WARM_UP_USERS = 20_000;

function mapped(figures: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(figures).map(([name, us]) => [name, rounded(us)]));
}

async function run(args: readonly string[]): Promise<MillionReport> {
  const options = parseOptions(args);
  const write = (line: string) => console.error(line);
  const bench = await startServers(
    ['postgres', 'rabbitmq', 'zookeeper'],
    process.env,
    createProgress(write),
  );
  let bare: Bare | undefined;
  try {
    const shop = await startShop(bench, { processes: APPLICATION_NAMES, environment: {} });
    await shop.close();
    const webNodes = APPLICATION_NAMES.filter((name) => name.startsWith('web-'));
    bare = await startBare('refuse', webNodes.length);
    const servers = bench.servers as Servers;
    const place = {
      shopUrl: `http://${shop.host}:${shop.port}`,
      databaseUrls: homeUrls(servers),
      zookeeper: servers.zookeeper,
      zkRoot: shop.zkRoot,
      jwtSecret: shop.jwtSecret,
    };
    // Warm-up: the shop has more code than the bare server, so cold code would slow only the shop down.
    const pids = new Map([...shop.pids, ...bare.pids]);
    const beside = { bare: bare.place, pids };
    await playMillion({ ...options, requests: WARM_UP_USERS, units: 100 }, place, beside);
    return await playMillion(options, place, beside);
  } finally {
    bare?.end();
    await bench.stop();
  }
}

if (process.argv.includes('--help')) {
  console.log(USAGE.replace('npm run million', 'npm run bench -- million'));
  process.exit(0);
}
try {
  const report = await run(process.argv.slice(2));
  const { bareSeconds, machine, ...rest } = report;
  const ratio = rounded(report.wallSeconds / (bareSeconds ?? Number.NaN));
  if (!report.options.json) {
    process.stdout.write(renderReport(report));
    const verdict = ratio > MUST_STAY_BELOW ? ' NOT REACHED' : '';
    console.log(`million_vs_bare_http: ${ratio} (must stay below ${MUST_STAY_BELOW})${verdict}`);
  }
  console.log(
    JSON.stringify({
      bench: 'million',
      million_vs_bare_http: ratio,
      wall_s: rounded(report.wallSeconds),
      bare_wall_s: rounded(bareSeconds ?? Number.NaN),
      presses: report.presses,
      not_sent: report.notPressed,
      unanswered: report.unanswered,
      generator_cpu_share: rounded(machine.crowdShare),
      cpu_us_a_press: mapped(report.cpuMicroseconds),
      busy_share: rounded(machine.busyShare),
      by_verdict: rest.byVerdict,
      orders_by_sku: rest.ordersBySku,
      sold_out: rest.soldOut,
      undecided: rest.undecided,
      audit_rows: rest.auditRows.length,
      latency_ms_worst_slice: rest.latencyMs,
      problems: rest.problems,
      prepared: 'tickets and tokens are signed between the slices, off the clock',
      machine: thisMachine,
    }),
  );
  process.exitCode = report.problems.length === 0 ? 0 : 1;
} catch (error) {
  const usage = error instanceof UsageError;
  console.error(usage ? `${error.message}\n\n${USAGE}` : error);
  process.exitCode = usage ? 64 : 1;
}
process.exit();
