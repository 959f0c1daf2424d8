import { cpuSeconds, waitSeconds } from '../machine.ts';

/** CPU µs per order by process. Processes that used none are left out. */
export type ByProcess = Readonly<Record<string, number>>;

export interface Metered {
  readonly cpuUs: ByProcess;
  /** Time in which the process was ready to run and no core was free. */
  readonly waitUs: ByProcess;
}

/** Measures what the processes use from now until the result is read. */
export function meter(pids: ReadonlyMap<string, number>): (orders: number) => Metered {
  const [cpuBefore, waitBefore] = [cpuSeconds(pids), waitSeconds(pids)];
  return (orders) => ({
    cpuUs: anOrder(cpuBefore, cpuSeconds(pids), orders),
    waitUs: anOrder(waitBefore, waitSeconds(pids), orders),
  });
}

type Seconds = ReadonlyMap<string, number>;

function anOrder(before: Seconds, after: Seconds, orders: number): ByProcess {
  const each = [...after].map(([name, seconds]) => {
    const used = seconds - (before.get(name) ?? 0);
    return [name, Math.round((used * 1e7) / orders) / 10] as const;
  });
  return Object.fromEntries(each.filter(([, us]) => us > 0));
}
