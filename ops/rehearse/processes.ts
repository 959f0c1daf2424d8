import { addressesOfMonitor } from '../live/monitors.ts';

/** CPU time of the shop's processes, from their monitor ports. */

const TIMEOUT_MS = 3_000;

export type Kind = 'web' | 'worker';

/** CPU seconds of each kind of process so far, by the address of its monitor. */
export type CpuSeconds = ReadonlyMap<string, { readonly kind: Kind; readonly seconds: number }>;

/** The processes that do not answer are left out. */
export async function cpuSeconds(monitors: readonly string[]): Promise<CpuSeconds> {
  // The library counts the sum when it is asked for the first of them.
  const names = ['process_cpu_user_seconds_total', 'process_cpu_seconds_total'];
  const answers = await askAll(monitors, names);
  return new Map(
    answers.flatMap(([target, text]) => {
      const [, kind, seconds] =
        /^process_cpu_seconds_total\{.*process="(web|worker)".*\} ([\d.e+-]+)$/m.exec(text) ?? [];
      return kind === undefined
        ? []
        : [[target, { kind: kind as Kind, seconds: Number(seconds) }] as const];
    }),
  );
}

/** Processes of another release than this command, which may not know what a rehearsal is. */
export async function othersThan(release: string, monitors: readonly string[]): Promise<string[]> {
  const answers = await askAll(monitors, ['flashsale_release']);
  return answers.flatMap(([target, text]) => {
    const [, labels = ''] = /^flashsale_release\{(.*)\}/m.exec(text) ?? [];
    const [, found] = /release="([^"]*)"/.exec(labels) ?? [];
    return found === undefined || found === release ? [] : [`${target} has release ${found}`];
  });
}

/** The metrics of each process that answers. */
async function askAll(monitors: readonly string[], names: readonly string[]) {
  const found = await Promise.all(monitors.map((url) => addressesOfMonitor(new URL(url))));
  const query = names.map((name) => `name=${name}`).join('&');
  const answers = await Promise.all(
    [...new Set(found.flat())].map(async (target) => {
      const signal = AbortSignal.timeout(TIMEOUT_MS);
      const text = await fetch(`${target}/metrics?${query}`, { signal })
        .then((response) => response.text())
        .catch(() => undefined);
      return [target, text] as const;
    }),
  );
  return answers.flatMap(([target, text]) => (text === undefined ? [] : [[target, text] as const]));
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
