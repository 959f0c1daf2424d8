import { addressesOfMonitor } from '../live/monitors.ts';

/** CPU time of the shop's processes, from their monitor ports. */

const TIMEOUT_MS = 3_000;

export type Kind = 'web' | 'worker';

/** CPU seconds of each kind of process so far, by the address of its monitor. */
export type CpuSeconds = ReadonlyMap<string, { readonly kind: Kind; readonly seconds: number }>;

/** The processes that do not answer are left out. */
export async function cpuSeconds(monitors: readonly string[]): Promise<CpuSeconds> {
  const found = await Promise.all(monitors.map((url) => addressesOfMonitor(new URL(url))));
  const targets = [...new Set(found.flat())];
  const answers = await Promise.all(targets.map(async (one) => [one, await ask(one)] as const));
  return new Map(
    answers.flatMap(([target, answer]) => (answer === undefined ? [] : [[target, answer]])),
  );
}

async function ask(target: string) {
  try {
    // The library counts the sum when it is asked for the first of them.
    const url = `${target}/metrics?name=process_cpu_user_seconds_total&name=process_cpu_seconds_total`;
    const response = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS) });
    const text = await response.text();
    const [, kind, seconds] =
      /^process_cpu_seconds_total\{.*process="(web|worker)".*\} ([\d.e+-]+)$/m.exec(text) ?? [];
    return kind === undefined ? undefined : { kind: kind as Kind, seconds: Number(seconds) };
  } catch {
    return undefined;
  }
}

/** CPU seconds of all processes of a kind between two looks; undefined if none answered both times. */
export function spent(before: CpuSeconds, after: CpuSeconds, kind: Kind): number | undefined {
  const parts = [...after].flatMap(([monitor, now]) => {
    const then = before.get(monitor);
    return now.kind === kind && then !== undefined ? [now.seconds - then.seconds] : [];
  });
  return parts.length === 0 ? undefined : parts.reduce((all, one) => all + one, 0);
}

export function countOf(looks: CpuSeconds, kind: Kind): number {
  return [...looks.values()].filter((one) => one.kind === kind).length;
}
