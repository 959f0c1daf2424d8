import { cpuSeconds, waitSeconds } from '../machine.ts';

/** µs an order by process; what took none is left out. */
export type ByProcess = Readonly<Record<string, number>>;

export interface Metered {
  readonly cpuUs: ByProcess;
  /** Ready to run, while no core was free. */
  readonly waitUs: ByProcess;
}

/** What the processes take of the machine from now until it is asked. */
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
