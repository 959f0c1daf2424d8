import http from 'node:http';
import https from 'node:https';
import { Webhook } from 'standardwebhooks';
import { CLOUD_EVENT_TYPE, type CloudEvent } from '../../contracts/events.ts';
import { type AddressRules, checkUrl } from '../../contracts/public-url.ts';
import { guardedLookup } from './addresses.ts';

/** One attempt to deliver one event to one endpoint, as Standard Webhooks specifies. */

/** Bytes of an answer's body that are read and then ignored. */
const ANSWER_BYTES_MAX = 16_384;
const HEADER_BYTES_MAX = 16_384;

export type Delivered = { readonly status: number } | { readonly error: string };

export interface WebhookClient {
  /** Never rejects. A redirect is returned like any other answer and not followed. */
  deliver(event: CloudEvent, secrets: readonly string[]): Promise<Delivered>;
  close(): void;
}

/**
 * Delivers to one endpoint over its own connections.
 *
 * @param connectionsMax maximum of concurrent attempts
 */
export function createWebhookClient(
  url: string,
  rules: AddressRules,
  { connectionsMax, timeoutMs }: { connectionsMax: number; timeoutMs: number },
): WebhookClient {
  const isHttps = /^https:/i.test(url);
  const lookup = guardedLookup(rules);
  const options = { keepAlive: true, maxSockets: connectionsMax, lookup };
  const agent = isHttps ? new https.Agent(options) : new http.Agent(options);
  return {
    async deliver(event, secrets) {
      try {
        return { status: await post(checkUrl(url, rules), agent, timeoutMs, event, secrets) };
      } catch (error) {
        return { error: error instanceof Error ? error.message : String(error) };
      }
    },
    close: () => agent.destroy(),
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

function post(
  url: URL,
  agent: http.Agent,
  timeoutMs: number,
  event: CloudEvent,
  secrets: readonly string[],
): Promise<number> {
  const { body, headers } = signed(event, secrets, new Date());
  const { request } = url.protocol === 'https:' ? https : http;
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(timeoutMs);
    const options = { method: 'POST', agent, headers, signal, maxHeaderSize: HEADER_BYTES_MAX };
    const call = request(url, options, (answer) => {
      let bytes = 0;
      answer.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > ANSWER_BYTES_MAX) answer.destroy();
      });
      answer.on('error', () => {}); // Only the status code matters.
      resolve(answer.statusCode ?? 0);
    });
    call.on('error', (error) => {
      reject(signal.aborted ? new Error(`no answer within ${timeoutMs} ms`) : error);
    });
    // An answer that switches protocols closes the socket without another event or a timeout.
    call.on('close', () => reject(new Error('the connection was closed without an answer')));
    call.end(body);
  });
}
