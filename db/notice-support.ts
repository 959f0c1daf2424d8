import type { NoticeChannel, NoticeKind } from '../contracts/notices.ts';
import type { ReasonedActor } from './actions.ts';
import { askOwner } from './client/homes.ts';
import type { Databases } from './client/pool.ts';

/** Typed calls for customer service about notices. Every function throws only DatabaseError. */

/** A notice as customer service sees it, without the address. */
export interface OrderNotice {
  /** Digits. */
  readonly noticeNo: string;
  readonly kind: NoticeKind;
  readonly channel: NoticeChannel;
  readonly language: string;
  readonly state: 'held' | 'due' | 'sent' | 'dropped' | 'given_up';
  readonly happenedAt: Date;
  readonly nextAt: Date;
  readonly attempts: number;
  readonly lastError: string | null;
  readonly sentAt: Date | null;
}

/** The notices of an order, those that are still to be sent included. */
export async function orderNotices(databases: Databases, orderNo: string): Promise<OrderNotice[]> {
  const rows = await askOwner(databases, 'regular', 'order_notices', (regular) =>
    regular.query<{
      notice_no: string;
      kind: NoticeKind;
      channel: NoticeChannel;
      language: string;
      state: OrderNotice['state'];
      happened_at: Date;
      next_at: Date;
      attempts: number;
      last_error: string | null;
      sent_at: Date | null;
    }>({ text: 'SELECT * FROM catalog.order_notices($1)', values: [orderNo] }),
  );
  return rows.map((row) => ({
    noticeNo: row.notice_no,
    kind: row.kind,
    channel: row.channel,
    language: row.language,
    state: row.state,
    happenedAt: row.happened_at,
    nextAt: row.next_at,
    attempts: row.attempts,
    lastError: row.last_error,
    sentAt: row.sent_at,
  }));
}

/** Sends a notice again, as a message of its own. @returns false if it cannot be sent */
export async function resendNotice(
  { regular }: Databases,
  noticeNo: string,
  { by, reason }: ReasonedActor,
): Promise<boolean> {
  const [row] = await regular.query<{ sent: boolean }>({
    text: 'SELECT catalog.resend_notice($1, $2, $3) AS sent',
    values: [noticeNo, by, reason],
  });
  return row?.sent === true;
}
