import type { EventKind, OrderEvent } from '../contracts/events.ts';
import { type Home, schemaOf } from '../contracts/homes.ts';
import { type Answers, askHomes, queryHomes, toNumber, whole } from './client/homes.ts';
import type { Databases } from './client/pool.ts';
import { type EventRow, eventsOf, toEvent } from './outbox.ts';

/**
 * Typed calls for merchants' webhook endpoints and the deliveries to them. Endpoints are stored on the
 * server of regular. The position of each endpoint in a schema's log is stored with that log. Every
 * function throws only DatabaseError.
 */

/** An active endpoint, with what is needed to address and sign deliveries. */
export interface WebhookTarget {
  readonly endpoint: string;
  readonly url: string;
  readonly kinds: readonly EventKind[];
  /** Newest first. */
  readonly secrets: readonly string[];
  readonly createdAt: Date;
}

export async function webhookTargets({ regular }: Databases): Promise<WebhookTarget[]> {
  const rows = await regular.query<{
    endpoint: string;
    url: string;
    kinds: EventKind[];
    secrets: string[];
    created_at: Date;
  }>({ name: 'webhook_targets', text: 'SELECT * FROM catalog.webhook_targets()' });
  return rows.map(({ created_at: createdAt, ...row }) => ({ ...row, createdAt }));
}

/** An event to deliver. */
export interface WebhookDelivery {
  /** Number of the event in its schema's log, as digits. */
  readonly logNo: string;
  /** Number of this attempt, from 1. */
  readonly attempt: number;
  readonly event: OrderEvent;
}

export interface TakeLimits {
  readonly eventsMax: number;
  readonly leaseMs: number;
  /** The log is read while fewer events than this wait for their first attempt … */
  readonly pendingMax: number;
  /** … and fewer than this have failed or wait for a failed event of their order. */
  readonly failingMax: number;
  /** True: take only events that failed before, and do not read the log. False: only others. */
  readonly failed: boolean;
}

/** Takes events to deliver now. No other caller gets them during the lease. */
export async function takeWebhooks(
  databases: Databases,
  home: Home,
  { endpoint, kinds, createdAt }: WebhookTarget,
  { eventsMax, leaseMs, pendingMax, failingMax, failed }: TakeLimits,
): Promise<WebhookDelivery[]> {
  const rows = await databases.home(home).query<EventRow & { log_no: string; attempts: number }>({
    name: `take_webhooks_${schemaOf(home)}`,
    text: eventsOf(
      home,
      "take_webhooks($1, $2, $3, $4, $5 * interval '1 ms', $6, $7, $8)",
      'log_no',
    ),
    values: [endpoint, kinds, createdAt, eventsMax, leaseMs, pendingMax, failingMax, failed],
  });
  return rows.map((row) => ({ logNo: row.log_no, attempt: row.attempts, event: toEvent(row) }));
}

export interface DeliveryReport {
  readonly delivery: WebhookDelivery;
  /** Why the attempt failed; undefined if the event was delivered. */
  readonly error?: string;
  /** Milliseconds until the next attempt; undefined after an error: there is no further attempt. */
  readonly retryMs?: number;
}

/** Stores the results of attempts. */
export async function reportWebhooks(
  databases: Databases,
  home: Home,
  endpoint: string,
  reports: readonly DeliveryReport[],
): Promise<void> {
  await databases.home(home).query({
    name: `report_webhooks_${schemaOf(home)}`,
    text: `SELECT ${schemaOf(home)}.report_webhooks($1, $2, $3, $4, $5)`,
    values: [
      endpoint,
      reports.map(({ delivery }) => delivery.event.orderNo),
      reports.map(({ delivery }) => delivery.logNo),
      reports.map(({ error }) => error ?? null),
      reports.map(({ retryMs }) => (retryMs === undefined ? null : `${retryMs} ms`)),
    ],
  });
}

/** The attempts of one round of deliveries to an endpoint, and the limits that disable it. */
export interface EndpointNote {
  readonly delivered: number;
  readonly failed: number;
  /** Error of the last failed attempt. */
  readonly error?: string;
  /** The endpoint answered 410 (gone), so it is disabled. */
  readonly gone: boolean;
  readonly failuresMax: number;
  readonly failingMaxMs: number;
}

/** Counts attempts, and may disable the endpoint. @returns its state; undefined if it was removed */
export async function noteWebhook(
  { regular }: Databases,
  endpoint: string,
  note: EndpointNote,
): Promise<'active' | 'disabled' | undefined> {
  const { delivered, failed, error, gone, failuresMax, failingMaxMs } = note;
  const [row] = await regular.query<{ state: 'active' | 'disabled' | null }>({
    name: 'note_webhook',
    text: `SELECT catalog.note_webhook($1, $2, $3, $4, $5, $6, $7 * interval '1 ms') AS state`,
    values: [endpoint, delivered, failed, error ?? null, gone, failuresMax, failingMaxMs],
  });
  return row?.state ?? undefined;
}

export interface WebhookEndpoint {
  readonly endpoint: string;
  readonly url: string;
  readonly kinds: readonly EventKind[];
  readonly state: 'active' | 'disabled';
  readonly disabledReason: string | null;
  /** Attempts that failed since the last success. */
  readonly failures: number;
  /** When the first of these failed. */
  readonly failingSince: Date | null;
  readonly lastError: string | null;
  readonly createdAt: Date;
}

export async function webhookEndpoints({ regular }: Databases): Promise<WebhookEndpoint[]> {
  const rows = await regular.query<{
    endpoint: string;
    url: string;
    kinds: EventKind[];
    state: 'active' | 'disabled';
    disabled_reason: string | null;
    failures: number;
    failing_since: Date | null;
    last_error: string | null;
    created_at: Date;
  }>({ text: 'SELECT * FROM catalog.webhook_endpoints()' });
  return rows.map((row) => ({
    endpoint: row.endpoint,
    url: row.url,
    kinds: row.kinds,
    state: row.state,
    disabledReason: row.disabled_reason,
    failures: row.failures,
    failingSince: row.failing_since,
    lastError: row.last_error,
    createdAt: row.created_at,
  }));
}

export interface WebhookLag {
  readonly endpoint: string;
  readonly schema: Home;
  readonly pending: number;
  /** Pending events whose last attempt failed. */
  readonly failing: number;
  readonly givenUp: number;
  /** Rows of the log that are not read yet, counted up to 10,000. */
  readonly unread: number;
  /** When the oldest undelivered event happened; null if there is none. */
  readonly since: Date | null;
}

/** Reads the lag of every endpoint. @throws {DatabaseError} also if one home does not answer */
export async function webhookLags(databases: Databases): Promise<WebhookLag[]> {
  return whole(await knownWebhookLags(databases));
}

/** Like `webhookLags`, from the homes that answer. @throws {DatabaseError} if no home answers */
export async function knownWebhookLags(databases: Databases): Promise<Answers<WebhookLag>> {
  const { rows, missing } = await queryHomes<{
    schema: Home;
    endpoint: string;
    pending: string;
    failing: string;
    given_up: string;
    unread: string;
    since: Date | null;
  }>(
    databases,
    'webhook_lag',
    (schema, home) => `SELECT '${home}' AS schema, * FROM ${schema}.webhook_lag()`,
    [],
  );
  const lags = rows.map((row) => ({
    schema: row.schema,
    endpoint: row.endpoint,
    pending: toNumber(row.pending),
    failing: toNumber(row.failing),
    givenUp: toNumber(row.given_up),
    unread: toNumber(row.unread),
    since: row.since,
  }));
  return { rows: lags, missing };
}

export async function addWebhook(
  { regular }: Databases,
  webhook: Record<'endpoint' | 'url' | 'secret', string> & { readonly kinds: readonly EventKind[] },
): Promise<void> {
  const { endpoint, url, kinds, secret } = webhook;
  await regular.query({
    text: 'SELECT catalog.add_webhook($1, $2, $3, $4)',
    values: [endpoint, url, kinds, secret],
  });
}

/** Disables an endpoint, or enables it if the reason is null. @returns whether there is one */
export async function setWebhookState(
  { regular }: Databases,
  endpoint: string,
  disabledReason: string | null,
): Promise<boolean> {
  const [row] = await regular.query<{ found: boolean }>({
    text: 'SELECT catalog.set_webhook_state($1, $2) AS found',
    values: [endpoint, disabledReason],
  });
  return row?.found === true;
}

/** Sets a new secret; the old one also signs for `overlapMs`. @returns whether there is an endpoint */
export async function rotateWebhookSecret(
  { regular }: Databases,
  endpoint: string,
  secret: string,
  overlapMs: number,
): Promise<boolean> {
  const [row] = await regular.query<{ found: boolean }>({
    text: `SELECT catalog.rotate_webhook_secret($1, $2, $3 * interval '1 ms') AS found`,
    values: [endpoint, secret, overlapMs],
  });
  return row?.found === true;
}

/**
 * Removes an endpoint and its pending deliveries. Nothing is sent to it from then on. Repeat the call
 * to remove the deliveries in a home that was missing.
 */
export async function removeWebhook(
  databases: Databases,
  endpoint: string,
): Promise<{ readonly found: boolean; readonly missing: readonly Home[] }> {
  const [row] = await databases.regular.query<{ found: boolean }>({
    text: 'SELECT catalog.remove_webhook($1) AS found',
    values: [endpoint],
  });
  const { missing } = await askHomes(databases, 'forget_webhook', (home, pool) =>
    pool.query({ text: `SELECT ${schemaOf(home)}.forget_webhook($1)`, values: [endpoint] }),
  );
  return { found: row?.found === true, missing };
}

/** Calls `replayWebhooks` in each home that answers. `found`: it returned true in a home. */
export async function replayWebhooksOfBoth(
  databases: Databases,
  endpoint: string,
  from: { readonly at?: Date } = {},
): Promise<{ readonly found: boolean; readonly missing: readonly Home[] }> {
  const { rows, missing } = await askHomes(databases, 'replay_webhooks', async (home) => [
    await replayWebhooks(databases, home, endpoint, from),
  ]);
  return { found: rows.includes(true), missing };
}

/**
 * Delivers events of a schema's log again.
 *
 * @param from the time (`at`) or event (`eventNo`) from which on events are delivered again; if empty,
 *   only the events that wait for their next attempt are tried now
 * @returns false if there is no such event in the log
 */
export async function replayWebhooks(
  databases: Databases,
  home: Home,
  endpoint: string,
  from: { readonly at?: Date; readonly eventNo?: string } = {},
): Promise<boolean> {
  const [row] = await databases.home(home).query<{ found: boolean }>({
    text: `SELECT ${schemaOf(home)}.replay_webhooks($1, $2, $3) AS found`,
    values: [endpoint, from.at ?? null, from.eventNo ?? null],
  });
  return row?.found === true;
}
