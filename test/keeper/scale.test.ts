import { expect, test } from 'vitest';
import { clusterOf } from './sim/cluster.ts';

/** What an edit costs in a large webNodes: the work grows with nodes × SKUs that changed, not with all. */

/** The edit itself, the keeper's note of what it divided, the entry in the history: for each SKU. */
const OTHERS_PER_SKU = 3;
const EDIT_BOUND_MS = 100;

test.each([
  { nodes: 50, skus: 50, edited: 1 },
  { nodes: 50, skus: 50, edited: 4 },
  { nodes: 100, skus: 50, edited: 1 },
])('$nodes nodes × $skus SKUs, $edited edited', { timeout: 600_000 }, async (size) => {
  const { nodes, edited } = size;
  const cluster = await clusterOf(nodes, size.skus, edited);
  console.log(JSON.stringify(cluster));
  expect(cluster.grant_writes_per_edit, 'one grant for each node and SKU').toBe(nodes * edited);
  // A report says of one SKU or of several that it was applied: at most one for each grant.
  const bound = (nodes + OTHERS_PER_SKU) * edited;
  expect(cluster.transactions_per_edit).toBeLessThanOrEqual(bound);
  expect(cluster.idle_transactions).toBe(0);
  expect(cluster.edit_virtual_ms_max).toBeLessThan(EDIT_BOUND_MS);
});
