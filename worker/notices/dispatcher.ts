import type { Home } from '../../contracts/homes.ts';
import { noticesOf } from '../../contracts/notices.ts';
import type { NoticeEvents, NoticeLag } from '../../db/calls.ts';
import type { Log } from '../../process/log.ts';
import type { Metrics } from '../../process/metrics.ts';
import { backoffMs } from '../backoff.ts';
import { repeat, Trouble } from '../periodic.ts';
import type { NoticeLimits } from './limits.ts';
import type { MessageOptions } from './message.ts';
import { type RoundCalls, type Sender, sendRound } from './round.ts';

/**
 * Tells shoppers what became of their orders. Two kinds of loops: one for each schema derives notices from
 * its event log, one for each channel sends the notices that are due. Any number of workers may run both at
 * once: an event is derived once, and a notice is taken by one of them at a time.
 */

const PLAN_INTERVAL_MS = 300;
const SEND_INTERVAL_MS = 300;
const LAG_INTERVAL_MS = 2_000;
const TRIM_INTERVAL_MS = 30_000;
/** Contacts that are removed in one transaction. */
const TRIM_CONTACTS_MAX = 1_000;

export interface NoticeCalls extends Omit<RoundCalls, 'take'> {
  take(
    channel: Sender['channel'],
    limits: Parameters<RoundCalls['take']>[0],
  ): ReturnType<RoundCalls['take']>;
  events(schema: Home, rowsMax: number): Promise<NoticeEvents | undefined>;
  plan(schema: Home, events: NoticeEvents, notices: ReturnType<typeof noticesOf>): Promise<unknown>;
  trim(contactsMax: number): Promise<number>;
  lags(): Promise<readonly NoticeLag[]>;
}

export interface NoticeOptions {
  readonly homes: readonly Home[];
  readonly senders: readonly Sender[];
  readonly calls: NoticeCalls;
  readonly message: Omit<MessageOptions, 'isUnpaid'>;
  /** Whether orders are being decided; they have priority. */
  readonly isBusy: () => boolean;
  readonly limits: NoticeLimits;
  readonly metrics: ReturnType<typeof createNoticeMetrics>;
  readonly log: Log;
  readonly stopping: AbortSignal;
}

export function createNoticeMetrics(metrics: Metrics) {
  return {
    notices: metrics.counter(
      'flashsale_notices_total',
      'Notices to shoppers: sent, failed (tried again), dropped (not true any more) or given_up',
      ['channel', 'kind', 'result'],
    ),
    due: metrics.gauge('flashsale_notices_due', 'Notices that wait to be sent', ['channel']),
    lagSeconds: metrics.gauge(
      'flashsale_notice_lag_seconds',
      'How long the oldest notice has waited to be sent; 0 when there is none',
      ['channel'],
    ),
  };
}

/** Resolves after `stopping`, when the attempts under way are recorded. */
export async function sendNotices(options: NoticeOptions): Promise<void> {
  const { homes, senders } = options;
  await Promise.all([
    ...homes.map((home) => planLoop(options, home)),
    ...senders.map((sender) => sendLoop(options, sender)),
    trimLoop(options),
    repeat(LAG_INTERVAL_MS, options.stopping, () => showLags(options)),
  ]);
  for (const sender of senders) sender.close();
}

function planLoop({ calls, limits, isBusy, log, stopping }: NoticeOptions, home: Home) {
  const trouble = new Trouble(log, `notices from the events of ${home}`);
  return repeat(PLAN_INTERVAL_MS, stopping, async () => {
    try {
      const read = await calls.events(home, limits.logRowsMax);
      if (read !== undefined) await calls.plan(home, read, read.events.flatMap(noticesOf));
      trouble.fine();
      return read !== undefined && !isBusy() ? 'more' : 'idle';
    } catch (error) {
      trouble.failed(error);
      return 'idle';
    }
  });
}

function sendLoop(options: NoticeOptions, sender: Sender) {
  const { calls, message, limits, isBusy, metrics, log, stopping } = options;
  const { channel } = sender;
  const database = new Trouble(log, `notices by ${channel}`);
  const server = new Trouble(log, `the server for notices by ${channel}`);
  const round = {
    sender,
    message,
    limits,
    calls: { ...calls, take: calls.take.bind(calls, channel) },
    onResult: (kind: string, result: string) => metrics.notices.inc({ channel, kind, result }),
  };
  let failures = 0;
  let notBeforeMs = 0;
  return repeat(SEND_INTERVAL_MS, stopping, async () => {
    if (performance.now() < notBeforeMs) return 'idle';
    try {
      const { taken, away } = await sendRound(round, failures > 0 ? 1 : limits.inFlightMax);
      database.fine();
      if (away !== undefined) {
        failures += 1;
        const { awayDelayInitialMs, awayDelayMaxMs } = limits;
        notBeforeMs =
          performance.now() +
          backoffMs(failures, Math.random(), awayDelayInitialMs, awayDelayMaxMs);
        server.failed(new Error(away));
        return 'idle';
      }
      if (taken === 0) return 'idle';
      failures = 0;
      server.fine();
      return isBusy() ? 'idle' : 'more';
    } catch (error) {
      database.failed(error);
      return 'idle';
    }
  });
}

function trimLoop({ calls, log, stopping }: NoticeOptions) {
  const trouble = new Trouble(log, 'removal of old notices');
  return repeat(TRIM_INTERVAL_MS, stopping, async () => {
    try {
      const removed = await calls.trim(TRIM_CONTACTS_MAX);
      trouble.fine();
      return removed >= TRIM_CONTACTS_MAX ? 'more' : 'idle';
    } catch (error) {
      trouble.failed(error);
      return 'idle';
    }
  });
}

async function showLags({ calls, metrics, log }: NoticeOptions): Promise<'idle'> {
  try {
    for (const { channel, due, since } of await calls.lags()) {
      metrics.due.set({ channel }, due);
      const ageMs = since === null ? 0 : Date.now() - since.getTime();
      metrics.lagSeconds.set({ channel }, Math.max(0, ageMs) / 1_000);
    }
  } catch (error) {
    log.debug({ err: error }, 'could not read the lag of notices');
  }
  return 'idle';
}
