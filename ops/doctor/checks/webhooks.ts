import { connect } from 'node:net';
import { knownWebhookLags, webhookEndpoints } from '../../../db/webhooks.ts';
import { checkAddress } from '../../../worker/webhooks/addresses.ts';
import { type Check, count, type Finding, no, notKnown, ok, unless } from '../check.ts';
import { certificateOf } from './certificates.ts';

/** Merchants' endpoints. Nothing is sent to them: only a connection is made. A URL may have a token, so hosts are shown. */

/** Events are delivered within a second; a backlog of this age is a fault. */
const BEHIND_MAX_MS = 10_000;

function takesConnection({ hostname, port }: URL, timeoutMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: hostname.replace(/^\[|\]$/g, ''), port: Number(port || 80) });
    socket.setTimeout(timeoutMs, () => socket.destroy(new Error('no answer in time')));
    socket.on('error', reject);
    socket.on('connect', () => {
      socket.end();
      resolve();
    });
  });
}

/** Why nothing could be delivered there. */
async function troubleAt(
  text: string,
  rules: { readonly allowHttp: boolean; readonly allowPrivate: boolean },
  timeoutMs: number,
): Promise<string | undefined> {
  try {
    const url = await checkAddress(text, rules);
    if (url.protocol === 'http:') {
      await takesConnection(url, timeoutMs);
      return undefined;
    }
    const { refused } = await certificateOf(url, timeoutMs);
    return refused === undefined ? undefined : `its certificate is not accepted: ${refused}`;
  } catch (error) {
    return (error as Error).message;
  }
}

export const webhooks: Check = {
  name: 'webhooks',
  about: "whether merchants' endpoints are on, take connections, and are not behind",
  async look(sources) {
    const databases = await sources.databases();
    const [endpoints, { rows: lags, missing }] = await Promise.all([
      webhookEndpoints(databases),
      knownWebhookLags(databases),
    ]);
    const { env } = sources.addresses;
    const rules = { allowHttp: env.WEBHOOK_ALLOW_HTTP, allowPrivate: env.WEBHOOK_ALLOW_PRIVATE };
    const found = await Promise.all(
      endpoints.map(async ({ endpoint, url, state, disabledReason, lastError, failures }) => {
        const show = `flashsale webhooks show ${endpoint}`;
        if (state === 'disabled') {
          return [no(`${endpoint} is off: ${disabledReason ?? 'no reason'}`, show)];
        }
        const trouble = await troubleAt(url, rules, sources.options.timeoutMs);
        const own = lags.filter((lag) => lag.endpoint === endpoint);
        const since = own.flatMap((lag) => (lag.since === null ? [] : [lag.since.getTime()]));
        const behindMs = since.length === 0 ? 0 : Date.now() - Math.min(...since);
        const problems: Finding[] = [];
        if (trouble !== undefined) {
          problems.push(no(`${endpoint} (${new URL(url).host}): ${trouble}`, show));
        }
        if (behindMs > BEHIND_MAX_MS) {
          const why = failures > 0 ? `, and refuses them: ${lastError}` : '';
          const reason = `${endpoint} is ${Math.round(behindMs / 1_000)} s behind with events${why}`;
          problems.push(no(reason, show));
        }
        return problems;
      }),
    );
    const away = missing.map((home) =>
      notKnown(`no answer from the home of ${home}`, 'flashsale webhooks list'),
    );
    const well =
      endpoints.length === 0
        ? 'no endpoint is registered'
        : `${count(endpoints.length, 'endpoint')} on, reachable and not behind`;
    return unless([...found.flat(), ...away], ok(well, 'flashsale webhooks list'));
  },
};
