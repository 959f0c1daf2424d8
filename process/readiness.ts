import type { Metrics } from './metrics.ts';

/**
 * Whether this process can take requests, and which shared servers it has lost. The two are kept
 * apart: a balancer takes a process away that is not ready, and a server that every process shares
 * would take them all away at once.
 */

/** A server that a process shares with others. */
export type Dependency = 'postgres' | 'postgres-hot' | 'rabbitmq' | 'zookeeper';

/** In a few words what is wrong with the server; undefined while it can be used. From memory. */
export type Trouble = () => string | undefined;

export interface ReadinessReport {
  readonly status: 'ready' | 'not ready';
  /** What this process itself still waits for; empty when it is ready. */
  readonly waitingFor: readonly string[];
  /** Shared servers that are away, `server: why` each. They never make the process unready. */
  readonly degraded: readonly string[];
}

export class Readiness {
  readonly #waitingFor: () => readonly string[];
  readonly #troubles = new Map<Dependency, Trouble>();

  /** @param waitingFor what of the process itself is missing: its start, or that it stops */
  constructor(waitingFor: () => readonly string[]) {
    this.#waitingFor = waitingFor;
  }

  /** Follows a server that the process needs. */
  needs(dependency: Dependency, trouble: Trouble): void {
    this.#troubles.set(dependency, trouble);
  }

  report(): ReadinessReport {
    const waitingFor = this.#waitingFor();
    const degraded = [...this.#troubles].flatMap(([dependency, trouble]) => {
      const why = trouble();
      return why === undefined ? [] : [`${dependency}: ${why}`];
    });
    return { status: waitingFor.length === 0 ? 'ready' : 'not ready', waitingFor, degraded };
  }

  /** The same servers as a metric, one name for every process. */
  show(metrics: Metrics): void {
    metrics.gauge(
      'flashsale_dependency_up',
      '1 while this process can use the server, 0 while it is stopped, frozen or cut off',
      ['dependency'],
      (gauge) => {
        for (const [dependency, trouble] of this.#troubles) {
          gauge.set({ dependency }, trouble() === undefined ? 1 : 0);
        }
      },
    );
  }
}

/** The HTTP status of a report. */
export function readinessStatus({ status }: ReadinessReport): 200 | 503 {
  return status === 'ready' ? 200 : 503;
}
