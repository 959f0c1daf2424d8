import type { Metrics } from './metrics.ts';

/**
 * Reports whether this process can take requests and, separately, which shared servers it cannot
 * use. A load balancer removes a process that is not ready. A shared server that fails would
 * therefore remove every process at once, so it never makes a process unready.
 */

/** A server that a process shares with others. */
export type Dependency = 'postgres' | `postgres-${string}` | 'rabbitmq' | 'zookeeper';

/**
 * Returns a short description of what is wrong with the server; undefined while it can be used.
 * Reads cached state only.
 */
export type Trouble = () => string | undefined;

export interface ReadinessReport {
  readonly status: 'ready' | 'not ready';
  /** What this process is still waiting for; empty when it is ready. */
  readonly waitingFor: readonly string[];
  /**
   * Shared servers that cannot be used, each as `server: reason`. They never make the process
   * unready.
   */
  readonly degraded: readonly string[];
}

export class Readiness {
  readonly #waitingFor: () => readonly string[];
  readonly #troubles = new Map<Dependency, Trouble>();

  /**
   * @param waitingFor returns what keeps this process from being ready, such as its start or its
   *   shutdown
   */
  constructor(waitingFor: () => readonly string[]) {
    this.#waitingFor = waitingFor;
  }

  /** Adds a server that the process depends on. */
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

  /** Exposes the state of the servers as one metric with the same name in every process. */
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

/** The HTTP status for a report. */
export function readinessStatus({ status }: ReadinessReport): 200 | 503 {
  return status === 'ready' ? 200 : 503;
}
