import type { OrderNotice, RequestFacts, UndeliveredEvent } from '../../db/calls.ts';
import type { Receipt } from './find.ts';
import type { Undecided } from './undecided.ts';

/** Sentences about single records, for a person on the phone. Pure. */

/** A time in it is shown in the time zone of the reader. */
export type Sentence = readonly (string | Date)[];

export interface Moment {
  /** Null: the time is not recorded. */
  readonly at: Date | null;
  readonly says: Sentence;
}

export function words(name: string): string {
  return name.replaceAll('_', ' ');
}

export function times(count: number): string {
  return count === 1 ? 'once' : `${count} times`;
}

/** The limits of a search, for one without a hit. */
export const NOT_SEARCHED =
  'Refused requests of a user are found only in sales that closed within the last week. Purchases that were never taken (shed, no quota, too early) are not recorded.';

/** Why a request became no order. */
const REFUSALS: Readonly<Record<string, string>> = {
  sold_out: 'no unit was left',
  'sold_out units_may_return': 'every unit was taken, some of them by unpaid orders',
  'sold_out too_few_left': 'fewer units were left than the shopper wanted',
  limit_reached: 'the shopper would have held more units than one shopper may',
  closed: 'the sale or the product was closed',
  'rejected node_fenced':
    'its web node had ended, and the units of that node had gone to others, when the request arrived',
  'rejected unknown_sku': 'there is no such product',
  'rejected bad_units': 'it asked for units that are not possible',
  'rejected seats_taken': 'another order had one of the seats that the shopper chose',
  'rejected leaves_single':
    'the seats that the shopper chose would have left a single one, and others were free',
};

export function refusalText({ status, reason }: Pick<RequestFacts, 'status' | 'reason'>): string {
  const text =
    REFUSALS[`${status} ${reason}`] ??
    (status === 'rejected' ? `an operator refused it (${words(reason ?? '')})` : REFUSALS[status]);
  return `Refused: ${text}. There is no order and nothing to pay.`;
}

export const CHANNELS = { email: 'by e-mail', push: 'by push message' } as const;
export const NOTICES: Readonly<Record<OrderNotice['kind'], string>> = {
  confirm: 'to confirm the address',
  ordered: 'of the order',
  claimed: 'that a unit of the waitlist is held',
  expiring: 'that the order is about to expire',
  refund_due: 'that money has to go back',
  refunded: 'that money went back',
  called_off: 'that the sale was called off',
  cancelled: 'that the shop cancelled the order',
};

/** The text of a button that sends it. */
export function sendText({ kind, channel, state }: OrderNotice): string {
  const how = state === 'due' ? 'Send now' : 'Send again';
  return `${how}: the notice ${NOTICES[kind]}, ${CHANNELS[channel]}`;
}

/** A notice that was not sent. */
export function noticeSentences(notice: OrderNotice): Sentence[] {
  const { kind, channel, state, nextAt, attempts, lastError } = notice;
  const which = `The notice ${NOTICES[kind]}, ${CHANNELS[channel]},`;
  const error = lastError === null ? '' : ` The last error: ${lastError}`;
  const tried = attempts > 0 ? `, after ${times(attempts)}` : '';
  switch (state) {
    case 'sent':
      return [];
    case 'held':
      return [[`${which} waits until the owner confirms the address.`]];
    case 'due':
      return [[`${which} is to be sent at `, nextAt, `${tried}.${error}`]];
    case 'dropped':
      return [[`${which} was not sent: it was not true any more, or too late.`]];
    case 'given_up':
      return [[`${which} could not be sent${tried}.${error}`]];
  }
}

export function undeliveredSentence(event: UndeliveredEvent): Sentence {
  const { endpoint, kind, happenedAt, attempts, nextAt, lastError, givenUpAt } = event;
  const which = `The event “${words(kind)}” of `;
  const error = lastError === null ? '' : ` The last error: ${lastError}`;
  if (endpoint === null) return [which, happenedAt, ' is not published yet.'];
  if (givenUpAt) {
    return [which, happenedAt, ` was given up for webhook ${endpoint} at `, givenUpAt, `.${error}`];
  }
  const tried = attempts > 0 ? `, tried ${times(attempts)}` : '';
  const next = nextAt ? [', the next time at ', nextAt] : [];
  return [which, happenedAt, ` is not at webhook ${endpoint} yet${tried}`, ...next, `.${error}`];
}

export function undecidedSentences(undecided: Undecided): Sentence[] {
  const { waiting, deadLetters, areLettersRead, letter } = undecided;
  if (letter) {
    const { id, cause, at, node, sku } = letter;
    const where = node === null ? '' : ` by web node ${node}`;
    return [
      ['Not decided: the shop has the request, and no worker could decide it.'],
      [
        `It was admitted${where}${sku === null ? '' : ` for ${sku}`}, and became the dead letter ${id} (${words(cause)})`,
        ...(at === null ? ['.'] : [' at ', at, '.']),
      ],
      ['An operator replays or refuses it: flashsale dead-letters.'],
    ];
  }
  const inLetters =
    deadLetters === 0 || areLettersRead
      ? []
      : [[`It may be in one of ${deadLetters} dead letters: ask an operator.`]];
  if (waiting > 0) {
    const count = waiting === 1 ? '1 message waits' : `${waiting} messages wait`;
    return [
      ['No database has decided this request.'],
      [`${count} to be decided. If a web node has taken the request, it is among them.`],
      ...inLetters,
    ];
  }
  return [
    ['No database has decided this request, and no message waits to be decided.'],
    [
      'The shop has not taken it, unless a worker decides it just now: look again in a few seconds. Nothing was ordered.',
    ],
    ...inLetters,
  ];
}

/** Tells the content of the text behind a request id. The console cannot check it. */
export function receiptSentence({ sale, unknownAt }: Receipt): string {
  const what =
    unknownAt === null
      ? 'that a web node had taken the request'
      : `that web node ${unknownAt} did not know whether RabbitMQ had taken the request`;
  return `The address has a receipt of the sale ${sale}. It says ${what}; its signature was not checked.`;
}
