import type { Stranded } from '../db/stranded.ts';
import { createMetrics } from '../process/metrics.ts';
import type { AutoKeepFigures } from './auto-keep/auto-keep.ts';
import type { SkuFigures } from './figures.ts';
import type { Keeper } from './keeper.ts';

type PerSku<Figures> = readonly (readonly [name: string, figure: keyof Figures, help: string])[];

const UNITS: PerSku<Omit<SkuFigures, 'pinnedNodes'>> = [
  ['flashsale_keeper_target_units', 'target', 'min(quota, units that exist)'],
  ['flashsale_keeper_held_units', 'held', 'Units sold or reserved in the database'],
  ['flashsale_keeper_granted_units', 'granted', 'Grants of the live web nodes, cumulative'],
  ['flashsale_keeper_spare_units', 'spare', 'Units granted and not admitted yet'],
  [
    'flashsale_keeper_under_way_units',
    'underWay',
    'Units admitted whose outcome the web node does not know yet',
  ],
  [
    'flashsale_keeper_dead_units',
    'dead',
    'Units that dead web nodes may still bring, until they are settled',
  ],
];

const AUTO_KEEP: PerSku<AutoKeepFigures> = [
  ['flashsale_keeper_kept_share', 'share', 'Share of purchase requests that is kept'],
  ['flashsale_keeper_asked_per_second', 'askedPerSecond', 'Purchase requests that come in'],
  ['flashsale_keeper_wait_seconds', 'waitSeconds', 'From the draw to the outcome'],
];

/** In place of a SKU: dead letters are counted for all SKUs together. */
const ANY_SKU = '(any)';

/** All metrics of a keeper. */
export function createKeeperMetrics(keeper: Keeper, stranded: () => readonly Stranded[]) {
  const metrics = createMetrics('keeper');
  metrics.gauge('flashsale_keeper_leads', '1 while this keeper certainly leads', [], (gauge) =>
    gauge.set(keeper.leads ? 1 : 0),
  );
  metrics.gauge('flashsale_keeper_nodes', 'Live web nodes, as the leader sees them', [], (gauge) =>
    gauge.set(keeper.nodes()),
  );
  const setBack = '1 for each home whose database was set back: nothing is sold there';
  metrics.gauge('flashsale_keeper_set_back', setBack, ['schema'], (gauge) => {
    gauge.reset();
    for (const schema of keeper.setBack()) gauge.set({ schema }, 1);
  });
  for (const [name, figure, help] of UNITS) {
    metrics.gauge(name, help, ['sku'], (gauge) => {
      gauge.reset();
      for (const [sku, figures] of keeper.figures()) gauge.set({ sku }, figures[figure]);
    });
  }
  for (const [name, figure, help] of AUTO_KEEP) {
    metrics.gauge(name, `${help}, under keep = auto`, ['sku'], (gauge) => {
      gauge.reset();
      for (const [sku, figures] of keeper.autoKeep()) gauge.set({ sku }, figures[figure]);
    });
  }
  const help = 'Units that are not sold, by what holds them; of dead letters, messages';
  metrics.gauge('flashsale_stranded_units', help, ['sku', 'cause'], (gauge) => {
    gauge.reset();
    // A SKU that has moved may have a row of each home.
    for (const { sku, cause, units } of stranded()) {
      gauge.inc({ sku: sku ?? ANY_SKU, cause }, units);
    }
  });
  return metrics;
}
