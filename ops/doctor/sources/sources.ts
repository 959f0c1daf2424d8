import { BrokerConnection } from '../../../broker/connection.ts';
import { brokerNodes, clusterOf } from '../../../broker/management.ts';
import { queueFigures } from '../../../broker/queues.ts';
import { REGULAR } from '../../../contracts/homes.ts';
import { isRehearsal } from '../../../contracts/rehearsal.ts';
import { type BoardSale, type SaleBoard, saleBoard } from '../../../db/catalog.ts';
import { createPool, Databases, type Pool } from '../../../db/client/pool.ts';
import { createLog } from '../../../process/log.ts';
import { protectionOf } from '../../../zk/client/protection.ts';
import { ZkSession } from '../../../zk/client/session.ts';
import { pathsBelow } from '../../../zk/tree/paths.ts';
import { Reader } from '../../quota/overview.ts';
import { type Addresses, needed } from './addresses.ts';
import { NotKnown, once, within } from './not-known.ts';
import { askProcesses, type Processes } from './processes.ts';
import { Prometheus } from './prometheus.ts';
import { askServers } from './zookeeper-servers.ts';

/** All that the doctor asks. Each is asked once, by the first check that needs it. */

const APPLICATION_NAME = 'flashsale doctor';
const LIST = 'flashsale sale list';
export const NO_SALE = 'no sale is open or to come';
const SESSION_TIMEOUT_MS = 10_000;
/** Sessions of one server. */
const DATABASE_SESSIONS_MAX = 3;

export interface DoctorOptions {
  /** The only sale to look at; without it all that are not over. */
  readonly sale?: string | undefined;
  /** The shop is a demo: its secrets are published, its tree is open, and no money is paid. */
  readonly isDemo: boolean;
  /** The merchant's time zone. */
  readonly zone?: string | undefined;
  /** When the sale was announced to open, in that zone: `2026-11-29T12:00`. */
  readonly opensAtLocal?: string | undefined;
  /** Files with what `pgbackrest --output=json info` printed. */
  readonly backupInfo: readonly string[];
  /** How long each source may take. A check, which may ask several, has twice the time. */
  readonly timeoutMs: number;
}

/** A server of PostgreSQL. */
export interface DatabaseServer {
  /** For people: `the database of regular and hot`. */
  readonly name: string;
  /** As processes call it in their metrics. */
  readonly dependency: string;
  readonly homes: readonly string[];
  readonly url: string;
  readonly pool: Pool;
}

function serversOf(databases: Databases, { urls }: Addresses): DatabaseServer[] {
  return databases.servers.map((pool) => {
    const first = databases.homeOf(pool);
    const homes = databases.homesBeside(first);
    return {
      name: `the database of ${homes.join(' and ')}`,
      dependency: first === REGULAR ? 'postgres' : `postgres-${first}`,
      homes,
      url: urls.get(first) ?? '',
      pool,
    };
  });
}

export class Sources {
  readonly addresses: Addresses;
  readonly options: DoctorOptions;
  readonly #closers: (() => Promise<unknown> | unknown)[] = [];

  constructor(addresses: Addresses, options: DoctorOptions) {
    this.addresses = addresses;
    this.options = options;
  }

  /** @throws {NotKnown} without DATABASE_URL, or if a server does not answer */
  readonly databases = once(async (): Promise<Databases> => {
    needed(this.addresses, 'DATABASE_URL');
    const { timeoutMs } = this.options;
    const databases = Databases.open(this.addresses.urls, (url) =>
      createPool({
        url,
        max: DATABASE_SESSIONS_MAX,
        applicationName: APPLICATION_NAME,
        connectTimeoutMs: timeoutMs,
        waitTimeoutMs: timeoutMs,
        statementTimeoutMs: timeoutMs,
      }),
    );
    this.#closers.push(() => databases.close());
    for (const { name, pool } of serversOf(databases, this.addresses)) {
      await within(timeoutMs, pool.query({ text: 'SELECT' })).catch((error) => {
        const reason = `${name} does not answer: ${error.message}`;
        throw new NotKnown(reason, 'psql "$DATABASE_URL" -c SELECT');
      });
    }
    return databases;
  });

  readonly servers = once(async () => serversOf(await this.databases(), this.addresses));

  readonly board = once(async (): Promise<SaleBoard> => saleBoard(await this.databases()));

  /**
   * The sales that the doctor is about: the one that is named, or all that are not over.
   *
   * @throws {NotKnown} if a home did not answer
   */
  async sales(): Promise<readonly BoardSale[]> {
    const { sales, serverTime, missing } = await this.board();
    if (missing.length > 0) {
      const reason = `no answer from the home of ${missing.join(' and ')}`;
      throw new NotKnown(reason, LIST);
    }
    const { sale } = this.options;
    if (sale !== undefined) return sales.filter((one) => one.sale === sale);
    return sales.filter(
      ({ sale, closesAt, isCalledOff }) =>
        closesAt > serverTime && !isCalledOff && !isRehearsal(sale),
    );
  }

  /** For what is asked about each of them. @throws {NotKnown} also if there is none */
  async someSales(): Promise<readonly BoardSale[]> {
    const sales = await this.sales();
    if (sales.length > 0) return sales;
    const { sale } = this.options;
    throw new NotKnown(sale === undefined ? NO_SALE : `there is no sale ${sale}`, LIST);
  }

  readonly broker = once(async (): Promise<BrokerConnection> => {
    const broker = await BrokerConnection.open({
      url: needed(this.addresses, 'AMQP_URL'),
      homes: [...this.addresses.urls.keys()],
      name: APPLICATION_NAME,
      log: createLog('doctor', 'silent'),
    });
    this.#closers.push(() => broker.close());
    await within(this.options.timeoutMs, broker.whenConnected()).catch((error) => {
      throw new NotKnown(`RabbitMQ does not answer: ${error.message}`, 'rabbitmq-diagnostics ping');
    });
    return broker;
  });

  readonly queues = once(async () => queueFigures(await this.broker()));

  /** @throws {NotKnown} without AMQP_MANAGEMENT_URL */
  readonly cluster = once(async () => {
    const management = needed(this.addresses, 'AMQP_MANAGEMENT_URL');
    const asked = Promise.all([
      clusterOf(management, needed(this.addresses, 'AMQP_URL')),
      brokerNodes(management),
    ]);
    const [cluster, nodes] = await asked.catch((error) => {
      throw new NotKnown(`RabbitMQ's management API: ${error.message}`, 'rabbitmq-plugins list');
    });
    return { cluster, nodes };
  });

  /** @throws {NotKnown} without ZOOKEEPER */
  readonly tree = once(async () => {
    const { env } = this.addresses;
    const session = new ZkSession({
      servers: needed(this.addresses, 'ZOOKEEPER'),
      sessionTimeoutMs: SESSION_TIMEOUT_MS,
      protection: protectionOf(env, 'operator'),
    });
    this.#closers.push(() => session.close());
    session.start();
    await session.connected(this.options.timeoutMs).catch((error) => {
      throw new NotKnown(
        `ZooKeeper does not answer: ${error.message.replace('no ZooKeeper session', 'no session')}`,
        'zkServer.sh status',
      );
    });
    const paths = pathsBelow(env.ZK_ROOT);
    return { session, paths, reader: new Reader(session, paths) };
  });

  readonly zookeeperServers = once(async () =>
    askServers(needed(this.addresses, 'ZOOKEEPER'), this.options.timeoutMs),
  );

  /** Undefined without PROMETHEUS_URL. */
  get prometheus(): Prometheus | undefined {
    const { PROMETHEUS_URL } = this.addresses.env;
    return PROMETHEUS_URL === undefined
      ? undefined
      : new Prometheus(PROMETHEUS_URL, this.options.timeoutMs);
  }

  /** @throws {NotKnown} if nobody says where the processes are */
  readonly processes = once(async (): Promise<Processes> => {
    const urls = this.addresses.monitors ?? (await this.#scraped());
    if (urls === undefined || urls.length === 0) {
      throw new NotKnown(
        'nobody says where the processes are: neither MONITORS nor PROMETHEUS_URL is set',
        'MONITORS=http://web-1:9100,… flashsale doctor',
      );
    }
    return askProcesses(urls, this.options.timeoutMs);
  });

  async close(): Promise<void> {
    await Promise.allSettled(this.#closers.map((close) => close()));
  }

  /** The monitor ports that Prometheus reads. */
  async #scraped(): Promise<readonly string[] | undefined> {
    const targets = await this.prometheus?.targets();
    return targets
      ?.filter(({ labels }) => labels['job'] === 'flashsale')
      .map(({ scrapeUrl }) => new URL(scrapeUrl).origin);
  }
}
