import { writeFileSync } from 'node:fs';
import { application } from './application.ts';
import { business } from './business.ts';
import { database } from './database.ts';
import { host } from './host.ts';
import { overview } from './overview.ts';
import { queue } from './queue.ts';

/** `npm run dashboards`: writes the JSON of each dashboard, as Grafana imports it. */

const DASHBOARDS = { flashsale: overview, application, business, database, host, queue };

/** The JSON of each dashboard by its file name. */
export function rendered(): ReadonlyMap<string, string> {
  const files = Object.entries(DASHBOARDS).map(
    ([name, built]) => [`${name}.json`, `${JSON.stringify(built, null, 2)}\n`] as const,
  );
  return new Map(files);
}

if (import.meta.main) {
  for (const [file, json] of rendered()) writeFileSync(new URL(file, import.meta.url), json);
}
