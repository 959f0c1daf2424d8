import type { IncomingHttpHeaders } from 'node:http';
import { networkOf } from '../../contracts/address.ts';
import { DistinctUsers } from './distinct-users.ts';
import { ExpiryTable } from './expiry-table.ts';
import type { Limits } from './limits.ts';

/**
 * Scores how much a request for a ticket looks like that of a program. A score never refuses a
 * request: it decides whether a challenge is required and how much work that is.
 *
 * | cause | what is seen | no points at | all at | points |
 * |---|---|---|---|---|
 * | `user_rate` | share of the user's rate limit in use | 0.1 | 0.5 | 35 |
 * | `network_rate` | the same of the address, for what is issued | 0.1 | 0.5 | 20 |
 * | `network_users` | users of the address within a minute | 10 | 200 | 30 |
 * | `late_ticket` | within a minute, a press with a ticket past half of its life | | | 20 |
 * | `missing_headers` | each of User-Agent, Accept, Accept-Language that is not there | | | 12 |
 */
export const RISK_CAUSES = [
  'user_rate',
  'network_rate',
  'network_users',
  'late_ticket',
  'missing_headers',
] as const;
export type RiskCause = (typeof RISK_CAUSES)[number];

export interface Signals {
  /** Shares of the rate limits in use, 0 to 1. */
  readonly userRate: number;
  readonly networkRate: number;
  readonly networkUsers: number;
  readonly isLate: boolean;
  /** Number of headers that every browser sends and this request lacks. */
  readonly missingHeaders: number;
}

export interface Risk {
  /** 0 to 100. */
  readonly score: number;
  /** Causes that gave points. */
  readonly causes: readonly RiskCause[];
}

const SCORE_MAX = 100;
const POINTS = { userRate: 35, networkRate: 20, networkUsers: 30, late: 20, header: 12 };
const RATE_BOUNDS = [0.1, 0.5] as const;
const USERS_BOUNDS = [10, 200] as const;
const BROWSER_HEADERS = ['user-agent', 'accept', 'accept-language'] as const;

/** 0 up to the lower bound, 1 from the upper bound, linear in between. */
function ramp(value: number, [low, high]: readonly [number, number]): number {
  return Math.min(1, Math.max(0, (value - low) / (high - low)));
}

/** All possible sets of causes, made once, so that requests create no garbage. */
const CAUSES_OF_SET = Array.from({ length: 2 ** RISK_CAUSES.length }, (_, set) =>
  RISK_CAUSES.filter((_cause, at) => set & (1 << at)),
);

export function scoreOf(signals: Signals): Risk {
  const userRate = POINTS.userRate * ramp(signals.userRate, RATE_BOUNDS);
  const networkRate = POINTS.networkRate * ramp(signals.networkRate, RATE_BOUNDS);
  const networkUsers = POINTS.networkUsers * ramp(signals.networkUsers, USERS_BOUNDS);
  const late = signals.isLate ? POINTS.late : 0;
  const headers = signals.missingHeaders * POINTS.header;
  // The bits are in the order of RISK_CAUSES.
  const set =
    (userRate > 0 ? 1 : 0) |
    (networkRate > 0 ? 2 : 0) |
    (networkUsers > 0 ? 4 : 0) |
    (late > 0 ? 8 : 0) |
    (headers > 0 ? 16 : 0);
  const sum = userRate + networkRate + networkUsers + late + headers;
  return { score: Math.min(SCORE_MAX, Math.round(sum)), causes: CAUSES_OF_SET[set] ?? [] };
}

/** Scores from which work is required, and the multiple of the usual work. */
const WORK_BY_SCORE = [
  { from: 75, times: 16 },
  { from: 50, times: 4 },
  { from: 25, times: 1 },
] as const;

/** Multiple of the usual work; 0 means no challenge. */
export function workOf(score: number): number {
  return WORK_BY_SCORE.find(({ from }) => score >= from)?.times ?? 0;
}

/** Limits of the memory for users with late presses. */
const LATE_USERS_MAX = 262_144;
const LATE_MS = 60_000;

/** Remembers users and networks in bounded memory. */
export class RiskWatch {
  readonly #limits: Limits;
  readonly #lateBelowMs: number;
  readonly #distinctUsers = new DistinctUsers();
  readonly #lateUntil = new ExpiryTable(LATE_USERS_MAX);

  /** @param ticketLifeMs milliseconds from issue to expiry */
  constructor(limits: Limits, ticketLifeMs: number) {
    this.#limits = limits;
    this.#lateBelowMs = ticketLifeMs / 2;
  }

  /**
   * Notes a press with a genuine ticket. The page presses as soon as it has a ticket, so a late
   * press suggests that tickets are being collected.
   */
  pressed(userId: string, ticketLeftMs: number): void {
    if (ticketLeftMs >= this.#lateBelowMs) return;
    const nowMs = performance.now();
    this.#lateUntil.set(userId, nowMs + LATE_MS, nowMs);
  }

  /** Scores a request for a ticket or a challenge, and remembers the request. */
  assess(userId: string, ip: string, headers: IncomingHttpHeaders): Risk {
    const nowMs = performance.now();
    let missingHeaders = 0;
    for (const name of BROWSER_HEADERS) if (!headers[name]) missingHeaders += 1;
    return scoreOf({
      userRate: this.#limits.userLoad(userId),
      networkRate: this.#limits.issueLoad(ip),
      networkUsers: this.#ofAllNodes(this.#distinctUsers.note(networkOf(ip), userId, nowMs)),
      isLate: this.#lateUntil.get(userId, nowMs) > 0,
      missingHeaders,
    });
  }

  /** The users of a network are spread over the web nodes. One user alone says nothing of others. */
  #ofAllNodes(users: number): number {
    return 1 + (users - 1) * this.#limits.livingNodes();
  }
}
