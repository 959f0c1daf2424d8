import { randomBytes } from 'node:crypto';
import { type Command, InvalidArgumentError } from 'commander';
import { parseEnvironment, webhookSpecs } from '../../contracts/config.ts';
import { EVENT_KINDS, type EventKind } from '../../contracts/events.ts';
import type { Home } from '../../contracts/homes.ts';
import { parseEventId } from '../../contracts/ids.ts';
import { MOMENT_FORM, parseMoment } from '../../contracts/times.ts';
import {
  addWebhook,
  knownWebhookLags,
  removeWebhook,
  replayWebhooks,
  replayWebhooksOfBoth,
  rotateWebhookSecret,
  setWebhookState,
  type WebhookEndpoint,
  type WebhookLag,
  webhookEndpoints,
} from '../../db/calls.ts';
import type { Databases } from '../../db/client/pool.ts';
import { checkAddress } from '../../worker/webhooks/addresses.ts';
import { tellMissing } from './arguments.ts';
import type { AddCommand, CommandContext } from './command.ts';
import { withDatabases } from './databases.ts';
import { table } from './table.ts';

/** `flashsale webhooks …`: the endpoints to which merchants' order events are delivered. */

const SECRET_BYTES = 32;
/** For this long after a rotation, events are signed with the old secret as well. */
const SECRET_OVERLAP_MS = 24 * 3_600_000;
const OPERATOR = 'operator';

interface Options {
  readonly json?: boolean;
  readonly events?: readonly EventKind[];
  readonly from?: ReplayFrom;
}

/** An event of one schema, or a time in both schemas. */
type ReplayFrom = { readonly at: Date } | { readonly schema: Home; readonly eventNo: string };

function newSecret(): string {
  return `whsec_${randomBytes(SECRET_BYTES).toString('base64')}`;
}

function parseKinds(value: string): EventKind[] {
  const kinds = EVENT_KINDS.filter((kind) => value.split(',').includes(kind));
  if (kinds.length === 0 || kinds.length !== value.split(',').length) {
    throw new InvalidArgumentError(`It is some of ${EVENT_KINDS.join(',')}.`);
  }
  return kinds;
}

function parseFrom(value: string): ReplayFrom {
  const from = parseEventId(value);
  if (from !== undefined) return from;
  const at = parseMoment(value, Date.now());
  if (at === undefined) {
    throw new InvalidArgumentError(`It is ${MOMENT_FORM}, or an event id such as hot.12.34.`);
  }
  return { at };
}

/** Applies the rules of the workers, which check the address again before each delivery. */
async function parseUrl(value: string, { environment }: CommandContext): Promise<string> {
  const rules = parseEnvironment(environment, webhookSpecs);
  const url = await checkAddress(value, {
    allowHttp: rules.WEBHOOK_ALLOW_HTTP,
    allowPrivate: rules.WEBHOOK_ALLOW_PRIVATE,
  }).catch((error: Error) => {
    throw new Error(
      `webhooks cannot be delivered there: ${error.message} ` +
        '(WEBHOOK_ALLOW_HTTP=true allows http, WEBHOOK_ALLOW_PRIVATE=true private addresses)',
    );
  });
  // HTTP clients never send a fragment, so it does not distinguish two endpoints.
  url.hash = '';
  return url.href;
}

function facts(endpoint: WebhookEndpoint, lags: readonly WebhookLag[]) {
  const own = lags.filter((lag) => lag.endpoint === endpoint.endpoint);
  const sum = (of: (lag: WebhookLag) => number) => own.reduce((all, lag) => all + of(lag), 0);
  const since = own.flatMap((lag) => (lag.since === null ? [] : [lag.since.toISOString()])).sort();
  return {
    endpoint: endpoint.endpoint,
    url: endpoint.url,
    events: endpoint.kinds.join(','),
    state: endpoint.state,
    reason: endpoint.disabledReason,
    pending: sum(({ pending }) => pending),
    failing: sum(({ failing }) => failing),
    unread: sum(({ unread }) => unread),
    givenUp: sum(({ givenUp }) => givenUp),
    oldest: since[0] ?? null,
    failures: endpoint.failures,
    lastError: endpoint.lastError,
  };
}

async function found(databases: Databases): Promise<ReturnType<typeof facts>[]> {
  const { rows: lags, missing } = await knownWebhookLags(databases);
  tellMissing(missing);
  return (await webhookEndpoints(databases)).map((endpoint) => facts(endpoint, lags));
}

function must(isThere: boolean, endpoint: string): void {
  if (!isThere) throw new Error(`there is no endpoint ${endpoint}`);
}

async function replay(databases: Databases, endpoint: string, from: ReplayFrom): Promise<boolean> {
  const all = await webhookEndpoints(databases);
  must(
    all.some((one) => one.endpoint === endpoint),
    endpoint,
  );
  if ('schema' in from) {
    return replayWebhooks(databases, from.schema, endpoint, { eventNo: from.eventNo });
  }
  const replayed = await replayWebhooksOfBoth(databases, endpoint, from);
  tellMissing(replayed.missing);
  return replayed.found;
}

/** Commands that change one endpoint; each prints what it did. */
function addChanges(webhooks: Command, context: CommandContext): void {
  const change = (
    name: string,
    description: string,
    work: (databases: Databases, endpoint: string, options: Options) => Promise<object>,
  ) =>
    webhooks
      .command(name)
      .description(description)
      .argument('<endpoint>', 'from webhooks list')
      .option('--json', 'print the result as JSON')
      .action(async (endpoint: string, options: Options) => {
        const done = await withDatabases(context, 'ops', (databases) =>
          work(databases, endpoint, options),
        );
        if (options.json) return console.log(JSON.stringify({ endpoint, ...done }));
        console.log(table([{ endpoint, ...done }]));
      });

  change('disable', 'stop deliveries for now; no event is lost', async (databases, endpoint) => {
    must(await setWebhookState(databases, endpoint, OPERATOR), endpoint);
    return { state: 'disabled' };
  });
  change('enable', 'deliver again, the missed events first', async (databases, endpoint) => {
    must(await setWebhookState(databases, endpoint, null), endpoint);
    tellMissing((await replayWebhooksOfBoth(databases, endpoint)).missing);
    return { state: 'active' };
  });
  change(
    'remove',
    'delete the endpoint and its pending deliveries',
    async (databases, endpoint) => {
      const removed = await removeWebhook(databases, endpoint);
      tellMissing(removed.missing);
      must(removed.found, endpoint);
      return { state: 'removed' };
    },
  );
  change(
    'rotate-secret',
    'make a new secret, shown once; each old secret signs as well for a day',
    async (databases, endpoint) => {
      const secret = newSecret();
      const isThere = await rotateWebhookSecret(databases, endpoint, secret, SECRET_OVERLAP_MS);
      must(isThere, endpoint);
      return { secret };
    },
  );
  change('replay', 'deliver events of the log again', async (databases, endpoint, { from }) => {
    if (from === undefined) throw new Error('say where to start: --from <time or event id>');
    if (!(await replay(databases, endpoint, from))) throw new Error('the log has no such event');
    return { replayed: 'yes' };
  }).option('--from <time|event>', 'a time, -15m, or an event id such as hot.12.34', parseFrom);
}

export const addWebhooks: AddCommand = (program, context) => {
  const webhooks = program
    .command('webhooks')
    .description('deliver order events to merchants (Standard Webhooks, CloudEvents)');

  webhooks
    .command('add')
    .description('register an endpoint; its secret is shown once')
    .argument('<url>')
    .option('--events <kinds>', EVENT_KINDS.join(','), parseKinds, [...EVENT_KINDS])
    .option('--json', 'print the result as JSON')
    .action(async (url: string, { events = EVENT_KINDS, json }: Options) => {
      const endpoint = `wh_${randomBytes(6).toString('hex')}`;
      const href = await parseUrl(url, context);
      const added = { endpoint, url: href, kinds: events, secret: newSecret() };
      await withDatabases(context, 'ops', (databases) => addWebhook(databases, added));
      const { kinds, ...rest } = added;
      const shown = { ...rest, events: kinds.join(',') };
      console.log(json ? JSON.stringify(shown) : table([shown]));
    });
  webhooks
    .command('list')
    .description('list the endpoints and how far each is behind')
    .option('--json', 'print the result as JSON')
    .action(async ({ json }: Options) => {
      const rows = await withDatabases(context, 'ops', found);
      if (json) return console.log(JSON.stringify(rows));
      console.log(rows.length === 0 ? 'no endpoints' : table(rows));
    });
  webhooks
    .command('show')
    .description('show one endpoint')
    .argument('<endpoint>')
    .option('--json', 'print the result as JSON')
    .action(async (endpoint: string, { json }: Options) => {
      const rows = await withDatabases(context, 'ops', found);
      const row = rows.find((one) => one.endpoint === endpoint);
      if (row === undefined) throw new Error(`there is no endpoint ${endpoint}`);
      console.log(JSON.stringify(row, null, json ? 0 : 2));
    });
  addChanges(webhooks, context);
};
