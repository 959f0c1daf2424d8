import { expect, test } from 'vitest';
import { clusterOf } from './sim/cluster.ts';

/**
 * The cost of an edit with many web nodes: the work grows with nodes × changed SKUs, not with all
 * SKUs.
 */

/** For each SKU: the edit itself, the basis of the keeper's grants and the entry in the history. */
const OTHERS_PER_SKU = 3;
const EDIT_BOUND_MS = 100;

test('100 nodes × 20 SKUs, 4 edited', async () => {
  const [nodes, skus, edited] = [100, 20, 4];
  const cluster = await clusterOf(nodes, skus, edited);
  console.log(JSON.stringify(cluster));
  expect(cluster.grant_writes_per_edit, 'one grant for each node and SKU').toBe(nodes * edited);
  // One report may confirm several grants, so there is at most one report for each grant.
  const bound = (nodes + OTHERS_PER_SKU) * edited;
  expect(cluster.transactions_per_edit).toBeLessThanOrEqual(bound);
  expect(cluster.idle_transactions).toBe(0);
  expect(cluster.edit_virtual_ms_max).toBeLessThan(EDIT_BOUND_MS);
});
