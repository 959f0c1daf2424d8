import { isRequestId } from './ids.ts';
import { isName, REQUEST_UNITS_MAX, USER_ID_LENGTH_MAX } from './names.ts';
import { parseTime } from './times.ts';

/**
 * The messages on the wire. Each carries its schema id in the header `x-schema`; a reader that does
 * not know the id treats the message as undecodable (a dead letter), never guesses.
 */

export const SCHEMA_HEADER = 'x-schema';
export const ENVELOPE_SCHEMA = 'flashsale.envelope.v1';
export const VERDICTS_SCHEMA = 'flashsale.verdicts.v1';
export const DRAIN_SCHEMA = 'flashsale.settle.v1';
export const DRAINED_SCHEMA = 'flashsale.drained.v1';
/** Says nothing; its confirm says that the broker takes messages. */
export const PROBE_SCHEMA = 'flashsale.probe.v1';

const KNOWN_SCHEMAS: readonly string[] = [
  ENVELOPE_SCHEMA,
  VERDICTS_SCHEMA,
  DRAIN_SCHEMA,
  DRAINED_SCHEMA,
  PROBE_SCHEMA,
];

/** Whether the id may be one of a later version of the shop: a newer process then understands it. */
export function isNewerSchema(schema: string | undefined): boolean {
  return /^flashsale\.[a-z-]+\.v\d+$/.test(schema ?? '') && !KNOWN_SCHEMAS.includes(schema ?? '');
}

/** One admitted purchase request. */
export interface PurchaseRequest {
  /** UUID: the Idempotency-Key, or the ticket's own id. */
  readonly requestId: string;
  readonly userId: string;
  /** Drawn from the node's grant for it, and decided at the most. */
  readonly units: number;
  /** Take what is left when it is less than `units`. */
  readonly acceptFewer?: boolean;
}

/** Admitted requests of one SKU that travel together. */
export interface Envelope {
  readonly sku: string;
  /** The web node whose grant was drawn down. */
  readonly node: string;
  readonly requests: readonly PurchaseRequest[];
}

/** Requests in one envelope at the most: what a reader accepts, not what a writer aims at. */
const ENVELOPE_REQUESTS_MAX = 256;

/** How a request can end at the procedure. */
export const OUTCOMES = ['ordered', 'sold_out', 'limit_reached', 'closed', 'rejected'] as const;
export type Outcome = (typeof OUTCOMES)[number];

/** What was decided about one request; recorded in the database before it is said. */
export interface Verdict {
  readonly requestId: string;
  readonly status: Outcome;
  readonly reason?: string;
  /** Decimal digits; present when `status` is `ordered`. */
  readonly orderNo?: string;
  /** Units ordered; 0 unless `ordered`. */
  readonly units: number;
  /** Decimal; of an order that was placed on the terms of the message. */
  readonly amount?: string;
}

/** What orders that were placed in one transaction have in common. */
export interface OrderTerms {
  readonly sale: string;
  readonly sku: string;
  readonly currency: string;
  /** Of orders that cost nothing, and are paid when they are made; others are `ordered`. */
  readonly status?: 'paid';
  /** ISO 8601, as is `payBefore`. */
  readonly createdAt: string;
  readonly payBefore: string;
}

export interface Verdicts {
  readonly verdicts: readonly Verdict[];
  /**
   * Of the orders whose verdict has an amount: all that their shoppers are told, so that nobody looks
   * them up. Readers that do not know it look them up, as do those who hear of an old order.
   */
  readonly terms?: OrderTerms;
  /** Ids of requests that became dead letters: not decided, and nobody decides them by itself. */
  readonly delayed?: readonly string[];
}

/**
 * Why a message became a dead letter.
 *
 * - `undecodable`: no message of the shop, one that belongs elsewhere, or not of the schema it names
 * - `unknown_schema`: of a schema or a version of the shop that is newer than the worker
 * - `unknown_sku`: no catalogue has the SKU
 * - `failed`: place_orders fails for this request however often and however alone
 * - `delivery_limit`: workers died or lost it so often that the broker gave it up
 */
export const DEAD_CAUSES = [
  'undecodable',
  'unknown_schema',
  'unknown_sku',
  'failed',
  'delivery_limit',
] as const;
export type DeadCause = (typeof DEAD_CAUSES)[number];

/** Headers that a worker writes on a dead letter; the broker writes `x-death` on those it gives up. */
export const DEAD_HEADERS = {
  cause: 'x-dead-cause',
  error: 'x-dead-error',
  sqlstate: 'x-dead-sqlstate',
  /** Name of the queue that it stood in. */
  queue: 'x-dead-queue',
  /** ISO 8601. */
  at: 'x-dead-at',
} as const;

/** Sent through an orders queue behind the last message of a dead node. */
export interface Drain {
  readonly node: string;
}

/** Everything that stood in `queue` before the drain message has been decided. */
export interface Drained {
  readonly node: string;
  readonly queue: string;
}

/** A message that is not of its schema. Never retried: it would fail again. */
export class UndecodableMessage extends Error {
  override name = 'UndecodableMessage';
}

export function encode(message: Envelope | Verdicts | Drain | Drained): Buffer {
  return Buffer.from(JSON.stringify(message));
}

function parse(content: Buffer): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(content.toString('utf8'));
  } catch {
    throw new UndecodableMessage('not JSON');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new UndecodableMessage('not a JSON object');
  }
  return value as Record<string, unknown>;
}

function text(record: Record<string, unknown>, key: string): string {
  const value = record[key];
  if (typeof value !== 'string' || value === '') {
    throw new UndecodableMessage(`${key} must be a non-empty string`);
  }
  return value;
}

function list(record: Record<string, unknown>, key: string): Record<string, unknown>[] {
  const value = record[key];
  const isRecord = (entry: unknown) => typeof entry === 'object' && entry !== null;
  if (!Array.isArray(value) || !value.every(isRecord)) {
    throw new UndecodableMessage(`${key} must be an array of objects`);
  }
  return value as Record<string, unknown>[];
}

function purchaseRequest(record: Record<string, unknown>): PurchaseRequest {
  const { requestId, userId, units, acceptFewer } = record;
  if (!isRequestId(requestId)) throw new UndecodableMessage('requestId must be a UUID');
  if (typeof userId !== 'string' || userId === '' || userId.length > USER_ID_LENGTH_MAX) {
    throw new UndecodableMessage(`userId must have 1 to ${USER_ID_LENGTH_MAX} characters`);
  }
  if (!Number.isInteger(units) || (units as number) < 1 || (units as number) > REQUEST_UNITS_MAX) {
    throw new UndecodableMessage(`units must be an integer from 1 to ${REQUEST_UNITS_MAX}`);
  }
  const request = { requestId, userId, units: units as number };
  return acceptFewer === true ? { ...request, acceptFewer } : request;
}

/** @throws {UndecodableMessage} */
export function decodeEnvelope(content: Buffer): Envelope {
  const record = parse(content);
  const sku = text(record, 'sku');
  if (!isName(sku)) throw new UndecodableMessage('sku is not a name');
  const requests = list(record, 'requests');
  if (requests.length === 0 || requests.length > ENVELOPE_REQUESTS_MAX) {
    throw new UndecodableMessage(`requests must have 1 to ${ENVELOPE_REQUESTS_MAX} entries`);
  }
  return { sku, node: text(record, 'node'), requests: requests.map(purchaseRequest) };
}

export interface ReadableEnvelope {
  readonly sku?: string;
  readonly node?: string;
  /** Those with an id and a user: enough to record an outcome. */
  readonly requests: readonly { readonly requestId: string; readonly userId: string }[];
}

/** What can be read of a message that may be broken or of another version: never throws. */
export function readEnvelope(content: Buffer): ReadableEnvelope {
  let record: Record<string, unknown>;
  try {
    record = parse(content);
  } catch {
    return { requests: [] };
  }
  const { sku, node, requests } = record;
  const readable = (Array.isArray(requests) ? requests : []).flatMap((entry: unknown) => {
    const { requestId, userId } = (entry ?? {}) as Record<string, unknown>;
    return isRequestId(requestId) && typeof userId === 'string' ? [{ requestId, userId }] : [];
  });
  return {
    ...(typeof sku === 'string' && isName(sku) && { sku }),
    ...(typeof node === 'string' && { node }),
    requests: readable,
  };
}

function verdict(record: Record<string, unknown>): Verdict {
  const { requestId, status, reason, orderNo, units, amount } = record;
  if (!isRequestId(requestId)) throw new UndecodableMessage('requestId must be a UUID');
  if (!OUTCOMES.includes(status as Outcome)) throw new UndecodableMessage('unknown status');
  if (!Number.isInteger(units)) throw new UndecodableMessage('units must be an integer');
  return {
    requestId,
    status: status as Outcome,
    units: units as number,
    ...(typeof reason === 'string' && { reason }),
    ...(typeof orderNo === 'string' && { orderNo }),
    ...(typeof amount === 'string' && { amount }),
  };
}

function orderTerms(value: unknown): OrderTerms {
  if (typeof value !== 'object' || value === null) {
    throw new UndecodableMessage('terms must be an object');
  }
  const record = value as Record<string, unknown>;
  const time = (key: string) => {
    const found = text(record, key);
    if (parseTime(found) === undefined) throw new UndecodableMessage(`${key} must be a time`);
    return found;
  };
  return {
    sale: text(record, 'sale'),
    sku: text(record, 'sku'),
    currency: text(record, 'currency'),
    createdAt: time('createdAt'),
    payBefore: time('payBefore'),
    ...(record['status'] === 'paid' && { status: 'paid' }),
  };
}

/** @throws {UndecodableMessage} */
export function decodeVerdicts(content: Buffer): Verdicts & { delayed: readonly string[] } {
  const record = parse(content);
  const { delayed = [], terms } = record;
  if (!Array.isArray(delayed) || !delayed.every(isRequestId)) {
    throw new UndecodableMessage('delayed must be an array of UUIDs');
  }
  const verdicts = list(record, 'verdicts').map(verdict);
  return { verdicts, delayed, ...(terms !== undefined && { terms: orderTerms(terms) }) };
}

/** @throws {UndecodableMessage} */
export function decodeDrain(content: Buffer): Drain {
  return { node: text(parse(content), 'node') };
}

/** @throws {UndecodableMessage} */
export function decodeDrained(content: Buffer): Drained {
  const record = parse(content);
  return { node: text(record, 'node'), queue: text(record, 'queue') };
}
