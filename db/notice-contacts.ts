import type { NoticeChannel, PlannedNotice } from '../contracts/notices.ts';
import { toNumber } from './client/homes.ts';
import type { Databases } from './client/pool.ts';

/**
 * Typed calls for the addresses at which shoppers are told. They are personal data, stored only on the server
 * of regular. Every function throws only DatabaseError.
 */

export interface NewNoticeContact {
  readonly sale: string;
  readonly userId: string;
  readonly channel: NoticeChannel;
  /** The e-mail address, or the URL of the push subscription. */
  readonly address: string;
  /** Of a push subscription. */
  readonly keys?: { readonly p256dh: string; readonly auth: string };
  readonly language: string;
  /** Reminders of orders that are unpaid already. */
  readonly reminders: readonly PlannedNotice[];
}

export type AddContactResult = 'added' | 'known' | 'questions' | 'full' | 'over' | 'unknown_sale';

/** Records a contact. An e-mail address is asked to confirm. */
export async function addNoticeContact(
  { regular }: Databases,
  contact: NewNoticeContact,
): Promise<AddContactResult> {
  const { sale, userId, channel, address, keys, language, reminders } = contact;
  const [row] = await regular.query<{ result: AddContactResult }>({
    name: 'add_notice_contact',
    text: 'SELECT catalog.add_notice_contact($1, $2, $3, $4, $5, $6, $7, $8) AS result',
    values: [
      sale,
      userId,
      channel,
      address,
      keys?.p256dh ?? null,
      keys?.auth ?? null,
      language,
      JSON.stringify(reminders),
    ],
  });
  return row?.result ?? 'unknown_sale';
}

/** @returns the sale; undefined if there is no such contact any more */
export async function confirmNoticeContact(
  { regular }: Databases,
  contact: string,
): Promise<string | undefined> {
  const [row] = await regular.query<{ sale: string | null }>({
    name: 'confirm_notice_contact',
    text: 'SELECT catalog.confirm_notice_contact($1) AS sale',
    values: [contact],
  });
  return row?.sale ?? undefined;
}

export interface NoticeContact {
  readonly contact: string;
  readonly channel: NoticeChannel;
  readonly address: string;
  readonly language: string;
  readonly createdAt: Date;
  readonly confirmedAt: Date | null;
}

/** The contacts of a user for a sale, oldest first. */
export async function noticeContacts(
  { regular }: Databases,
  sale: string,
  userId: string,
): Promise<NoticeContact[]> {
  const rows = await regular.query<{
    contact: string;
    channel: NoticeChannel;
    address: string;
    language: string;
    created_at: Date;
    confirmed_at: Date | null;
  }>({
    name: 'notice_contacts',
    text: 'SELECT * FROM catalog.notice_contacts($1, $2)',
    values: [sale, userId],
  });
  return rows.map(({ created_at: createdAt, confirmed_at: confirmedAt, ...row }) => ({
    ...row,
    createdAt,
    confirmedAt,
  }));
}

/** Whose contacts are removed: those of a user, of one sale or all, or one contact. */
export type ForgottenContacts =
  | { readonly userId: string; readonly sale?: string }
  | { readonly contact: string };

/** Removes contacts with their notices. @returns how many contacts */
export async function forgetNoticeContacts(
  { regular }: Databases,
  whose: ForgottenContacts,
): Promise<number> {
  const values =
    'contact' in whose ? [null, null, whose.contact] : [whose.userId, whose.sale ?? null, null];
  const [row] = await regular.query<{ removed: string }>({
    name: 'forget_notice_contacts',
    text: 'SELECT catalog.forget_notice_contacts($1, $2, $3) AS removed',
    values,
  });
  return toNumber(row?.removed ?? '0');
}
