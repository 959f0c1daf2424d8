import type { DeadLetter } from '../broker/dead-letters.ts';
import type { Publisher } from '../broker/publisher.ts';
import { sendVerdicts } from '../broker/verdict-sender.ts';
import { type Home, REGULAR } from '../contracts/homes.ts';
import {
  decodeEnvelope,
  encode,
  isEnvelope,
  UndecodableMessage,
  type Verdict,
} from '../contracts/messages.ts';
import { ORDERS_EXCHANGE, ordersQueue } from '../contracts/topology.ts';
import {
  type HandledDeadLetter,
  knownOutcomes,
  logDeadLetter,
  refuseRequests,
  saleBoard,
  verdictOf,
} from '../db/calls.ts';
import type { Databases } from '../db/client/pool.ts';

/**
 * Replays and refuses dead letters for an operator. Every step can be repeated. The letter is
 * acknowledged last, so after a crash it is still in the queue.
 */

/** Bytes of a message that the log keeps when the message leaves the queue. */
const CONTENT_KEPT_BYTES = 4_096;
const REFUSE_ATTEMPTS_MAX = 10;

export interface LetterContext {
  readonly databases: Databases;
  readonly publisher: Publisher;
  /** The operator, for the log. */
  readonly who: string;
}

export interface Replayed {
  readonly id: string;
  /** The queue that it was sent to; undefined when all its requests had outcomes already. */
  readonly queue?: string;
  readonly requests: number;
}

/**
 * Sends a letter to the orders queue of its SKU's present home, without the dead-letter headers and
 * without requests that have been decided meanwhile.
 *
 * @throws {Error} when the broker did not confirm the publish; the letter stays
 */
export async function replay(letter: DeadLetter, context: LetterContext): Promise<Replayed> {
  const schema = (await homeOf(letter, context.databases)) ?? originOf(letter, context.databases);
  const { content, open } = await undecided(letter, context);
  const queue = ordersQueue(schema);
  await logDeadLetter(context.databases, schema, logEntry(letter, context, 'replayed'));
  if (content !== undefined) {
    const result = await context.publisher.publish({
      exchange: ORDERS_EXCHANGE,
      routingKey: schema,
      schema: letter.schema,
      content,
      ...(letter.replyTo !== undefined && { replyTo: letter.replyTo }),
      persistent: true,
      mandatory: true,
    });
    if (result !== 'confirmed') {
      throw new Error(`${letter.id} stays a dead letter: the publish was ${result}`);
    }
  }
  letter.ack();
  return { id: letter.id, requests: open, ...(content !== undefined && { queue }) };
}

export interface Refused {
  readonly id: string;
  /** Requests that this call has rejected, and requests that had another outcome before. */
  readonly refused: number;
  readonly kept: number;
}

/**
 * Rejects the requests of a letter, sends the verdicts to their web node and removes the letter.
 *
 * @throws {Error} when the SKU is being transferred to the other home during all attempts
 */
export async function refuse(
  letter: DeadLetter,
  context: LetterContext,
  reason: string,
): Promise<Refused> {
  const { databases, publisher } = context;
  const { sku = '', node = '', requests } = letter.envelope;
  const schema = (await homeOf(letter, databases)) ?? originOf(letter, databases);
  let verdicts: readonly Verdict[] = [];
  for (let attempt = 1; requests.length > 0; attempt += 1) {
    const decisions = await refuseRequests(databases, schema, { sku, node, requests, reason });
    verdicts = decisions.flatMap(({ status, requestId, reason: why, orderNo, units }) =>
      status === 'locked'
        ? []
        : [{ requestId, status, units, ...(why && { reason: why }), ...(orderNo && { orderNo }) }],
    );
    if (new Set(verdicts.map(({ requestId }) => requestId)).size === idsOf(letter).size) break;
    if (attempt === REFUSE_ATTEMPTS_MAX)
      throw new Error(`${sku} is being moved to the other home; try again`);
  }
  await logDeadLetter(databases, schema, { ...logEntry(letter, context, 'refused'), reason });
  tell(letter, publisher, verdicts);
  letter.ack();
  const refused = verdicts.filter((one) => one.status === 'rejected' && one.reason === reason);
  return { id: letter.id, refused: refused.length, kept: verdicts.length - refused.length };
}

function idsOf({ envelope }: DeadLetter): Set<string> {
  return new Set(envelope.requests.map(({ requestId }) => requestId));
}

function tell({ replyTo }: DeadLetter, publisher: Publisher, verdicts: readonly Verdict[]): void {
  if (replyTo === undefined) return;
  const told = verdicts.map((verdict) => ({ replyTo, verdict }));
  sendVerdicts(publisher, told);
}

/** Returns the message without its decided requests; no content if none is left. */
async function undecided(letter: DeadLetter, { databases, publisher }: LetterContext) {
  const all = idsOf(letter);
  const asIs = { content: letter.content, open: all.size };
  if (!isEnvelope(letter.schema) || all.size === 0) return asIs;
  // A home that does not answer may have decided some of them: place_orders then repeats the outcome.
  const { rows: outcomes } = await knownOutcomes(databases, [...all]);
  if (outcomes.length === 0) return asIs;
  tell(letter, publisher, outcomes.map(verdictOf));
  const decided = new Set(outcomes.map(({ requestId }) => requestId));
  try {
    const envelope = decodeEnvelope(letter.content);
    const requests = envelope.requests.filter(({ requestId }) => !decided.has(requestId));
    if (requests.length === 0) return { content: undefined, open: 0 };
    return { content: encode({ ...envelope, requests }), open: requests.length };
  } catch (error) {
    if (!(error instanceof UndecodableMessage)) throw error;
    return asIs;
  }
}

/** The present home of its SKU; undefined when no catalogue has the SKU. */
async function homeOf({ envelope }: DeadLetter, databases: Databases): Promise<Home | undefined> {
  const { sales } = await saleBoard(databases);
  const skus = sales.flatMap((sale) => sale.skus);
  return skus.find(({ sku }) => sku === envelope.sku)?.schema;
}

function originOf({ queue }: DeadLetter, { homes }: Databases): Home {
  return homes.find((home) => ordersQueue(home) === queue) ?? REGULAR;
}

function logEntry(
  letter: DeadLetter,
  { who }: LetterContext,
  action: HandledDeadLetter['action'],
): HandledDeadLetter {
  const { id, queue, cause, error, sqlstate, envelope, headers, content } = letter;
  const code = sqlstate === undefined ? '' : ` (SQLSTATE ${sqlstate})`;
  return {
    letter: id,
    action,
    queue,
    cause,
    error: error === undefined ? null : `${error}${code}`,
    sku: envelope.sku ?? null,
    requestIds: [...idsOf(letter)],
    reason: null,
    headers,
    content: content.subarray(0, CONTENT_KEPT_BYTES),
    bytes: content.length,
    handledBy: who,
  };
}
