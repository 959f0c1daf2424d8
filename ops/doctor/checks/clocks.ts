import { type Check, count, type Finding, no, notKnown, ok, unless } from '../check.ts';
import { aheadOf, call } from '../sources/http.ts';
import { type Processes, samplesOf } from '../sources/processes.ts';
import type { Sources } from '../sources/sources.ts';

/**
 * Clocks. A sale opens by the clock of the database; tickets and payments end by those of processes. ZooKeeper is left out:
 * it measures how long something took, and never asks what time it is.
 */

const OFF_MAX_SECONDS = 0.5;
/** A scrape takes its time. */
const OFF_MAX_SCRAPED_SECONDS = 2;
const TRACKING = 'chronyc tracking';

const seconds = (value: number) => `${Math.abs(value).toFixed(2)} s`;
const direction = (value: number) => (value > 0 ? 'ahead of' : 'behind');

function ofProcesses({ all }: Processes): Finding[] {
  return all.flatMap((process) => {
    const clocks = samplesOf(process, 'flashsale_clock_ahead_seconds');
    if (clocks.length === 0) {
      return [
        notKnown(`${process.name} has not compared its clock yet`, 'flashsale doctor, in 10 s'),
      ];
    }
    return clocks
      .filter(({ value }) => Math.abs(value) > OFF_MAX_SECONDS)
      .map(({ value, labels }) => {
        const of = labels['dependency'];
        const reason = `${process.name} is ${seconds(value)} ${direction(value)} ${of}`;
        return no(reason, `${TRACKING}, on its machine and on that of ${of}`);
      });
  });
}

/** How far the clock of each database server is ahead of this machine's. */
async function ofServers(sources: Sources): Promise<Finding[]> {
  const servers = await sources.servers();
  const ahead = await Promise.all(
    servers.map(async ({ name, pool }) => {
      // The first question also connects.
      await pool.query({ text: 'SELECT' });
      const startedMs = Date.now();
      const text = 'SELECT extract(epoch FROM clock_timestamp())::float8 * 1000 AS ms';
      const [row] = await pool.query<{ ms: number }>({ text });
      const tookMs = Date.now() - startedMs;
      // The server read its clock at some moment in between.
      const aheadMs = (row?.ms ?? 0) - startedMs - tookMs / 2;
      return { name, seconds: aheadMs / 1_000, unsure: tookMs / 2_000 };
    }),
  );
  return ahead
    .filter((one) => Math.abs(one.seconds) - one.unsure > OFF_MAX_SECONDS)
    .map((one) => {
      const far = `${seconds(one.seconds)} ${direction(one.seconds)}`;
      return no(`${one.name} is ${far} this machine`, `${TRACKING}, on both machines`);
    });
}

/** What stands in front of the web nodes writes the header. */
async function ofShop(shopUrl: string, timeoutMs: number): Promise<Finding[]> {
  const answer = await call(shopUrl, '/api/v1/sales', timeoutMs).catch(() => undefined);
  // The check `warm` tells if the shop does not answer.
  const ahead = (answer && aheadOf(answer)) ?? 0;
  if (Math.abs(ahead) <= OFF_MAX_SECONDS) return [];
  const { host } = new URL(shopUrl);
  const far = `more than ${seconds(ahead)} ${direction(ahead)}`;
  return [no(`${host} is ${far} this machine`, `${TRACKING}, on both machines`)];
}

/** Hosts of RabbitMQ, ZooKeeper and all others that have an exporter. */
async function ofHosts(sources: Sources): Promise<Finding[]> {
  const expression = `abs(timestamp(node_time_seconds) - node_time_seconds) > ${OFF_MAX_SCRAPED_SECONDS}`;
  const found = (await sources.prometheus?.query(expression)) ?? [];
  return found.map(({ labels, value }) => {
    const host = labels['instance'];
    return no(
      `the host ${host} and that of Prometheus differ by ${seconds(value)}`,
      `${TRACKING}, on ${host}`,
    );
  });
}

export const clocks: Check = {
  name: 'clocks',
  about: 'clocks of processes, database servers, hosts and the edge against each other',
  async look(sources) {
    const processes = await sources.processes();
    const { shopUrl } = sources.addresses;
    const parts = await Promise.all([
      ofProcesses(processes),
      ofServers(sources),
      shopUrl === undefined ? [] : ofShop(shopUrl, sources.options.timeoutMs),
      ofHosts(sources),
    ]);
    const who = count(processes.all.length, 'process', 'processes');
    const well = `the clocks of ${who} and of the database differ by less than ${OFF_MAX_SECONDS} s`;
    return unless(parts.flat(), ok(well, TRACKING));
  },
};
