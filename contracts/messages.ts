import { isDay } from './goods.ts';
import { isRequestId } from './ids.ts';
import { isName, REQUEST_UNITS_MAX, USER_ID_LENGTH_MAX } from './names.ts';
import type { NumberedUnit } from './seats.ts';
import { parseTime } from './times.ts';
import { type TraceContext, traceOf } from './trace-context.ts';

/**
 * Messages between processes. Each carries its schema id in the header `x-schema`. A reader that
 * does not know the id must treat the message as undecodable (a dead letter).
 */

export const SCHEMA_HEADER = 'x-schema';
export const ENVELOPE_SCHEMA = 'flashsale.envelope.v1';
/**
 * An envelope whose requests name the units that they want. A worker that does not know it must not give them other
 * units, so it has an id of its own.
 */
export const CHOSEN_SCHEMA = 'flashsale.chosen.v1';
export const VERDICTS_SCHEMA = 'flashsale.verdicts.v1';
export const DRAIN_SCHEMA = 'flashsale.settle.v1';
export const DRAINED_SCHEMA = 'flashsale.drained.v1';
/** Has no content. Its confirm proves that the broker accepts messages. */
export const PROBE_SCHEMA = 'flashsale.probe.v1';

const KNOWN_SCHEMAS: readonly string[] = [
  ENVELOPE_SCHEMA,
  CHOSEN_SCHEMA,
  VERDICTS_SCHEMA,
  DRAIN_SCHEMA,
  DRAINED_SCHEMA,
  PROBE_SCHEMA,
];

/** Whether `decodeEnvelope` reads messages of this schema. */
export function isEnvelope(schema: string | undefined): boolean {
  return schema === ENVELOPE_SCHEMA || schema === CHOSEN_SCHEMA;
}

/** Whether the id may belong to a newer version of the shop, whose processes can read the message. */
export function isNewerSchema(schema: string | undefined): boolean {
  return /^flashsale\.[a-z-]+\.v\d+$/.test(schema ?? '') && !KNOWN_SCHEMAS.includes(schema ?? '');
}

/** One admitted purchase request. */
export interface PurchaseRequest extends TraceContext {
  /** UUID: the Idempotency-Key, or the ticket's own id. */
  readonly requestId: string;
  readonly userId: string;
  /** Units drawn from the node's grant, and the most that may be ordered. */
  readonly units: number;
  /** Order fewer units when fewer than `units` are left. */
  readonly acceptFewer?: boolean;
  /** For daily goods: the day of the press by the calendar of their zone, as `2026-12-01`. */
  readonly day?: string;
  /** Of numbered goods: the positions of the units that the shopper has chosen, as many as `units`. */
  readonly positions?: readonly number[];
}

/** Admitted requests of one SKU that are sent together. */
export interface Envelope {
  readonly sku: string;
  /** The web node that drew the units from its grant. */
  readonly node: string;
  readonly requests: readonly PurchaseRequest[];
  /** Time of the web node, in milliseconds since the epoch. Present if a request is traced. */
  readonly sentAtMs?: number;
}

/** The most requests that a reader accepts in one envelope. Writers aim at smaller ones. */
const ENVELOPE_REQUESTS_MAX = 256;

/** The results that the database procedure can give a request. */
export const OUTCOMES = ['ordered', 'sold_out', 'limit_reached', 'closed', 'rejected'] as const;
export type Outcome = (typeof OUTCOMES)[number];

/** The result of one request. It is committed in the database before it is sent. */
export interface Verdict extends TraceContext {
  readonly requestId: string;
  readonly status: Outcome;
  readonly reason?: string;
  /** Digits; present when `status` is `ordered`. */
  readonly orderNo?: string;
  /** Units ordered; 0 for every other status. */
  readonly units: number;
  /** Decimal strings; present when the `terms` of the message apply to this order; `packet` of a pot, `seats` of numbered goods. */
  readonly amount?: string;
  readonly packet?: string;
  readonly seats?: readonly NumberedUnit[];
}

/** Facts that all orders of one transaction share. */
export interface OrderTerms {
  readonly sale: string;
  readonly sku: string;
  readonly currency: string;
  /** Present for free orders, which are paid from the start. Without it the status is `ordered`. */
  readonly status?: 'paid';
  /** ISO 8601, like `payBefore`. */
  readonly createdAt: string;
  readonly payBefore: string;
}

export interface Verdicts {
  readonly verdicts: readonly Verdict[];
  /**
   * The terms of the orders whose verdict has an amount. With them a web node can answer the
   * shopper without a database query. Readers that do not know this field query the database, and
   * so do readers of a verdict about an older order.
   */
  readonly terms?: OrderTerms;
  /** Ids of requests that became dead letters. They are not decided, and an operator has to act. */
  readonly delayed?: readonly string[];
}

/** Sent through an orders queue after the last message of a dead node. */
export interface Drain {
  readonly node: string;
}

/** Everything that was in `queue` before the drain message has been decided. */
export interface Drained {
  readonly node: string;
  readonly queue: string;
}

/** A message that is not valid for its schema. It is never retried, because it would fail again. */
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
  const { requestId, userId, units, acceptFewer, day, positions } = record;
  if (!isRequestId(requestId)) throw new UndecodableMessage('requestId must be a UUID');
  if (typeof userId !== 'string' || userId === '' || userId.length > USER_ID_LENGTH_MAX) {
    throw new UndecodableMessage(`userId must have 1 to ${USER_ID_LENGTH_MAX} characters`);
  }
  if (!Number.isInteger(units) || (units as number) < 1 || (units as number) > REQUEST_UNITS_MAX) {
    throw new UndecodableMessage(`units must be an integer from 1 to ${REQUEST_UNITS_MAX}`);
  }
  if (day !== undefined && !isDay(day)) throw new UndecodableMessage('day must be a day');
  if (positions !== undefined && !arePositions(positions, units as number)) {
    throw new UndecodableMessage('positions must be those of as many units');
  }
  const plain = {
    ...{ requestId, userId, units: units as number },
    ...(isDay(day) && { day }),
    ...(positions !== undefined && { positions: positions as number[] }),
  };
  const request = acceptFewer === true ? { ...plain, acceptFewer } : plain;
  const trace = traceOf(record);
  return trace === undefined ? request : { ...request, ...trace };
}

function arePositions(value: unknown, units: number): boolean {
  const isPosition = (one: unknown) => Number.isInteger(one) && (one as number) > 0;
  return Array.isArray(value) && value.length === units && value.every(isPosition);
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
  const { sentAtMs } = record;
  const sent = typeof sentAtMs === 'number' && { sentAtMs };
  return { sku, node: text(record, 'node'), requests: requests.map(purchaseRequest), ...sent };
}

export interface ReadableEnvelope {
  readonly sku?: string;
  readonly node?: string;
  /** The requests with a valid id and a user, which is enough to record an outcome. */
  readonly requests: readonly { readonly requestId: string; readonly userId: string }[];
}

/** Reads what it can of a message that may be broken or of another version. Never throws. */
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
  const { requestId, status, reason, orderNo, units, amount, packet, seats } = record;
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
    ...(typeof packet === 'string' && { packet }),
    ...(Array.isArray(seats) && { seats: seats as NumberedUnit[] }),
    ...traceOf(record),
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
