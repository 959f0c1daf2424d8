import webPush from 'web-push';
import type { NoticeSender } from '../../contracts/notice-config.ts';
import { AddressRefused } from '../../contracts/public-url.ts';
import type { DueNotice } from '../../db/calls.ts';
import { createPoster, type Posted } from '../webhooks/post.ts';
import type { Message } from './message.ts';
import type { Sender, SendResult } from './round.ts';

/**
 * Sends notices by Web Push. The only file that imports web-push, which encrypts (RFC 8291) and identifies
 * the shop (RFC 8292). The request is made here, because an endpoint is a URL from a stranger.
 */

const TIMEOUT_MS = 15_000;
/** Push services take about 4,000 bytes; a letter may take 4. */
const BODY_LENGTH_MAX = 600;
const RETRY_AFTER_MAX_SECONDS = 3_600;

type PushConfig = NonNullable<NoticeSender['push']>;

export function createPusher(config: PushConfig, connectionsMax: number): Sender {
  const { allowPrivate } = config;
  const rules = { allowHttp: allowPrivate, allowPrivate };
  const poster = createPoster(rules, { connectionsMax, timeoutMs: TIMEOUT_MS });
  return {
    channel: 'push',
    async send(notice, message) {
      try {
        const { endpoint, headers, body } = encrypted(config, notice, message);
        return resultOf(await poster.post(endpoint, headers, body));
      } catch (error) {
        if (error instanceof AddressRefused)
          return { result: 'gone', error: 'not a public address' };
        // The words of an error may have the address.
        const { code = 'no answer' } = error as NodeJS.ErrnoException;
        return { result: 'later', error: code };
      }
    },
    close: () => poster.close(),
  };
}

function encrypted(
  { publicKey, privateKey, subject }: PushConfig,
  { address, keys }: DueNotice,
  message: Message,
) {
  const subscription = { endpoint: address, keys: keys ?? { p256dh: '', auth: '' } };
  const { headers, body } = webPush.generateRequestDetails(subscription, payloadOf(message), {
    vapidDetails: { subject, publicKey, privateKey },
    TTL: Math.max(0, Math.round((message.usefulUntil.getTime() - Date.now()) / 1_000)),
    // A second copy replaces the first one while the device is offline.
    topic: message.id,
    urgency: 'high',
  });
  if (body === null) throw new Error('nothing was encrypted');
  return { endpoint: address, headers: { ...headers } as Record<string, string | number>, body };
}

/** What the service worker of the page shows. `tag`: a second copy replaces the first one on the screen. */
function payloadOf({ id, subject, body, url, language, direction }: Message): string {
  const { pathname, hash } = new URL(url);
  return JSON.stringify({
    title: subject,
    body: body.slice(0, BODY_LENGTH_MAX),
    path: pathname + hash,
    tag: id,
    lang: language,
    dir: direction,
  });
}

function resultOf({ status, headers }: Posted): SendResult {
  if (status >= 200 && status < 300) return { result: 'sent' };
  const error = `HTTP ${status}`;
  if (status === 404 || status === 410) return { result: 'gone', error };
  // The service is busy or broken, or does not accept the key of the shop now.
  if (status === 401 || status === 403 || status === 429 || status >= 500) {
    const seconds = Math.min(Number(headers['retry-after']) || 0, RETRY_AFTER_MAX_SECONDS);
    return { result: 'later', error, retryMs: seconds * 1_000 };
  }
  return { result: 'refused', error };
}
