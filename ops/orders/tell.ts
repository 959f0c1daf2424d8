import { unitText } from '../../contracts/seats.ts';
import { type RequestFacts, WAITLIST_NODE } from '../../db/calls.ts';
import { STRIPE_PREFIX } from '../../payment/stripe-terms.ts';
import {
  CHANNELS,
  type Moment,
  NOTICES,
  noticeSentences,
  refusalText,
  type Sentence,
  times,
  undecidedSentences,
  undeliveredSentence,
  words,
} from './sentences.ts';
import type { OrderStory, RequestStory } from './story.ts';

/** Tells a story in sentences, for a person on the phone. It tells nothing that is not recorded. Pure. */

export interface Told {
  /** How it is now, the most important first. */
  readonly now: readonly Sentence[];
  /** The past, oldest first. A moment without a time stands before the decision. */
  readonly moments: readonly Moment[];
}

export function tell(story: RequestStory, now: Date): Told {
  const { request, ordered, letters, homesAway, missing } = story;
  const moments = [
    ...(request ? [...admission(request), decision(request, ordered)] : []),
    ...letters.map(({ handledAt, handledBy, action, cause, reason }) =>
      moment(
        handledAt,
        action === 'replayed'
          ? `${handledBy} put the dead letter with the request back into its queue. Its cause: ${words(cause)}.`
          : `${handledBy} refused the dead letter with the request (${words(reason ?? '')}). Its cause: ${words(cause)}.`,
      ),
    ),
    ...(ordered ? momentsOf(ordered) : []),
  ];
  // A request was admitted before it was decided.
  const at = ({ at: time }: Moment) => (time ?? request?.decidedAt)?.getTime() ?? 0;
  return {
    now: [
      ...(ordered
        ? presentOf(ordered, now)
        : request
          ? [[refusalText(request)]]
          : unknownOf(story)),
      ...homesAway.map((home) => [`Missing here: the database of ${home} does not answer.`]),
      ...missing.map((text) => [`Missing here: ${text}.`]),
    ],
    moments: moments.toSorted((one, other) => at(one) - at(other)),
  };
}

function unknownOf({ undecided, homesAway }: RequestStory): readonly Sentence[] {
  if (homesAway.length > 0) {
    return [
      ['It is not known whether this request is decided: ask again when all databases answer.'],
    ];
  }
  if (undecided === undefined) return [['No database has decided this request.']];
  return undecidedSentences(undecided);
}

function moment(at: Date | null, ...says: Sentence): Moment {
  return { at, says };
}

function admission({ node, askedAt }: RequestFacts): Moment[] {
  if (node === WAITLIST_NODE) {
    return [moment(askedAt, 'The shopper asked for a place in the waitlist.')];
  }
  const where = node === null ? 'A web node' : `Web node ${node}`;
  return [moment(null, `${where} admitted the request and published it to RabbitMQ.`)];
}

function decision(request: RequestFacts, ordered: OrderStory | undefined): Moment {
  const { decidedAt, units, sku, orderNo, node } = request;
  if (orderNo === null) return moment(decidedAt, `Decided. ${refusalText(request)}`);
  const how = node === WAITLIST_NODE ? 'Units came back and went to the waitlist' : 'Decided';
  const what = `${how}: order ${orderNo}, ${units} × ${sku}`;
  if (ordered === undefined) return moment(decidedAt, `${what}.`);
  const { amount, currency, payBefore, packet } = ordered.order;
  if (packet !== undefined) {
    return moment(
      decidedAt,
      `${what}, a packet of ${packet} ${currency}. It costs nothing, so it is paid.`,
    );
  }
  if (Number(amount) === 0) return moment(decidedAt, `${what}. It costs nothing, so it is paid.`);
  return moment(decidedAt, `${what} for ${amount} ${currency}, to be paid by `, payBefore, '.');
}

function momentsOf(ordered: OrderStory): Moment[] {
  const { order, changedAt, paidBy, session, payments, actions, contacts = [], notices } = ordered;
  return [
    ...contacts.flatMap(({ channel, hint, createdAt, confirmedAt }) => {
      const where = channel === 'email' ? `by e-mail at ${hint}` : `by push messages (${hint})`;
      return [
        moment(createdAt, `The shopper asked to be told ${where}.`),
        ...(channel === 'email' && confirmedAt
          ? [moment(confirmedAt, `The owner of ${hint} confirmed the address.`)]
          : []),
      ];
    }),
    ...(session ? sessionMoments(session) : []),
    ...payments.flatMap(({ receivedAt, amount, currency, paymentRef, refund }) => [
      moment(
        receivedAt,
        `${amount} ${currency} came in: payment ${paymentRef}. ${
          paymentRef !== paidBy
            ? 'The order could not have it, so it goes back.'
            : receivedAt > order.payBefore
              ? 'It came after the time to pay, and paid the order nevertheless.'
              : 'It paid the order.'
        }`,
      ),
      ...(refund?.state === 'done'
        ? [moment(refund.changedAt, `${amount} ${currency} went back: refund ${refund.refundRef}.`)]
        : []),
    ]),
    ...actions.map(({ at, by, action, reason }) =>
      moment(at, `${by} ${ACTIONS[action] ?? `did this: ${action}`}: ${reason}`),
    ),
    ...(changedAt ? endOf(ordered, changedAt) : []),
    ...notices.flatMap(({ sentAt, kind, channel }) =>
      sentAt ? [moment(sentAt, `Told ${CHANNELS[channel]} ${NOTICES[kind]}.`)] : [],
    ),
  ];
}

const ACTIONS: Readonly<Record<string, string>> = {
  cancel: 'cancelled the order for the shopper',
  refund: 'cancelled the paid order, so its payment goes back',
  resend: 'had a notice sent again',
  note: 'noted',
};

function endOf({ order, actions }: OrderStory, changedAt: Date): Moment[] {
  const { status, reason } = order;
  if (status === 'expired') {
    return [moment(changedAt, 'Nobody paid in time: the order expired, and its units went back.')];
  }
  if (status !== 'cancelled') return [];
  if (reason === null) return [moment(changedAt, 'The shopper cancelled the order.')];
  if (reason === 'called_off') {
    return [moment(changedAt, 'The shop called the sale off, and the order ended with it.')];
  }
  const isTold = actions.some(({ action }) => action === 'cancel' || action === 'refund');
  return isTold ? [] : [moment(changedAt, 'The shop cancelled the order.')];
}

function sessionMoments({ state, changedAt, endsAt }: NonNullable<OrderStory['session']>) {
  if (state === 'open') {
    const text = 'The shopper opened the payment page of the provider. One can pay there until ';
    return [moment(changedAt, text, endsAt, '.')];
  }
  if (state === 'paying') {
    const text =
      'The shopper completed the payment page. The provider has yet to say how it ended.';
    return [moment(changedAt, text)];
  }
  return state === 'ended' ? [moment(changedAt, 'The payment page of the provider closed.')] : [];
}

function presentOf(ordered: OrderStory, now: Date): Sentence[] {
  const { order, payments, notices, contacts, undelivered, session } = ordered;
  return [
    ...statusSentence(order, now),
    ...(order.seats ? [[`It has ${order.seats.map(unitText).join('; ')}.`]] : []),
    ...payments.flatMap(({ refund, amount, currency, paymentRef }): Sentence[] => {
      if (refund?.state !== 'due') return [];
      const { tries, lastError } = refund;
      const by = paymentRef.startsWith(STRIPE_PREFIX)
        ? 'A worker gives it back at Stripe.'
        : 'People of the shop give it back at the provider, and record it.';
      const asked = tries > 0 ? ` The provider was asked ${times(tries)}.` : '';
      const error = lastError === null ? '' : ` The last error: ${lastError}`;
      return [
        [`${amount} ${currency} of payment ${paymentRef} has to go back. ${by}${asked}${error}`],
      ];
    }),
    ...(session?.state === 'ending'
      ? [[`The payment page is being closed.${session.error ? ` Error: ${session.error}` : ''}`]]
      : []),
    ...notices.flatMap(noticeSentences),
    ...(contacts?.length === 0 ? [['No address is recorded for notices of this order.']] : []),
    ...undelivered.map(undeliveredSentence),
  ];
}

function statusSentence({ status, reason, payBefore }: OrderStory['order'], now: Date): Sentence[] {
  switch (status) {
    case 'ordered':
      return [
        ['Unpaid. It is to be paid by ', payBefore, '.'],
        ...(payBefore <= now
          ? [['That time is over: it expires as soon as a worker comes to it.']]
          : []),
      ];
    case 'paid':
      return [['Paid. The units belong to the shopper.']];
    case 'expired':
      return [['Expired: it was not paid in time.']];
    case 'cancelled':
      if (reason === null) return [['Cancelled by the shopper.']];
      return [
        [reason === 'called_off' ? 'Cancelled with the whole sale.' : 'Cancelled by the shop.'],
      ];
  }
}
