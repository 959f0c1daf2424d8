import type { EventKind, OrderEvent } from '../contracts/events.ts';
import type { Schema } from '../contracts/names.ts';
import { type Answers, askHomes, queryHomes, toNumber, whole } from './client/both-homes.ts';
import type { Databases } from './client/pool.ts';
import { type EventRow, toEvent } from './outbox.ts';

/**
 * Endpoints of merchants and what is on its way to them. Endpoints stand on the server of regular;
 * how far each has read a schema's log stands beside that log. Every function throws DatabaseError.
 */

/** What signs and addresses deliveries. */
export interface WebhookTarget {
  readonly endpoint: string;
  readonly url: string;
  readonly kinds: readonly EventKind[];
  /** The newest first. */
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

/** An event on its way. */
export interface WebhookDelivery {
  readonly logNo: string;
  /** This attempt's number, from 1. */
  readonly attempt: number;
  readonly event: OrderEvent;
}

export interface TakeLimits {
  readonly eventsMax: number;
  readonly leaseMs: number;
  /** The log is read on while fewer wait for their first attempt … */
  readonly pendingMax: number;
  /** … and fewer have failed, or wait behind one that has. */
  readonly failingMax: number;
  /** Those that failed before, and the log is not read; or those that did not. */
  readonly failed: boolean;
}

/** Events to deliver now: nobody else gets them for the time of the lease. */
export async function takeWebhooks(
  databases: Databases,
  schema: Schema,
  { endpoint, kinds, createdAt }: WebhookTarget,
  { eventsMax, leaseMs, pendingMax, failingMax, failed }: TakeLimits,
): Promise<WebhookDelivery[]> {
  const rows = await databases[schema].query<EventRow & { log_no: string; attempts: number }>({
    name: `take_webhooks_${schema}`,
    text: `SELECT * FROM ${schema}.take_webhooks($1, $2, $3, $4, $5 * interval '1 ms', $6, $7, $8)`,
    values: [endpoint, kinds, createdAt, eventsMax, leaseMs, pendingMax, failingMax, failed],
  });
  return rows.map((row) => ({ logNo: row.log_no, attempt: row.attempts, event: toEvent(row) }));
}

export interface DeliveryReport {
  readonly delivery: WebhookDelivery;
  /** Undefined: delivered. */
  readonly error?: string;
  /** Undefined after an error: no further attempt. */
  readonly retryMs?: number;
}

export async function reportWebhooks(
  databases: Databases,
  schema: Schema,
  endpoint: string,
  reports: readonly DeliveryReport[],
): Promise<void> {
  await databases[schema].query({
    name: `report_webhooks_${schema}`,
    text: `SELECT ${schema}.report_webhooks($1, $2, $3, $4, $5)`,
    values: [
      endpoint,
      reports.map(({ delivery }) => delivery.event.orderNo),
      reports.map(({ delivery }) => delivery.logNo),
      reports.map(({ error }) => error ?? null),
      reports.map(({ retryMs }) => (retryMs === undefined ? null : `${retryMs} ms`)),
    ],
  });
}

export interface EndpointNote {
  readonly delivered: number;
  readonly failed: number;
  readonly error?: string;
  readonly gone: boolean;
  readonly failuresMax: number;
  readonly failingMaxMs: number;
}

/** @returns its state then; undefined when it was removed */
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
  /** Attempts that failed since the last success, and when the first of them did. */
  readonly failures: number;
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
  readonly schema: Schema;
  readonly pending: number;
  /** Of those: the last attempt failed. */
  readonly failing: number;
  readonly givenUp: number;
  /** Rows of the log that are not read yet, counted up to 10,000. */
  readonly unread: number;
  /** When the oldest event happened that is not delivered. */
  readonly since: Date | null;
}

export async function webhookLags(databases: Databases): Promise<WebhookLag[]> {
  return whole(await knownWebhookLags(databases));
}

/** The same of the homes that answer. */
export async function knownWebhookLags(databases: Databases): Promise<Answers<WebhookLag>> {
  const { rows, missing } = await queryHomes<{
    schema: Schema;
    endpoint: string;
    pending: string;
    failing: string;
    given_up: string;
    unread: string;
    since: Date | null;
  }>(
    databases,
    'webhook_lag',
    (schema) => `SELECT '${schema}' AS schema, * FROM ${schema}.webhook_lag()`,
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
  {
    endpoint,
    url,
    kinds,
    secret,
  }: Record<'endpoint' | 'url' | 'secret', string> & {
    readonly kinds: readonly EventKind[];
  },
): Promise<void> {
  await regular.query({
    text: 'SELECT catalog.add_webhook($1, $2, $3, $4)',
    values: [endpoint, url, kinds, secret],
  });
}

/** Enables it without a reason. @returns whether there is one, as the next two do */
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

/** Nothing is sent to it from now on; a home that is missing forgets what was on its way when told again. */
export async function removeWebhook(
  databases: Databases,
  endpoint: string,
): Promise<{ readonly found: boolean; readonly missing: readonly Schema[] }> {
  const [row] = await databases.regular.query<{ found: boolean }>({
    text: 'SELECT catalog.remove_webhook($1) AS found',
    values: [endpoint],
  });
  const { missing } = await askHomes(databases, 'forget_webhook', (schema, home) =>
    home.query({ text: `SELECT ${schema}.forget_webhook($1)`, values: [endpoint] }),
  );
  return { found: row?.found === true, missing };
}

/** The same in the log of each home that answers; whether one of them had something. */
export async function replayWebhooksOfBoth(
  databases: Databases,
  endpoint: string,
  from: { readonly at?: Date } = {},
): Promise<{ readonly found: boolean; readonly missing: readonly Schema[] }> {
  const { rows, missing } = await askHomes(databases, 'replay_webhooks', async (schema) => [
    await replayWebhooks(databases, schema, endpoint, from),
  ]);
  return { found: rows.includes(true), missing };
}

/**
 * Delivers what is in the log of a schema again, from a moment or an event on; without either, what
 * waits for its next attempt is tried now.
 *
 * @returns false when no such event is in the log
 */
export async function replayWebhooks(
  databases: Databases,
  schema: Schema,
  endpoint: string,
  from: { readonly at?: Date; readonly eventNo?: string } = {},
): Promise<boolean> {
  const [row] = await databases[schema].query<{ found: boolean }>({
    text: `SELECT ${schema}.replay_webhooks($1, $2, $3) AS found`,
    values: [endpoint, from.at ?? null, from.eventNo ?? null],
  });
  return row?.found === true;
}
