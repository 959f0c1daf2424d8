import type { NoticeChannel, NoticeKind } from '../../contracts/notices.ts';
import type { DueNotice, NoticeReport, OrderStatus } from '../../db/calls.ts';
import { backoffMs } from '../backoff.ts';
import type { NoticeLimits } from './limits.ts';
import { type Message, type MessageOptions, messageOf } from './message.ts';

/** One round of sending the due notices of a channel. */

/** An attempt without a result this long after its timeout is given to another worker. */
const LEASE_MARGIN_MS = 30_000;

export type SendResult =
  | { readonly result: 'sent' }
  /** `refused`: never for this notice. `gone`: the contact does not exist any more. */
  | { readonly result: 'refused' | 'gone'; readonly error: string }
  | { readonly result: 'later'; readonly error: string; readonly retryMs?: number }
  /** The server cannot be reached: no notice of the channel can be sent now. */
  | { readonly result: 'away'; readonly error: string };

/** Sends the notices of one channel. Errors never have an address. */
export interface Sender {
  readonly channel: NoticeChannel;
  /** Never rejects. Gives up when `timeout` is aborted. */
  send(notice: DueNotice, message: Message, timeout: AbortSignal): Promise<SendResult>;
  close(): void;
}

export interface RoundCalls {
  take(limits: {
    readonly noticesMax: number;
    readonly leaseMs: number;
  }): Promise<readonly DueNotice[]>;
  report(reports: readonly NoticeReport[]): Promise<unknown>;
  /** Undefined: there is no such order any more. */
  statusOf(orderNo: string): Promise<OrderStatus | undefined>;
  forget(contact: string): Promise<unknown>;
}

export type NoticeResult = 'sent' | 'dropped' | 'given_up' | 'failed';

export interface RoundOptions {
  readonly sender: Sender;
  readonly calls: RoundCalls;
  readonly message: Omit<MessageOptions, 'isUnpaid'>;
  readonly limits: NoticeLimits;
  readonly onResult: (kind: NoticeKind, result: NoticeResult) => void;
}

/** What a notice says of the order, and whether that is still true. */
const ABOUT_UNPAID: ReadonlySet<NoticeKind> = new Set(['claimed', 'expiring']);

/**
 * @param noticesMax the most that are taken; while the server is away, one is enough to find out
 * @returns how many were taken, and why the server counts as away
 */
export async function sendRound(
  options: RoundOptions,
  noticesMax: number,
): Promise<{ readonly taken: number; readonly away?: string }> {
  const { calls, limits, onResult } = options;
  const leaseMs = limits.timeoutMs + LEASE_MARGIN_MS;
  const notices = await calls.take({ noticesMax, leaseMs });
  if (notices.length === 0) return { taken: 0 };
  const results = await Promise.all(
    notices.map(async (notice) => ({ notice, ...(await attempt(options, notice)) })),
  );
  await calls.report(results.map(({ report }) => report));
  for (const { notice, report, gone } of results) {
    if (gone === true) await calls.forget(notice.contact);
    onResult(notice.kind, report.state === 'due' ? 'failed' : report.state);
  }
  const away = results.find((each) => each.away !== undefined)?.away;
  return { taken: notices.length, ...(away !== undefined && { away }) };
}

interface Attempt {
  readonly report: NoticeReport;
  readonly gone?: boolean;
  readonly away?: string;
}

async function attempt(options: RoundOptions, notice: DueNotice): Promise<Attempt> {
  const { sender, message, limits } = options;
  const { noticeNo } = notice;
  const retryMs = (wanted = 0) =>
    Math.max(
      wanted,
      backoffMs(notice.attempt, Math.random(), limits.retryDelayInitialMs, limits.retryDelayMaxMs),
    );
  let isUnpaid: boolean | undefined;
  try {
    isUnpaid = await stillTrue(options, notice);
  } catch {
    const error = 'the database of the order does not answer';
    return { report: { noticeNo, state: 'due', error, retryMs: limits.retryDelayInitialMs } };
  }
  if (isUnpaid === undefined)
    return { report: { noticeNo, state: 'dropped', error: 'not so any more' } };
  let mail: Message;
  try {
    mail = messageOf(notice, { ...message, isUnpaid });
  } catch {
    // A notice that cannot be written, such as one of a newer version, does not hold up the others.
    return { report: { noticeNo, state: 'due', error: 'no message', retryMs: retryMs() } };
  }
  const sent = await sender.send(notice, mail, AbortSignal.timeout(limits.timeoutMs));
  switch (sent.result) {
    case 'sent':
      return { report: { noticeNo, state: 'sent' } };
    case 'refused':
      return { report: { noticeNo, state: 'given_up', error: sent.error } };
    case 'gone':
      return { report: { noticeNo, state: 'given_up', error: sent.error }, gone: true };
    case 'later':
      return {
        report: { noticeNo, state: 'due', error: sent.error, retryMs: retryMs(sent.retryMs) },
      };
    case 'away':
      // The channel pauses as a whole, and this notice is as good as any to try then.
      return {
        report: { noticeNo, state: 'due', error: sent.error, retryMs: 0 },
        away: sent.error,
      };
  }
}

/**
 * Looks the order up, because a notice may have waited for long.
 *
 * @returns whether the order is unpaid; undefined: the notice is not true any more
 */
async function stillTrue(
  { calls }: RoundOptions,
  { kind, orderNo }: DueNotice,
): Promise<boolean | undefined> {
  if (kind !== 'ordered' && !ABOUT_UNPAID.has(kind)) return false;
  const status = await calls.statusOf(orderNo);
  if (status === 'ordered') return true;
  // A free order of the waitlist is paid at once. It is told as well.
  return status === 'paid' && kind !== 'expiring' ? false : undefined;
}
