import { createHash, randomBytes } from 'node:crypto';
import type { OutgoingMessage, PublishResult } from '../../broker/publisher.ts';
import type { Schema } from '../../contracts/names.ts';
import type { SalePresentation } from '../../contracts/presentation.ts';
import type { RequestOutcome } from '../../db/calls.ts';
import type { Databases } from '../../db/client/pool.ts';
import type { TicketKey } from '../../db/ticket-keys.ts';
import { createLog, type Log } from '../../process/log.ts';
import { Readiness } from '../../process/readiness.ts';
import { Catalogue, type SkuOnSale } from '../../server/catalogue/catalogue.ts';
import type { SwitchState } from '../../server/catalogue/shown-switches.ts';
import { readConfig } from '../../server/config.ts';
import { createGuestSigner } from '../../server/gate/identity.ts';
import type { OverloadCause } from '../../server/gate/pressure.ts';
import { issueTicket } from '../../server/gate/ticket.ts';
import { assembleNode, type QuotaAgent } from '../../server/node.ts';
import type { ChallengeSwitch } from '../../zk/tree/values.ts';

/**
 * A whole web node, wired as in production, with variables instead of a database, broker and
 * ZooKeeper. For tests of the node's answers and for the gate's benchmark.
 */

const HOUR_MS = 3_600_000;
const TICKET_TTL_MS = 600_000;

/** The surroundings of the node. A test changes them and looks at the next answer. */
export interface World {
  row: SkuOnSale;
  /** Whether the sale exists without its SKU. */
  isEmpty: boolean;
  state: SwitchState;
  knowsState: boolean;
  keep: number;
  shed: 'random' | 'lottery';
  hasWaitlist: boolean;
  challenge: ChallengeSwitch;
  /** Users, addresses and agents on the block lists. */
  blocked: string[];
  allowed: string[];
  lottery: { secret: Buffer | undefined; isPublic: boolean };
  /** A change makes the node ask for the keys again. */
  ticketEpoch: number;
  isCalledOff: boolean;
  presentation: SalePresentation;
  ticketKeys: TicketKey[];
  /** Units that this node may still draw. `cut off` means that it has no session. */
  quota: number | 'cut off';
  brokerAvailable: boolean;
  pressure: OverloadCause | undefined;
  publish: PublishResult | Promise<PublishResult>;
  /** The answer of the database about requests. */
  outcomes: () => Promise<readonly RequestOutcome[]>;
  /** Whether the database has fenced the node that is asked for. */
  fenced: () => Promise<boolean>;
  /** Homes of the database that are away. */
  missing: readonly Schema[];
  /** How often the catalogue was read from the database. */
  boardReads: number;
  /** Units drawn and not refunded. */
  drawn: number;
  published: OutgoingMessage[];
}

export interface WebNodeOptions {
  readonly environment?: Readonly<Record<string, string>>;
  readonly log?: Log;
  /** Whether the database says that the sale is not open yet, whatever the clock says. */
  readonly withoutTicketKeys?: boolean;
  /** Whether published messages are kept. A benchmark does not keep them. */
  readonly keepMessages?: boolean;
  /** For tests that sign tokens or tickets themselves. */
  readonly jwtSecret?: string;
  readonly ticketKey?: Buffer;
  /** By default nothing may ask the database. */
  readonly databases?: Databases;
}

export type WebNode = Awaited<ReturnType<typeof openWebNode>>;

export async function openWebNode(options: WebNodeOptions = {}) {
  const jwtSecret = options.jwtSecret ?? randomBytes(32).toString('base64url');
  const ticketKey = options.ticketKey ?? randomBytes(32);
  const lotterySecret = randomBytes(32);
  const config = readConfig({
    DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none',
    AMQP_URL: 'amqp://127.0.0.1:1/none',
    ZOOKEEPER: '127.0.0.1:1',
    JWT_SECRET: jwtSecret,
    PAYMENT_WEBHOOK_SECRET: `whsec_${randomBytes(32).toString('base64')}`,
    DEMO: 'true',
    ...options.environment,
  });
  const log = options.log ?? createLog('test', 'silent');
  const keys = [{ id: 1, key: ticketKey, retiredAt: undefined, isRevoked: false }];
  const world = createWorld(lotterySecret, options.withoutTicketKeys ? [] : keys);
  const agent = agentOf(world);
  const catalogue = catalogueOf(world, lotterySecret, log, config.ticketTtlSeconds * 1_000);
  const stopping = new AbortController();
  const { app, context } = await assembleNode({
    config,
    log,
    databases: options.databases ?? ({} as never),
    catalogue,
    agent,
    publisher: {
      available: () => world.brokerAvailable,
      async publish(message) {
        if (options.keepMessages !== false) world.published.push(message);
        return world.publish;
      },
    },
    outcomesOf: async () => ({ rows: [...(await world.outcomes())], missing: world.missing }),
    answeredAtMs: () => Number.NEGATIVE_INFINITY,
    nodeFenced: () => world.fenced(),
    pressure: () => world.pressure,
    replyTo: 'test',
    readiness: new Readiness(() => []),
    stopping: stopping.signal,
  });
  await catalogue.start();
  catalogue.stop();
  await app.ready();
  const sign = createGuestSigner(jwtSecret);
  return {
    app,
    context,
    world,
    config,
    ticketKey,
    lotterySecret,
    tokenOf: sign,
    ticketOf: (userId: string, expiresAtMs = Date.now() + TICKET_TTL_MS) =>
      issueTicket(ticketKey, { sale: world.row.sale, userId }, world.row.sku, expiresAtMs),
    /** Reads the row of `world` again, as the catalogue does twice a second. */
    async refresh() {
      await catalogue.start();
      catalogue.stop();
    },
    async close() {
      stopping.abort();
      context.purchases.stop();
      await app.close();
    },
  };
}

export function rowOnSale(changes: Partial<SkuOnSale> = {}): SkuOnSale {
  const nowMs = Date.now();
  return {
    sale: 'demo',
    saleCreatedAt: new Date(nowMs - 2 * HOUR_MS),
    opensAt: new Date(nowMs - HOUR_MS),
    closesAt: new Date(nowMs + HOUR_MS),
    isCalledOff: false,
    sku: 'TV',
    schema: 'hot',
    title: 'A television',
    price: '1.00',
    currency: 'EUR',
    userLimit: 1,
    zone: null,
    pot: null,
    numbered: false,
    sectionMadeAt: null,
    unitsTotal: 1_000,
    free: 1_000,
    unpaidExists: false,
    presentation: {},
    isKnown: true,
    state: 'open',
    ...changes,
  };
}

/** A world in which nothing is wrong. */
function createWorld(secret: Buffer, ticketKeys: TicketKey[]): World {
  return {
    row: rowOnSale(),
    isEmpty: false,
    state: 'open',
    knowsState: true,
    keep: 1,
    shed: 'random',
    hasWaitlist: true,
    challenge: { mode: 'off', factor: 1 },
    blocked: [],
    allowed: [],
    lottery: { secret: secret, isPublic: false },
    ticketEpoch: 1,
    isCalledOff: false,
    presentation: {},
    ticketKeys,
    quota: 1_000,
    brokerAvailable: true,
    pressure: undefined,
    publish: 'confirmed',
    outcomes: async () => [],
    fenced: async () => false,
    missing: [],
    boardReads: 0,
    drawn: 0,
    published: [],
  };
}

function catalogueOf(world: World, secret: Buffer, log: Log, ticketTtlMs: number): Catalogue {
  return new Catalogue(
    {
      async board() {
        world.boardReads += 1;
        const { sale, saleCreatedAt: createdAt, opensAt, closesAt } = world.row;
        const { ticketEpoch } = world;
        const entry = {
          sale,
          title: 'Demo',
          createdAt,
          opensAt,
          closesAt,
          payWindowSeconds: 900,
          isCalledOff: world.isCalledOff,
          ticketEpoch,
          presentation: world.presentation,
        };
        return {
          serverTime: new Date(),
          sales: [{ ...entry, skus: world.isEmpty ? [] : [world.row] }],
          missing: world.missing,
        };
      },
      lottery: async () => ({ secretSha256: sha256(secret), ...world.lottery }),
      doorSeed: async () => undefined,
      noteDoorKey: async () => {},
      ticketKeys: async () => (world.row.opensAt.getTime() <= Date.now() ? world.ticketKeys : []),
    },
    {
      state: () => world.state,
      knowsState: () => world.knowsState,
      keep: () => world.keep,
      quota: () => undefined,
      shed: () => world.shed,
      hasWaitlist: () => world.hasWaitlist,
      changes: 0,
    },
    log,
    ticketTtlMs,
  );
}

function sha256(content: Buffer): Buffer {
  return createHash('sha256').update(content).digest();
}

function agentOf(world: World): QuotaAgent {
  return {
    draw(_sku, wanted, least) {
      if (world.quota === 'cut off') return { drawn: false, verdict: 'quota_unavailable' };
      if (world.quota === 0) return { drawn: false, verdict: 'quota_spent' };
      if (world.quota < least) return { drawn: false, verdict: 'too_few_now' };
      const units = Math.min(wanted, world.quota);
      world.quota -= units;
      world.drawn += units;
      return { drawn: true, node: 'web-1', units };
    },
    refund(_node, _sku, units) {
      if (world.quota !== 'cut off') world.quota += units;
      world.drawn -= units;
    },
    decide() {},
    trusted: () => true,
    livingNodes: 1,
    pressed() {},
    switches: {
      keep: () => world.keep,
      shed: () => world.shed,
      challenge: () => world.challenge,
    },
    lists: {
      isBlocked: ({ userId = '', ip, agent = '' }) =>
        [userId, ip, agent].some((part) => world.blocked.includes(part)),
      isAllowed: ({ userId = '' }) => world.allowed.includes(userId),
    },
  };
}
