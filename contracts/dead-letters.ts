/**
 * Why a message became a dead letter.
 *
 * - `undecodable`: not a message of the shop, sent to the wrong queue, or not valid for its schema
 * - `unknown_schema`: its schema or version of the shop is newer than the worker
 * - `not_open`: its sale opens later, and the worker held its share of such messages already
 * - `unknown_sku`: no catalogue has the SKU
 * - `failed`: place_orders fails for this request on every attempt, even when it is called alone
 * - `delivery_limit`: workers failed with it so often that the broker gave up
 */
export const DEAD_CAUSES = [
  'undecodable',
  'unknown_schema',
  'not_open',
  'unknown_sku',
  'failed',
  'delivery_limit',
] as const;
export type DeadCause = (typeof DEAD_CAUSES)[number];

/** Headers that a worker adds to a dead letter. The broker adds `x-death` to those it creates itself. */
export const DEAD_HEADERS = {
  cause: 'x-dead-cause',
  error: 'x-dead-error',
  sqlstate: 'x-dead-sqlstate',
  /** Name of the queue that the message came from. */
  queue: 'x-dead-queue',
  /** ISO 8601. */
  at: 'x-dead-at',
} as const;
