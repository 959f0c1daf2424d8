import { type Home, schemaOf } from '../contracts/homes.ts';
import type {
  NoticeChannel,
  NoticeEvent,
  NoticeFacts,
  NoticeKind,
  PlannedNotice,
} from '../contracts/notices.ts';
import { toNumber } from './client/homes.ts';
import type { Databases } from './client/pool.ts';
import { type EventRow, toEvent } from './outbox.ts';

/**
 * Typed calls for notices to shoppers. Notices are stored on the server of regular, also those of orders of
 * the other server. Every function throws only DatabaseError.
 */

interface NoticeEventRow extends EventRow {
  read_to: string;
  waited: boolean;
  reason: NoticeEvent['reason'];
}

/** Events of a log to derive notices from. */
export interface NoticeEvents {
  /** Digits: the position that was read from, and the new one. */
  readonly from: string;
  readonly to: string;
  readonly events: readonly NoticeEvent[];
}

/**
 * Reads the events of a schema that no notice is derived from yet.
 *
 * @param rowsMax maximum rows of the log; each may hold a batch of orders
 * @returns undefined at the end of the log
 */
export async function noticeEvents(
  databases: Databases,
  home: Home,
  rowsMax: number,
): Promise<NoticeEvents | undefined> {
  const [position] = await databases.regular.query<{ log_no: string; sales: string[] }>({
    name: 'notice_position',
    text: 'SELECT * FROM catalog.notice_position($1)',
    values: [home],
  });
  if (position === undefined) return undefined;
  const rows = await databases.home(home).query<NoticeEventRow>({
    name: `notice_events_${schemaOf(home)}`,
    text: `SELECT * FROM ${schemaOf(home)}.notice_events($1, $2, $3)`,
    values: [position.log_no, rowsMax, position.sales],
  });
  const [first] = rows;
  if (first === undefined) return undefined;
  const events = rows
    .filter((row) => row.order_no !== null)
    .map((row) => ({ ...toEvent(row), waited: row.waited, reason: row.reason }));
  return { from: position.log_no, to: first.read_to, events };
}

/** @returns how many notices are new; undefined if another worker derived these events meanwhile */
export async function planNotices(
  { regular }: Databases,
  home: Home,
  { from, to }: Pick<NoticeEvents, 'from' | 'to'>,
  notices: readonly PlannedNotice[],
): Promise<number | undefined> {
  const [row] = await regular.query<{ planned: string | null }>({
    name: 'plan_notices',
    text: 'SELECT catalog.plan_notices($1, $2, $3, $4) AS planned',
    values: [home, from, to, JSON.stringify(notices)],
  });
  return row?.planned == null ? undefined : toNumber(row.planned);
}

/** A notice to send now. It has personal data: never log it. */
export interface DueNotice {
  readonly noticeNo: string;
  readonly contact: string;
  /** Digits; 0 for `confirm`. */
  readonly orderNo: string;
  readonly kind: NoticeKind;
  readonly eventNo: string;
  /** How often somebody had it sent again. */
  readonly copy: number;
  /** Number of this attempt, from 1. */
  readonly attempt: number;
  /** Undefined for `confirm`. */
  readonly facts: NoticeFacts | undefined;
  readonly untilAt: Date;
  readonly sale: string;
  readonly saleTitle: string;
  readonly skuTitle: string;
  readonly address: string;
  readonly keys: { readonly p256dh: string; readonly auth: string } | undefined;
  readonly language: string;
}

/** Takes notices to send now. No other caller gets them during the lease. */
export async function takeNotices(
  { regular }: Databases,
  channel: NoticeChannel,
  limits: { readonly noticesMax: number; readonly leaseMs: number },
): Promise<DueNotice[]> {
  const rows = await regular.query<{
    notice_no: string;
    contact: string;
    order_no: string;
    kind: NoticeKind;
    event_no: string;
    copy: number;
    attempts: number;
    facts: NoticeFacts;
    until_at: Date;
    sale: string;
    sale_title: string;
    sku_title: string | null;
    address: string;
    push_key: string | null;
    push_auth: string | null;
    language: string;
  }>({
    name: 'take_notices',
    text: `SELECT * FROM catalog.take_notices($1, $2, $3 * interval '1 ms')`,
    values: [channel, limits.noticesMax, limits.leaseMs],
  });
  return rows.map((row) => ({
    noticeNo: row.notice_no,
    contact: row.contact,
    orderNo: row.order_no,
    kind: row.kind,
    eventNo: row.event_no,
    copy: row.copy,
    attempt: row.attempts,
    facts: row.kind === 'confirm' ? undefined : row.facts,
    untilAt: row.until_at,
    sale: row.sale,
    saleTitle: row.sale_title,
    skuTitle: row.sku_title ?? row.facts.sku ?? '',
    address: row.address,
    keys:
      row.push_key === null || row.push_auth === null
        ? undefined
        : { p256dh: row.push_key, auth: row.push_auth },
    language: row.language,
  }));
}

export interface NoticeReport {
  readonly noticeNo: string;
  readonly state: 'sent' | 'dropped' | 'given_up' | 'due';
  /** Why it was not sent. It never has an address. */
  readonly error?: string;
  /** Milliseconds until the next attempt, for `due`. */
  readonly retryMs?: number;
}

export async function reportNotices(
  { regular }: Databases,
  reports: readonly NoticeReport[],
): Promise<void> {
  await regular.query({
    name: 'report_notices',
    text: 'SELECT catalog.report_notices($1, $2, $3, $4)',
    values: [
      reports.map(({ noticeNo }) => noticeNo),
      reports.map(({ state }) => state),
      reports.map(({ error }) => error ?? null),
      reports.map(({ retryMs }) => (retryMs === undefined ? null : `${retryMs} ms`)),
    ],
  });
}

/** Removes contacts whose time is over. @returns how many */
export async function trimNotices({ regular }: Databases, contactsMax: number): Promise<number> {
  const [row] = await regular.query<{ removed: string }>({
    name: 'trim_notices',
    text: 'SELECT catalog.trim_notices($1) AS removed',
    values: [contactsMax],
  });
  return toNumber(row?.removed ?? '0');
}

export interface NoticeLag {
  readonly channel: NoticeChannel;
  readonly due: number;
  /** Notices among these whose last attempt failed. */
  readonly failing: number;
  /** Since when the longest has waited; null if none waits. */
  readonly since: Date | null;
}

export async function noticeLags({ regular }: Databases): Promise<NoticeLag[]> {
  const rows = await regular.query<{
    channel: NoticeChannel;
    due: string;
    failing: string;
    since: Date | null;
  }>({ name: 'notice_lag', text: 'SELECT * FROM catalog.notice_lag()' });
  return rows.map(({ due, failing, ...row }) => ({
    ...row,
    due: toNumber(due),
    failing: toNumber(failing),
  }));
}
