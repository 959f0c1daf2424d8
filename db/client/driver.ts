import { once } from 'node:events';
import { bulkhead } from 'cockatiel';
import { Client, type ClientBase, type ClientConfig, Pool as DriverPool } from 'pg';
import { toDatabaseError } from './errors.ts';
import { Hosts, type ServerState } from './hosts.ts';
import {
  type AnyRow,
  POOL_DEFAULTS,
  type PoolOptions,
  ROLES,
  type Role,
  type Statement,
} from './pool-types.ts';

/** Sessions of PostgreSQL. The only file that imports the driver. */

export { type Client, DriverPool };

/** For each step of a question to the only server: the connect and the query. */
const PING_TIMEOUT_MS = 1_000;
const KEEP_ALIVE_INITIAL_DELAY_MS = 10_000;
export const KEEP_ALIVE = {
  keepAlive: true,
  keepAliveInitialDelayMillis: KEEP_ALIVE_INITIAL_DELAY_MS,
} as const;

/**
 * To read an empty table from end to end counts as free for the planner, and a session that is warmed before the sale keeps such a
 * plan when the table is full (docs/decisions/0085). JIT would compile each plan that has to read a table so in spite of it.
 */
const BY_INDEX = '-c enable_seqscan=off -c jit=off';

/** The URL of one host with the settings of its sessions. */
function withSettings(url: string, role: Role | undefined, plansEarly = false): string {
  const parsed = new URL(url);
  // place_orders needs a new snapshot for each statement, whatever the server's default is.
  const settings = ['-c default_transaction_isolation=read\\ committed'];
  if (plansEarly) settings.push(BY_INDEX);
  if (role !== undefined) settings.push(`-c role=${ROLES[role]}`);
  const own = parsed.searchParams.get('options');
  if (own !== null) settings.unshift(own);
  // In the driver, the URL takes precedence over the options, so the settings go into the URL.
  parsed.searchParams.set('options', settings.join(' '));
  // URLSearchParams writes a space as "+", which the driver would take literally.
  parsed.search = parsed.search.replaceAll('+', '%20');
  return parsed.toString();
}

/** @throws {DatabaseError} */
export async function ask<Row extends AnyRow>(
  asked: DriverPool | ClientBase,
  { name, text, values = [] }: Statement,
): Promise<Row[]> {
  try {
    const config = { text, values: [...values], ...(name !== undefined && { name }) };
    return (await asked.query<Row>(config)).rows;
  } catch (error) {
    throw toDatabaseError(error);
  }
}

const STATE = `
  SELECT pg_catalog.pg_is_in_recovery() AS "isStandby",
         pg_catalog.current_setting('transaction_read_only') = 'on' AS "isReadOnly"`;
const ACCEPTED = ', catalog.is_accepted() AS "isAccepted"';

async function stateOver(client: ClientBase, onlyAccepted: boolean): Promise<ServerState> {
  const text = onlyAccepted ? STATE + ACCEPTED : STATE;
  const [state] = await ask<ServerState & AnyRow>(client, { text });
  return state ?? { isStandby: true, isReadOnly: true };
}

/**
 * Asks a server over a new connection.
 *
 * @param withinMs limit of each step: the connect and the query
 * @throws {DatabaseError}
 */
async function askServer(
  connectionString: string,
  applicationName: string,
  onlyAccepted: boolean,
  withinMs: number,
): Promise<ServerState> {
  const client = new Client({
    connectionString,
    application_name: applicationName,
    connectionTimeoutMillis: withinMs,
    query_timeout: withinMs,
  });
  client.on('error', () => {});
  try {
    await client.connect();
    const state = await stateOver(client, onlyAccepted);
    client.end().catch(() => {});
    return state;
  } catch (error) {
    // An orderly end may wait for an answer that never comes.
    client.connection.stream.destroy();
    throw toDatabaseError(error);
  }
}

/** The callback of `connect`, in a type that fits both the driver and its pool. */
type Connected = (error: never, client: never) => void;

export interface Sessions {
  /** For the options of a pool or a client. */
  readonly connectionString: string;
  /** Its clients wait for their turn to connect, and connect to the host that is right by then. */
  readonly Client: typeof Client;
  readonly hosts: Hosts;
  /** Asks the server over a new connection. With several hosts, looks for the right one. */
  ping(): Promise<void>;
}

export interface SessionsOptions {
  readonly url: string;
  readonly role?: Role | undefined;
  readonly applicationName: string;
  /** See `PoolOptions`. */
  readonly onlyAccepted?: boolean | undefined;
  /** If there is one, the sessions plan their statements while tables may be empty, and keep the plans. */
  readonly warmUp?: PoolOptions['warmUp'] | undefined;
  readonly connectsMax?: number;
  readonly connectTimeoutMs?: number;
  readonly onError?: (error: unknown) => void;
}

/** @throws {DatabaseError} if the URL is malformed */
export function sessionsOf(options: SessionsOptions): Sessions {
  const { url, role, applicationName, onlyAccepted = false } = options;
  const plansEarly = options.warmUp !== undefined;
  const open = new Map<Client, string>();
  // A session that waits for a server which is gone would wait until its timeout.
  const leaveOthers = (right: string) => {
    for (const [client, at] of open) if (at !== right) client.connection.stream.destroy();
  };
  const askHost = (one: string, withinMs: number) =>
    askServer(withSettings(one, role), applicationName, onlyAccepted, withinMs);
  const hosts = new Hosts(url, askHost, leaveOthers);
  return {
    connectionString: withSettings(hosts.anyUrl, role, plansEarly),
    Client: clientOf(hosts, open, options),
    hosts,
    async ping() {
      if (hosts.areSeveral) await hosts.search();
      else await hosts.check(hosts.anyUrl, () => askHost(hosts.anyUrl, PING_TIMEOUT_MS), true);
    },
  };
}

/**
 * Returns a client class whose clients wait for their turn to connect. The connect timeout starts with
 * the turn. The pool gives a client up by destroying its stream.
 */
function clientOf(hosts: Hosts, open: Map<Client, string>, options: SessionsOptions) {
  const { onError = () => {}, onlyAccepted = false } = options;
  const { connectsMax = 1, connectTimeoutMs = POOL_DEFAULTS.connectTimeoutMs } = options;
  const turns = bulkhead(connectsMax, Number.POSITIVE_INFINITY);
  class ClientInTurn extends Client {
    constructor(config?: ClientConfig) {
      super({ ...config, connectionTimeoutMillis: connectTimeoutMs });
      // A connection that breaks during a query reports the error to the query and as an event. Without
      // a listener the event would end the process. The pool's own listener comes too late if the
      // server ends the session in the same packet that reports it as ready.
      this.on('error', onError);
      this.on('error', () => hosts.doubt());
      this.on('end', () => open.delete(this));
    }

    override connect(): Promise<Client>;
    override connect(done: Connected): void;
    override async connect(done?: Connected): Promise<Client> {
      const { stream } = this.connection;
      const givenUp = once(stream, 'close').then(() => {
        throw new Error('timeout exceeded when trying to connect');
      });
      const connected = turns.execute(async () => {
        const url = await hosts.choose();
        if (!stream.destroyed) await this.#connectTo(url);
      });
      const outcome = Promise.race([connected, givenUp]);
      if (done === undefined) await outcome;
      else
        outcome.then(
          () => done(null as never, this as never),
          (error) => done(error as never, this as never),
        );
      return this;
    }

    async #connectTo(url: string): Promise<void> {
      open.set(this, url);
      if (hosts.areSeveral) {
        const { hostname, port } = new URL(url);
        this.host = hostname.replace(/^\[|\]$/g, '');
        this.port = Number(port) || this.port;
      }
      try {
        await super.connect();
        await hosts.check(url, () => stateOver(this, onlyAccepted), onlyAccepted);
      } catch (error) {
        hosts.doubt();
        open.delete(this);
        this.connection.stream.destroy();
        throw error;
      }
    }
  }
  return ClientInTurn;
}
