import { endsWithin } from '../../broker/deadline.ts';
import type { NoticeSender } from '../../contracts/notice-config.ts';
import {
  forgetNoticeContacts,
  noticeEvents,
  noticeLags,
  orderDetails,
  planNotices,
  reportNotices,
  takeNotices,
  trimNotices,
} from '../../db/calls.ts';
import { createPool, Databases } from '../../db/client/pool.ts';
import type { Lifecycle } from '../../process/lifecycle.ts';
import type { Log } from '../../process/log.ts';
import type { Metrics } from '../../process/metrics.ts';
import type { WorkerConfig } from '../config.ts';
import { createNoticeMetrics, type NoticeCalls, sendNotices } from './dispatcher.ts';
import { NOTICE_LIMITS } from './limits.ts';
import { createMailer } from './mail.ts';
import { createPusher } from './push.ts';
import type { Sender } from './round.ts';

/** Separate database connections, so that notices never take one from orders. */
const CONNECTIONS_MAX = 2;
/** Time for attempts that are under way when the process stops. */
const STOP_TIMEOUT_MS = 2_000;

/** Tells shoppers of orders in the worker's schemas until the process stops. */
export function startNotices(
  { notices, databaseUrls, queues }: WorkerConfig,
  { log, metrics, isBusy }: { log: Log; metrics: Metrics; isBusy: () => boolean },
  lifecycle: Lifecycle,
): void {
  // They are told even if no notices are sent, so that alerts and dashboards know them.
  const noticeMetrics = createNoticeMetrics(metrics);
  if (notices === undefined) return;
  const databases = Databases.open(databaseUrls, (url) => {
    const pool = createPool({
      url,
      role: 'worker',
      onlyAccepted: true,
      max: CONNECTIONS_MAX,
      applicationName: 'flashsale notices',
      onError: (error) => log.warn({ err: error }, 'database connection lost'),
    });
    lifecycle.onStop('database of notices', () => pool.close());
    return pool;
  });
  const ended = sendNotices({
    homes: queues,
    senders: sendersOf(notices),
    calls: noticeCalls(databases),
    message: notices,
    isBusy,
    limits: NOTICE_LIMITS,
    metrics: noticeMetrics,
    log,
    stopping: lifecycle.stopping,
  });
  // An attempt that is not recorded by then is repeated with the same id.
  lifecycle.onStop('notices', async () => {
    await endsWithin(STOP_TIMEOUT_MS, ended);
  });
}

function sendersOf({ email, push }: NoticeSender): Sender[] {
  const { inFlightMax } = NOTICE_LIMITS;
  return [
    ...(email === undefined ? [] : [createMailer(email, inFlightMax)]),
    ...(push === undefined ? [] : [createPusher(push, inFlightMax)]),
  ];
}

export function noticeCalls(databases: Databases): NoticeCalls {
  return {
    events: (schema, rowsMax) => noticeEvents(databases, schema, rowsMax),
    plan: (schema, events, notices) => planNotices(databases, schema, events, notices),
    take: (channel, limits) => takeNotices(databases, channel, limits),
    report: (reports) => reportNotices(databases, reports),
    statusOf: async (orderNo) => (await orderDetails(databases, orderNo))?.status,
    forget: (contact) => forgetNoticeContacts(databases, { contact }),
    trim: (contactsMax) => trimNotices(databases, contactsMax),
    lags: () => noticeLags(databases),
  };
}
