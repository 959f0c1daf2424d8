export type SwitchState = 'open' | 'paused' | 'closed';

/** Values that the operators set in ZooKeeper and the catalogue shows. */
export interface ShownSwitches {
  /** Grows with each change of a value. */
  readonly changes: number;
  state(sku: string): SwitchState;
  /** Whether the state was read. */
  knowsState(sku: string): boolean;
  keep(sku: string): number;
  /** Units that all nodes together may admit; undefined if this is not known. */
  quota(sku: string): number | undefined;
  shed(sku: string): 'random' | 'lottery';
  hasWaitlist(sku: string): boolean;
}
