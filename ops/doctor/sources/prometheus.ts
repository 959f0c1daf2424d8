import { callJson } from './http.ts';
import { NotKnown } from './not-known.ts';

/** Prometheus' and Alertmanager's HTTP API. */

export interface Rule {
  readonly name: string;
  readonly query: string;
  readonly state: 'firing' | 'pending' | 'inactive';
  readonly health: string;
  readonly type: string;
}

export interface Target {
  readonly health: string;
  readonly scrapeUrl: string;
  readonly lastError: string;
  readonly labels: Readonly<Record<string, string>>;
}

interface Series {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [number, string];
}

export class Prometheus {
  readonly #url: string;
  readonly #timeoutMs: number;

  constructor(url: string, timeoutMs: number) {
    this.#url = url;
    this.#timeoutMs = timeoutMs;
  }

  async rules(): Promise<readonly Rule[]> {
    const { groups } = await this.#ask<{ groups: { rules: Rule[] }[] }>('rules');
    return groups.flatMap(({ rules }) => rules).filter(({ type }) => type === 'alerting');
  }

  async targets(): Promise<readonly Target[]> {
    return (await this.#ask<{ activeTargets: Target[] }>('targets?state=active')).activeTargets;
  }

  /** URLs of the Alertmanagers that it tells. */
  async alertmanagers(): Promise<readonly string[]> {
    const found = await this.#ask<{ activeAlertmanagers: { url: string }[] }>('alertmanagers');
    return found.activeAlertmanagers.map(({ url }) => new URL(url).origin);
  }

  /** The values of an instant vector with the labels of each. */
  async query(expression: string): Promise<readonly { labels: Series['metric']; value: number }[]> {
    const path = `query?query=${encodeURIComponent(expression)}`;
    const { result } = await this.#ask<{ result: Series[] }>(path);
    return result.map(({ metric, value }) => ({ labels: metric, value: Number(value[1]) }));
  }

  async #ask<T>(path: string): Promise<T> {
    try {
      return (await callJson<{ data: T }>(this.#url, `/api/v1/${path}`, this.#timeoutMs)).data;
    } catch (error) {
      const { host } = new URL(this.#url);
      throw new NotKnown(`Prometheus: ${(error as Error).message}`, `curl http://${host}/-/ready`);
    }
  }
}

export interface Silence {
  readonly id: string;
  readonly comment: string;
  readonly status: { readonly state: string };
}

/** The text of Alertmanager's configuration, without its secrets, and the silences that hold now. */
export async function alertmanagerState(url: string, timeoutMs: number) {
  const [status, silences] = await Promise.all([
    callJson<{ config: { original: string } }>(url, '/api/v2/status', timeoutMs),
    callJson<Silence[]>(url, '/api/v2/silences', timeoutMs),
  ]);
  return {
    configuration: status.config.original,
    silences: silences.filter(({ status: { state } }) => state === 'active'),
  };
}
