import type { Cast } from './cast.ts';
import type { Network } from './network.ts';
import type { Step } from './schedule.ts';

/** The faults and edits of a run, and their end. */

export function takeStep(cast: Cast, step: Step): unknown {
  const { which, forMs, units } = step;
  const webs = cast.webs.filter(({ process }) => process.state !== 'dead');
  const web = webs[which % Math.max(1, webs.length)];
  const keepers = cast.keepers.filter(({ process }) => process.state !== 'dead');
  const keeper = keepers[which % Math.max(1, keepers.length)];
  const sku = cast.setting.skus[which % cast.setting.skus.length]?.sku ?? '';
  const paths = cast.paths.sku(sku);
  cast.note(`--- ${step.kind} ${which} (${forMs} ms, ${units})`);
  const later = (action: () => void) => void cast.clock.after(forMs, action);
  const silence = (network: Network | undefined) => {
    if (network) network.silentUntil = cast.clock.now + forMs;
  };
  const replace = () => cast.isFaulty && void cast.startWeb();
  switch (step.kind) {
    case 'crash node':
      web?.kill();
      return later(replace);
    case 'stop node':
      if (web) cast.clock.stop(web.process);
      return later(() => web && cast.clock.continue(web.process));
    case 'leave node':
      web?.leave();
      return later(() => {
        web?.kill();
        replace();
      });
    case 'cut node':
      return web?.network.link?.closeByServer('disconnected');
    case 'silence node':
      return silence(web?.network);
    case 'evict node':
      return cast.ensemble.type(cast.paths.node(web?.agent.node ?? 'none'), undefined);
    case 'crash keeper':
      if (keeper) cast.clock.kill(keeper.process);
      return later(() => cast.isFaulty && void cast.startKeeper());
    case 'stop keeper':
      if (keeper) cast.clock.stop(keeper.process);
      return later(() => keeper && cast.clock.continue(keeper.process));
    case 'cut keeper':
      return keeper?.network.link?.closeByServer('disconnected');
    case 'silence keeper':
      return silence(keeper?.network);
    case 'server down':
      return cast.ensemble.takeDown(which, forMs);
    case 'quorum lost':
      return cast.ensemble.stopAll(forMs);
    case 'follower alone':
      return cast.ensemble.isolate(which, forMs);
    case 'database down':
      cast.shop.isDatabaseDown = true;
      return later(() => {
        cast.shop.isDatabaseDown = false;
      });
    case 'worker stopped':
      cast.shop.isWorkerStopped = true;
      return later(() => {
        cast.shop.isWorkerStopped = false;
      });
    case 'broker refuses':
      if (web) web.isBrokerRefusing = true;
      return later(() => {
        if (web) web.isBrokerRefusing = false;
      });
    case 'quota':
      return cast.ensemble.type(paths.quota, String(units));
    case 'garbage':
      return cast.ensemble.type(paths.quota, which % 3 === 0 ? undefined : '12,5');
    case 'pin':
      return cast.ensemble.type(paths.pin(web?.agent.node ?? 'nobody'), String(units));
    case 'unpin':
      return unpin(cast);
    case 'restock':
      cast.shop.stockOf(sku).total += units;
      return;
    case 'cancel':
      for (let count = 0; count < units / 4; count++) cast.shop.giveBack(sku);
      return;
    case 'pause sku':
      cast.ensemble.type(paths.state, 'paused');
      return later(() => cast.ensemble.type(paths.state, 'open'));
  }
}

/** Deletes all pins. */
export function unpin(cast: Cast): void {
  for (const { sku } of cast.setting.skus) {
    const { pins } = cast.paths.sku(sku);
    for (const path of cast.ensemble.node(pins)?.children ?? []) {
      cast.ensemble.type(path, undefined);
    }
  }
}

/** Ends all faults: two nodes and one keeper run. */
export async function mend(cast: Cast): Promise<void> {
  cast.note('--- everything is mended');
  cast.isFaulty = false;
  cast.shop.isDatabaseDown = false;
  cast.shop.isWorkerStopped = false;
  for (const web of cast.webs) {
    web.network.heal();
    web.isBrokerRefusing = false;
    web.isFaulty = false;
    cast.clock.continue(web.process);
    if (web.isLeaving) web.kill();
  }
  for (const { process, network } of cast.keepers) {
    network.heal();
    cast.clock.continue(process);
  }
  if (cast.keepers.every(({ process }) => process.state === 'dead')) await cast.startKeeper();
  while (cast.alive.length < 2) await cast.startWeb();
}
