import { afterAll, beforeAll, expect, it } from 'vitest';
import { faultsOfBooks, faultsOfCallbacks } from './alerts/books.ts';
import {
  faultsOfBrokerAndKeepers,
  faultsOfHosts,
  faultsOfOutages,
  faultsOfRestores,
} from './alerts/hosts.ts';
import { faultsOfLoad } from './alerts/load.ts';
import { EMPTY, lackOf, linesOfPanels } from './alerts/panels.ts';
import { Scene } from './alerts/scene.ts';
import { startWatchedShop, type WatchedShop } from './alerts/shop.ts';
import { type Fault, type Seen, tableOf } from './alerts/watch.ts';

/**
 * Every fault of the runbook is really made, in a shop that a real Prometheus and a real Alertmanager watch with
 * the configuration of `npm start -- --watch`. Each alert fires, and clears when the fault is mended.
 * Faults that do not disturb each other are made at the same time. Prints a table.
 *
 * How soon an alert fires here depends on the machine. That it takes 30 s at the most by the intervals and waits that are
 * configured is for test/stack/alerts.test.ts, in Prometheus's own time.
 */

let shop: WatchedShop;
let scene: Scene;
const seen: Seen[] = [];

beforeAll(async () => {
  shop = await startWatchedShop();
  scene = await Scene.open(shop);
});
afterAll(async () => {
  console.log(tableOf(seen));
  await scene?.close();
  await shop?.remove();
});

async function prove(faults: readonly Fault[]): Promise<void> {
  const results = await Promise.allSettled(
    faults.map(async (fault) => {
      seen.push(...(await shop.alerts.prove(fault)));
    }),
  );
  const failed = results.filter((result) => result.status === 'rejected');
  if (failed.length > 0) {
    throw new Error(failed.map(({ reason }) => reason?.stack ?? reason).join('\n\n'));
  }
}

it('fires no alert while all is well', async () => {
  await shop.alerts.untilEvaluated();
  expect(shop.alerts.names()).toEqual([]);
});

it('fires an alert for each fault, and clears it', async () => {
  await prove(faultsOfCallbacks(scene));
  await prove([...faultsOfBooks(scene), ...faultsOfHosts(scene), ...faultsOfLoad(scene)]);
  await prove(faultsOfOutages(scene));
  await prove(faultsOfBrokerAndKeepers(scene));
  await prove(faultsOfRestores(scene));
});

it('had data for each line of each panel of the dashboards, with the labels of its name', async () => {
  const lacks: string[] = [];
  for (const line of linesOfPanels()) {
    const lack = await lackOf(line, shop.alerts);
    if (lack !== undefined) lacks.push(`${line.name}: ${lack}`);
  }
  expect(lacks).toEqual(EMPTY);
});
