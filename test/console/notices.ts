import { noticesOf } from '../../contracts/notices.ts';
import {
  addNoticeContact,
  confirmNoticeContact,
  noticeContacts,
  noticeEvents,
  planNotices,
} from '../../db/calls.ts';
import type { Databases } from '../../db/client/pool.ts';
import { until } from '../until.ts';

/** Notices of a shop whose workers send none. */

/** A shopper wants to be told by e-mail, and owns the address. */
export async function agree(databases: Databases, sale: string, userId: string, address: string) {
  const mail = { channel: 'email', address, language: 'en', reminders: [] } as const;
  await addNoticeContact(databases, { sale, userId, ...mail });
  const [contact] = await noticeContacts(databases, sale, userId);
  await confirmNoticeContact(databases, contact?.contact ?? '');
}

/** Derives the notices of all events up to one of this order. */
export async function planUpTo(databases: Databases, orderNo: string): Promise<void> {
  await until(`the notice of order ${orderNo} is planned`, async () => {
    const read = await noticeEvents(databases, 'hot', 100);
    if (read === undefined) return false;
    await planNotices(databases, 'hot', read, read.events.flatMap(noticesOf));
    return read.events.some((event) => event.orderNo === orderNo);
  });
}
