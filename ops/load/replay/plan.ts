import { createHash } from 'node:crypto';
import { type Plan, readPlan } from '../plan/read.ts';
import { PLAN_MS_MAX } from '../plan/schema.ts';
import { openRecording, type RecordingHeader } from '../recording/format.ts';

/** How a recording is played: what a plan says of the network, identities and limits counts for it too. */

export interface ReplayOrder {
  readonly file: string;
  /** 2 is twice as fast as it was. */
  readonly speed: number;
  readonly header: RecordingHeader;
  /** Whoever plays it has named the sale. */
  readonly isSaleNamed: boolean;
}

/** Shoppers with open connections in one process, without a plan that says it. */
const SHOPPERS_MAX = 20_000;

/**
 * The recorded opening comes so much after that of the sale. Clocks differ, and a press that comes a moment too
 * early would be lost, because nobody repeats it.
 */
const MARGIN_MS = 250;

export interface Wanted {
  /** The name of the plan's file, for messages and for paths in the plan. */
  readonly planFile?: string | undefined;
  readonly planText?: string | undefined;
  readonly recording?: string | undefined;
  readonly speed: number;
  /** The sale to play it at, if it is another one. */
  readonly sale?: string | undefined;
}

/** What is to be played: a plan, or a recording. @throws {Error} a file is wrong */
export async function readWanted(
  wanted: Wanted,
): Promise<{ readonly plan: Plan; readonly replay?: ReplayOrder | undefined }> {
  const { planFile = '', planText, recording, speed, sale } = wanted;
  const given = planText === undefined ? undefined : readPlan(planText, planFile);
  if (recording === undefined) {
    if (!given) throw new Error('name a plan, or a recording with --replay FILE');
    return { plan: given };
  }
  const { header, close } = await openRecording(recording);
  close();
  const lastsMs = (header.toMs - header.fromMs) / speed;
  if (lastsMs > PLAN_MS_MAX) {
    throw new Error(
      `${recording} lasts longer than ${PLAN_MS_MAX / 3_600_000} hours at this speed`,
    );
  }
  const at = sale ?? (given ? given.sale : header.sale);
  const base = given || usual(at);
  const marked = JSON.stringify([base.mark, header, speed, at]);
  const plan = {
    ...base,
    sale: at,
    mark: createHash('sha256').update(marked).digest('hex'),
    shoppers: header.shoppers,
    stages: [],
    beforeOpeningMs: -header.fromMs / speed - MARGIN_MS,
  };
  const isSaleNamed = sale !== undefined || Boolean(given);
  return { plan, replay: { file: recording, speed, header, isSaleNamed } };
}

function usual(sale: string): Plan {
  const text = `{sale: ${sale}, seed: replay, arrivals: [{for: 1s, rate: 1}], behaviours: {buys: 1},
    limits: {shoppers: ${SHOPPERS_MAX}}}`;
  return readPlan(text, 'the replay');
}
