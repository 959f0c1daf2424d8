import { Webhook } from 'standardwebhooks';
import { CLOUD_EVENT_TYPE, type CloudEvent } from '../../contracts/events.ts';
import type { AddressRules } from '../../contracts/public-url.ts';
import { createPoster } from './post.ts';

/** One attempt to deliver one event to one endpoint, as Standard Webhooks specifies. */

export type Delivered = { readonly status: number } | { readonly error: string };

export interface WebhookClient {
  /** Never rejects. A redirect is returned like any other answer and not followed. */
  deliver(event: CloudEvent, secrets: readonly string[]): Promise<Delivered>;
  close(): void;
}

/**
 * Delivers to one endpoint over its own connections.
 *
 * @param limits maximum of concurrent attempts, and the time for each
 */
export function createWebhookClient(
  url: string,
  rules: AddressRules,
  limits: { readonly connectionsMax: number; readonly timeoutMs: number },
): WebhookClient {
  const poster = createPoster(rules, limits);
  return {
    async deliver(event, secrets) {
      try {
        const { body, headers } = signed(event, secrets, new Date());
        const { status } = await poster.post(url, headers, body);
        return { status };
      } catch (error) {
        return { error: error instanceof Error ? error.message : String(error) };
      }
    },
    close: () => poster.close(),
  };
}

/** Headers and body. Every attempt has the same id, so that a merchant can discard duplicates. */
export function signed(event: CloudEvent, secrets: readonly string[], at: Date) {
  const body = JSON.stringify(event);
  return {
    body,
    headers: {
      'content-type': CLOUD_EVENT_TYPE,
      'content-length': Buffer.byteLength(body),
      'user-agent': 'flashsale-webhooks',
      'webhook-id': event.id,
      'webhook-timestamp': String(Math.floor(at.getTime() / 1_000)),
      'webhook-signature': secrets
        .map((secret) => new Webhook(secret).sign(event.id, at, body))
        .join(' '),
    },
  };
}
