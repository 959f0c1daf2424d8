import { randomBytes } from 'node:crypto';
import { SCHEMAS, type Schema } from '../../contracts/names.ts';
import { contactOfToken } from '../../contracts/notice-links.ts';
import { addNoticeContact, confirmNoticeContact, outboxBatch, outboxDone } from '../../db/calls.ts';
import type { Databases } from '../../db/client/pool.ts';
import { createMetrics } from '../../process/metrics.ts';
import { createNoticeMetrics, sendNotices } from '../../worker/notices/dispatcher.ts';
import { NOTICE_LIMITS, type NoticeLimits } from '../../worker/notices/limits.ts';
import type { Sender } from '../../worker/notices/round.ts';
import { noticeCalls } from '../../worker/notices/start.ts';
import { log } from '../broker/harness.ts';
import { until } from '../until.ts';
import type { Mailbox, Received } from './mailbox.ts';

/** Workers that send notices, with pauses short enough for a test, and shoppers who want them. */

const NOTICE_SECRET = randomBytes(32).toString('base64url');
export const SHOP_URL = 'https://shop.example';

const LIMITS: NoticeLimits = {
  ...NOTICE_LIMITS,
  retryDelayInitialMs: 20,
  retryDelayMaxMs: 100,
  awayDelayInitialMs: 20,
  awayDelayMaxMs: 100,
};

export function startSender(worker: Databases, senders: readonly Sender[]) {
  const stop = new AbortController();
  const metrics = createMetrics('test');
  const ended = sendNotices({
    homes: SCHEMAS,
    senders,
    calls: noticeCalls(worker),
    message: { secret: NOTICE_SECRET, shopUrl: SHOP_URL, timeZone: 'Europe/Berlin' },
    isBusy: () => false,
    limits: LIMITS,
    metrics: createNoticeMetrics(metrics),
    log,
    stopping: stop.signal,
  });
  return {
    metrics,
    async end() {
      stop.abort();
      await ended;
    },
  };
}

/** Publishes the events of some schemas, as their relays do. */
export async function publish(
  worker: Databases,
  schemas: readonly Schema[] = SCHEMAS,
): Promise<void> {
  for (const schema of schemas) {
    const events = await outboxBatch(worker, schema, 'test', 1_000);
    await outboxDone(worker, schema, [...new Set(events.map(({ eventNo }) => eventNo))]);
  }
}

export function askForMail(
  web: Databases,
  contact: { readonly sale: string; readonly userId: string; readonly address: string },
  language = 'en',
) {
  return addNoticeContact(web, { ...contact, channel: 'email', language, reminders: [] });
}

/** The contact that the link of a question names. */
function contactOf(mail: Received | undefined): string {
  const [, token = ''] = /#confirm=([\w-]+)/.exec(mail?.text ?? '') ?? [];
  const contact = contactOfToken(NOTICE_SECRET, 'confirm', token);
  if (contact === undefined) throw new Error(`no link to confirm in ${mail?.text}`);
  return contact;
}

/** Waits for the question to an address, and confirms it. */
export async function confirm(web: Databases, mailbox: Mailbox, address: string): Promise<string> {
  const question = await until(`a question to ${address}`, () => mailbox.to(address)[0]);
  const contact = contactOf(question);
  await confirmNoticeContact(web, contact);
  return contact;
}
