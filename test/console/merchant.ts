import { expect } from 'vitest';
import { uniqueName } from '../servers.ts';
import { until } from '../until.ts';
import type { Caller } from './place.ts';

/** A merchant who uses the console's API as its pages do. */

export const HOUR_MS = 3_600_000;

/** A time so far from now, in whole seconds. */
export const at = (ms: number) =>
  new Date(Math.ceil((Date.now() + ms) / 1_000) * 1_000).toISOString();

/** A sale file that opens in an hour. */
export function saleFile(fields: object = {}) {
  return {
    sale: uniqueName('spring'),
    languages: ['en', 'de'],
    title: { en: 'Spring sale', de: 'Frühlingsverkauf' },
    opens: at(HOUR_MS),
    closes: at(2 * HOUR_MS),
    payWindow: '15m',
    colors: { accent: '#1a5fb4' },
    logo: { url: '/images/bolt.svg', alt: { en: 'Bolt', de: 'Blitz' } },
    skus: [
      {
        ...{ sku: uniqueName('tv'), title: { en: 'Television', de: 'Fernseher' }, price: '99.00' },
        ...{ currency: 'EUR', limit: 2, units: 100, home: 'hot' },
        picture: { url: '/images/tv.svg', alt: { en: 'A television', de: 'Ein Fernseher' } },
      },
    ],
    ...fields,
  };
}

type File = ReturnType<typeof saleFile>;

export class Merchant {
  readonly #caller: Caller;

  /** @param caller signed in as a merchant */
  constructor(caller: Caller) {
    this.#caller = caller;
  }

  async planOf(file: object, version = '') {
    const body = { text: JSON.stringify(file), version };
    const { status, json } = await this.#caller.call('POST', '/api/sale-files/plan', body);
    expect(status).toBe(200);
    return json;
  }

  /** Applies a plan that was shown. @returns how the change ended, with its lines */
  async applied(file: object, { mark, countFrom }: { mark: string; countFrom: string }) {
    const text = JSON.stringify(file);
    const body = { text, mark, countFrom, reason: 'for the test' };
    return this.#ended('/api/sale-files/apply', body);
  }

  async created(fields: object = {}): Promise<File> {
    const file = saleFile(fields);
    expect(await this.applied(file, await this.planOf(file))).toMatchObject({ state: 'done' });
    return file;
  }

  async present(sale: string) {
    const { json } = await this.#caller.call('GET', `/api/sale-files/${sale}`);
    return json as {
      file: File;
      version: string;
      switches: Record<string, Record<string, string | null>>;
    };
  }

  /** Opens, pauses … a sale. */
  deed({ sale }: { readonly sale: string }, action: string, body: object = {}) {
    return this.#ended(`/api/sales/${sale}/${action}`, { reason: `a test of ${action}`, ...body });
  }

  async #ended(path: string, body: object) {
    const { status, json } = await this.#caller.call('POST', path, body);
    expect(status).toBe(202);
    return until('the change has ended', async () => {
      const change = (await this.#caller.call('GET', `/api/changes/${json.change}`)).json;
      return change.state !== 'running' && change;
    });
  }
}
