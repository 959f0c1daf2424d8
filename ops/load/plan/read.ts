import { createHash } from 'node:crypto';
import type { PathOfFile, Positions } from '../../yaml/positions.ts';
import { type FileProblem, problemAt } from '../../yaml/problems.ts';
import { compileFile, readYaml } from '../../yaml/read.ts';
import { arrivalsEndMs, type Stage, shoppersIn } from './arrivals.ts';
import {
  type Behaviour,
  DURATION_PATTERN,
  PLAN_MS_MAX,
  PlanFile,
  SHOPPERS_MAX,
  type Wait,
} from './schema.ts';

/** Reads the plan of a crowd (YAML). */

/** A plan with numbers and defaults, as the crowd plays it. */
export interface Plan {
  readonly sale: string;
  readonly seed: string;
  /** SHA-256 of what is played. Reports of different plans are not merged. */
  readonly mark: string;
  /** Milliseconds before the opening; undefined for now. */
  readonly beforeOpeningMs: number | undefined;
  readonly stages: readonly Stage[];
  /** How many arrive in all. */
  readonly shoppers: number;
  readonly behaviours: ReadonlyMap<Behaviour, number>;
  readonly waits: ReadonlyMap<Wait, number>;
  /** Undefined: all SKUs of the sale alike. */
  readonly skus: ReadonlyMap<string, number> | undefined;
  readonly quantity: number;
  readonly patienceMs: number;
  readonly pausesMs: Readonly<Record<'press' | 'pay' | 'back' | 'reload' | 'bot', number>>;
  readonly latencyMs: { readonly from: number; readonly to: number };
  readonly loss: number;
  readonly addresses: number | readonly string[];
  readonly identities: NonNullable<PlanFile['identities']>;
  readonly loadsFiles: boolean;
  /** With `{number}` for the shopper's; undefined: nobody asks for notices. */
  readonly noticeEmail: string | undefined;
  readonly aliveMax: number;
  readonly solvers: number;
}

const isPlan = compileFile(PlanFile);

const DURATION = new RegExp(DURATION_PATTERN);
const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/** Undefined if the text is no duration. */
export function durationMs(text: string): number | undefined {
  const [, many, unit = ''] = DURATION.exec(text) ?? [];
  return many === undefined ? undefined : Number(many) * (UNIT_MS[unit] ?? 1);
}

type Group = Readonly<Record<string, unknown>>;
const isGroup = (value: unknown): value is Group =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The rules that a schema cannot say. The parts that have wrong types are reported by the schema. */
function check(value: unknown, positions: Positions): FileProblem[] {
  const problems: FileProblem[] = [];
  const report = (path: PathOfFile, message: string) =>
    problems.push(problemAt(positions.ofValue(path), path, message));
  if (!isGroup(value)) return problems;
  for (const name of ['behaviours', 'waits', 'skus']) {
    const weights = value[name];
    if (!isGroup(weights)) continue;
    const all = Object.values(weights);
    if (all.length > 0 && all.every((weight) => weight === 0)) {
      report([name], 'all weights are 0; at least one is more');
    }
  }
  const latency = isGroup(value['network']) ? value['network']['latency'] : undefined;
  if (isGroup(latency)) {
    const [from, to] = [latency['from'], latency['to']].map((one) => durationMs(String(one)));
    if (from !== undefined && to !== undefined && from > to) {
      report(['network', 'latency', 'to'], 'it is less than from');
    }
  }
  if ((durationMs(String(value['patience'])) ?? 0) > PLAN_MS_MAX) {
    report(['patience'], `nobody tries longer than ${PLAN_MS_MAX / 3_600_000} hours`);
  }
  const given = value['arrivals'];
  if (!Array.isArray(given)) return problems;
  const stages = given.map(stageOf);
  if (!stages.every((stage) => stage !== undefined)) return problems;
  const shoppers = shoppersIn(stages);
  if (shoppers < 1) report(['arrivals'], 'nobody arrives: the curve counts less than 1 shopper');
  if (shoppers > SHOPPERS_MAX) {
    report(['arrivals'], `${shoppers} shoppers arrive; a plan has at most ${SHOPPERS_MAX}`);
  }
  if (arrivalsEndMs(stages) > PLAN_MS_MAX) {
    report(['arrivals'], `the curve lasts longer than ${PLAN_MS_MAX / 3_600_000} hours`);
  }
  return problems;
}

function stageOf(value: unknown): Stage | undefined {
  if (!isGroup(value)) return undefined;
  const { for: lasts, rate, to = rate } = value;
  const ms = durationMs(String(lasts));
  if (ms === undefined || typeof rate !== 'number' || typeof to !== 'number') return undefined;
  return { durationMs: ms, from: rate, to };
}

function mapOf<Name extends string>(weights: Readonly<Record<string, unknown>>) {
  return new Map(Object.entries(weights) as [Name, number][]);
}

/**
 * @param file its name, for messages
 * @throws {FileError} with everything that is wrong
 */
export function readPlan(text: string, file: string): Plan {
  const given = readYaml<PlanFile>(text, file, { validate: isPlan, check });
  const { network = {}, pauses = {}, limits = {}, begin = 'now' } = given;
  const ms = (value: string | undefined, otherwise: number) =>
    value === undefined ? otherwise : (durationMs(value) ?? otherwise);
  const stages = given.arrivals.map(stageOf) as Stage[];
  return {
    sale: given.sale,
    seed: String(given.seed),
    mark: createHash('sha256').update(JSON.stringify(given)).digest('hex'),
    beforeOpeningMs: begin === 'now' ? undefined : durationMs(begin.split(' ')[0] ?? ''),
    stages,
    shoppers: shoppersIn(stages),
    behaviours: mapOf<Behaviour>(given.behaviours),
    waits: mapOf<Wait>(given.waits ?? { 'long-poll': 1 }),
    skus: given.skus && mapOf(given.skus),
    quantity: given.quantity ?? 1,
    patienceMs: ms(given.patience, 60_000),
    pausesMs: {
      press: ms(pauses.press, 1_000),
      pay: ms(pauses.pay, 5_000),
      back: ms(pauses.back, 10_000),
      reload: ms(pauses.reload, 3_000),
      bot: ms(pauses.bot, 200),
    },
    latencyMs: { from: ms(network.latency?.from, 0), to: ms(network.latency?.to, 0) },
    loss: network.loss ?? 0,
    addresses: network.addresses ?? 1,
    identities: given.identities ?? 'guests',
    loadsFiles: given.files ?? false,
    noticeEmail: given.notices?.email,
    aliveMax: limits.shoppers ?? 5_000,
    solvers: limits.solvers ?? 1,
  };
}
