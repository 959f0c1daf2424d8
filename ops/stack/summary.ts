import { existsSync } from 'node:fs';
import type { BoardSale } from '../../db/calls.ts';
import { RABBIT_VHOST } from './rabbitmq.ts';
import type { StackState } from './state.ts';

/** The text that `npm start` prints when all is ready: URLs and commands to copy. */

const ZKCLI_OF_DEBIAN = '/usr/share/zookeeper/bin/zkCli.sh';

function saleLines(sale: BoardSale, now: number): string[] {
  const opens = sale.opensAt.getTime();
  const seconds = Math.ceil((opens - now) / 1000);
  const when =
    sale.closesAt.getTime() < now
      ? `closed since ${sale.closesAt.toISOString()}`
      : seconds > 0
        ? `opens in ${seconds} s`
        : 'open';
  const stock = sale.skus.map(
    ({ sku, schema, free, unitsTotal }) => `${sku} ${free}/${unitsTotal} in ${schema}`,
  );
  return [`Sale       ${sale.sale}, ${when}; units left: ${stock.join(', ')}`];
}

function restockLines(sale: BoardSale): string[] {
  return sale.skus
    .filter(({ free, unpaidExists }) => free === 0 && !unpaidExists)
    .map(({ sku }) => `${sku} is sold out. 1,000 more: npx flashsale sale restock ${sku} 1000`);
}

export interface SummaryOptions {
  readonly state: StackState;
  readonly sale: BoardSale;
  readonly logFolder: string;
  /** Set when psql is available only inside a container. */
  readonly psqlInContainer: string | undefined;
  /** Set when zkCli.sh is available only inside a container. */
  readonly zkCliInContainer: string | undefined;
  /** Command line of rabbitmqctl, for the stack's own node. */
  readonly rabbitmqctl: string | undefined;
  /** How to break the parts of a cluster; undefined if the servers are single. */
  readonly breakLines: readonly string[] | undefined;
  /** The token of the demo's console; undefined if the environment has tokens of its own. */
  readonly consoleToken: string | undefined;
  /** Milliseconds since 1970. */
  readonly now: number;
}

export function summary(options: SummaryOptions): string {
  const { state, sale, logFolder } = options;
  const { servers, shopUrl, edgeUrl, consoleUrl, zkRoot, monitors } = state;
  if (servers === undefined || shopUrl === undefined) throw new Error('the stack is not ready');
  const psql = options.psqlInContainer ?? `psql '${servers.databaseUrl}'`;
  const zkCliName = existsSync(ZKCLI_OF_DEBIAN) ? ZKCLI_OF_DEBIAN : 'zkCli.sh';
  const zkCli = options.zkCliInContainer ?? `${zkCliName} -server ${servers.zookeeper}`;
  const metrics = Object.entries(monitors).map(
    ([name, url]) => `  ${name.padEnd(15)} ${url}/metrics`,
  );
  return [
    '',
    `SHOP_URL=${shopUrl}`,
    '',
    `Shop       ${shopUrl}/sales/${sale.sale}`,
    ...(edgeUrl === undefined
      ? []
      : [`  with TLS ${edgeUrl}/sales/${sale.sale} (nobody signed its certificate)`]),
    `API        ${shopUrl}/docs`,
    `Console    ${consoleUrl}`,
    ...(options.consoleToken === undefined
      ? []
      : [`           sign in with ${options.consoleToken}`]),
    ...saleLines(sale, options.now),
    '',
    `DBA        ${psql}`,
    ...(servers.hotDatabaseUrls === undefined
      ? [`           ${psql} -c 'SELECT * FROM hot.audit()'`]
      : [
          ...Object.entries(servers.hotDatabaseUrls).map(
            ([home, link]) => `  of ${home.padEnd(7)} psql '${link}'`,
          ),
          '           npx flashsale db audit',
        ]),
    `Operator   ${zkCli}`,
    `           ${zkCli} set ${zkRoot}/skus/TV/quota 500`,
    `           npx flashsale env`,
    ...(options.rabbitmqctl
      ? [`RabbitMQ   ${options.rabbitmqctl} -p ${RABBIT_VHOST} list_queues`]
      : []),
    ...(state.watchUrls === undefined
      ? []
      : [
          `Prometheus ${state.watchUrls.prometheus}/alerts`,
          `Alerts     ${state.watchUrls.alertmanager}`,
        ]),
    'Metrics',
    ...metrics,
    `Logs       ${logFolder}`,
    ...restockLines(sale),
    ...(options.breakLines === undefined
      ? []
      : ['', 'Break it', ...options.breakLines.map((line) => `  ${line}`)]),
    '',
    'Ctrl-C stops everything. The next start continues with the same data.',
  ].join('\n');
}
