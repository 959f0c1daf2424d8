import { loopbackUrl } from '../../../ops/stack/ports.ts';
import { until } from '../../until.ts';

/** What Alertmanager and Prometheus say of alerts, and how long each took to fire and to clear. */

/** The name of an alert, and labels that it must have. */
interface Expected {
  readonly alert: string;
  readonly labels?: Readonly<Record<string, string>>;
}

/** A fault that is really made, and mended again. */
export interface Fault {
  readonly fault: string;
  readonly alerts: readonly Expected[];
  readonly make: () => Promise<unknown> | unknown;
  /** Called again and again until the alerts fire, for faults that show only while people call. */
  readonly go?: () => Promise<unknown> | unknown;
  readonly mend: () => Promise<unknown> | unknown;
}

export interface Seen extends Expected {
  readonly fault: string;
  readonly firedS: number;
  readonly clearedS: number;
}

type Labels = Readonly<Record<string, string>>;

const POLL_MS = 250;
/** Far beyond what any alert takes; it only ends a wait that is in vain. */
const LIMIT = { deadlineMs: 300_000, pollMs: 100 };

export class Alerts {
  readonly #url: string;
  #active: readonly Labels[] = [];
  #timer: NodeJS.Timeout | undefined;

  readonly #prometheus: string;

  constructor(alertmanagerPort: number, prometheusPort: number) {
    this.#url = loopbackUrl(alertmanagerPort);
    this.#prometheus = loopbackUrl(prometheusPort);
  }

  /** Waits until every target has been scraped and every rule evaluated after that. */
  async untilEvaluated(): Promise<void> {
    const scraped = await until('every target is scraped', async () => {
      const { activeTargets } = (await this.#ask('targets')) as {
        activeTargets: { health: string; scrapeUrl: string; lastError: string }[];
      };
      const bad = activeTargets.filter(({ health }) => health !== 'up');
      if (bad.length > 0) throw new Error(JSON.stringify(bad));
      return activeTargets.length > 0 && Date.now();
    });
    await until('every rule is evaluated', async () => {
      const { groups } = (await this.#ask('rules')) as { groups: { lastEvaluation: string }[] };
      return groups.every(({ lastEvaluation }) => Date.parse(lastEvaluation) > scraped);
    });
  }

  async #ask(path: string): Promise<never> {
    const response = await fetch(`${this.#prometheus}/api/v1/${path}`);
    const { data, error } = (await response.json()) as { data: never; error?: string };
    if (error !== undefined) throw new Error(`${path}: ${error}`);
    return data;
  }

  /** The labels of all that an expression yields. */
  async query(expr: string): Promise<Labels[]> {
    const { result } = (await this.#ask(`query?${new URLSearchParams({ query: expr })}`)) as {
      result: { metric: Labels }[];
    };
    return result.map(({ metric }) => metric);
  }

  start(): void {
    const look = async () => {
      await this.#look().catch(() => {});
      this.#timer = setTimeout(look, POLL_MS);
    };
    void look();
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  async #look(): Promise<void> {
    // An alert that another one inhibits is active as well.
    const response = await fetch(`${this.#url}/api/v2/alerts`);
    const alerts = (await response.json()) as { labels: Labels }[];
    this.#active = alerts.map(({ labels }) => labels);
  }

  active({ alert, labels = {} }: Expected): boolean {
    const wanted = Object.entries({ alertname: alert, ...labels });
    return this.#active.some((each) => wanted.every(([name, value]) => each[name] === value));
  }

  /** The names of all alerts that are active now. */
  names(): string[] {
    return [...new Set(this.#active.map(({ alertname = '' }) => alertname))].sort();
  }

  /** Makes the fault, waits for its alerts, mends it and waits until they have cleared. */
  async prove({ fault, alerts, make, go, mend }: Fault): Promise<Seen[]> {
    const before = alerts.filter((each) => this.active(each));
    if (before.length > 0) throw new Error(`${fault}: ${JSON.stringify(before)} is active before`);
    const madeAtMs = performance.now();
    await make();
    const seen = new Map<Expected, { firedS: number; clearedS: number }>();
    await until(
      `${fault}: ${JSON.stringify(alerts)} fire`,
      async () => {
        for (const each of alerts) {
          if (seen.has(each) || !this.active(each)) continue;
          seen.set(each, { firedS: (performance.now() - madeAtMs) / 1_000, clearedS: 0 });
        }
        if (seen.size === alerts.length) return true;
        await go?.();
        await new Promise((resolve) => setTimeout(resolve, POLL_MS));
        const missing = alerts.filter((each) => !seen.has(each)).map(({ alert }) => alert);
        throw new Error(`missing: ${missing}; active: ${this.names()}`);
      },
      LIMIT,
    );
    const mendedAtMs = performance.now();
    await mend();
    await Promise.all(
      [...seen].map(async ([each, times]) => {
        await until(`${fault}: ${JSON.stringify(each)} clears`, () => !this.active(each), LIMIT);
        times.clearedS = (performance.now() - mendedAtMs) / 1_000;
      }),
    );
    return [...seen].map(([each, times]) => ({ fault, ...each, ...times }));
  }
}

export function tableOf(seen: readonly Seen[]): string {
  const lines = seen.map(({ fault, alert, labels, firedS, clearedS }) =>
    [
      fault.padEnd(58),
      `${alert}${labels ? ` ${Object.values(labels)}` : ''}`.padEnd(44),
      firedS.toFixed(1).padStart(7),
      clearedS.toFixed(1).padStart(9),
    ].join(' '),
  );
  const head = ['fault'.padEnd(58), 'alert'.padEnd(44), 'fired s', 'cleared s'].join(' ');
  return [head, ...lines].join('\n');
}
