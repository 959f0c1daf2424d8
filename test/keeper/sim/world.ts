import { editAll, isMended, sellOut, stateOfAll } from './bounds.ts';
import { Cast, inspect, type Planted, type Violation } from './cast.ts';
import { mend, takeStep } from './faults.ts';
import { FAULTS_MS, type Setting } from './schedule.ts';
import { Truth } from './truth.ts';

/**
 * One run: the real keeper and the real agents in a simulated world, and the checks of their
 * promises.
 */

/** Time after the faults until sessions and connections are restored and dead nodes settled. */
const MENDING_MS = 7_500;
const REREAD_MS = 3_100;
/** Missed values are read again after a new connection. */
const CATCH_UP_MS = 100;

/** How long the last edit and the sale of everything took, as far as they were reached. */
interface Took {
  readonly editMs?: number | undefined;
  readonly sellMs?: number | undefined;
}

export interface Outcome {
  readonly violation: Violation | undefined;
  readonly events: number;
  readonly virtualMs: number;
  readonly drawn: number;
  readonly sold: number;
  readonly editMs: number | undefined;
  readonly sellMs: number | undefined;
  readonly trace: readonly string[];
}

export async function playWorld(
  setting: Setting,
  planted: Planted,
  isTraced: boolean,
): Promise<Outcome> {
  const cast = new Cast(setting, planted, isTraced);
  const truth = new Truth(cast);
  for (const { sku, total, quota } of setting.skus) {
    cast.shop.stock.set(sku, { total, held: 0 });
    cast.ensemble.type(cast.paths.sku(sku).quota, String(quota));
    cast.ensemble.type(cast.paths.sku(sku).state, 'open');
  }
  const { clock } = cast;
  const uninstall = clock.install(() => cast.random.next());
  let took: Took = {};
  try {
    took = await play(cast, truth);
  } catch (error) {
    cast.fail('no error', inspect(error));
  } finally {
    for (const { process } of [...cast.webs, ...cast.keepers]) clock.kill(process);
    uninstall();
  }
  let sold = 0;
  for (const { held } of cast.shop.stock.values()) sold += held;
  return {
    violation: cast.violation,
    events: clock.events,
    virtualMs: clock.now,
    drawn: cast.drawn,
    sold,
    editMs: took.editMs,
    sellMs: took.sellMs,
    trace: cast.trace,
  };
}

async function play(cast: Cast, truth: Truth): Promise<Took> {
  for (let count = 0; count < cast.setting.keepers; count++) await cast.startKeeper();
  for (let count = 0; count < cast.setting.nodes; count++) await cast.startWeb();
  for (const step of cast.setting.steps) cast.clock.after(step.atMs, () => takeStep(cast, step));
  demand(cast);
  await cast.clock.run(FAULTS_MS, (by) => truth.check(by));
  if (cast.violation) return {};
  await mend(cast);
  // A lost watch event is made up for by the next read: in this world all are read again every three seconds.
  const restMs = cast.setting.lostEvents > 0 ? REREAD_MS : 0;
  await cast.clock.run(FAULTS_MS + restMs, (by) => truth.check(by));
  if (cast.violation) return {};
  await cast.clock.run(FAULTS_MS + MENDING_MS, (by) => truth.check(by) || isMended(cast));
  if (cast.violation) return {};
  if (!isMended(cast)) cast.fail('everything is mended in time', stateOfAll(cast));
  if (cast.violation) return {};
  await cast.clock.run(cast.clock.now + CATCH_UP_MS, (by) => truth.check(by));
  if (cast.violation) return {};
  const editMs = await editAll(cast, truth);
  return { editMs, ...(!cast.violation && { sellMs: await sellOut(cast, truth) }) };
}

/** Requests arrive at changing nodes until the faults end. */
function demand(cast: Cast): void {
  const { demand, skew, skus } = cast.setting;
  const random = cast.random.fork();
  const next = () => {
    if (!cast.isFaulty) return;
    cast.clock.after((random.between(0.2, 1.8) * 1_000) / demand, next);
    // The skew makes the first nodes the busiest.
    const at = Math.floor(cast.webs.length * random.next() ** (1 + skew / 4));
    const sku = random.pick(skus).sku;
    cast.webs[at]?.ask(sku, random.integer(1, 3), random.chance(0.5));
    if (random.chance(0.1)) cast.shop.giveBack(sku);
  };
  next();
}
