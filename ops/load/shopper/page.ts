import { pathOf } from '../client/calls.ts';
import type { Visit } from '../client/visit.ts';
import type { Plan } from '../plan/read.ts';

/** The page of the sale, with the files that its HTML names if the plan says so. */

/** Files of one page. */
const FILES_MAX = 60;
const FILE = /(?:src|href)="(\/[^"?#]+\.(?:js|css|svg))"/g;

export async function openPage(
  visit: Visit,
  plan: Plan,
  { dueMs }: { readonly dueMs?: number } = {},
): Promise<void> {
  const path = pathOf('page', { sale: plan.sale });
  const page = await visit.call({ name: 'page', path, ...(dueMs !== undefined && { dueMs }) });
  if (!plan.loadsFiles || page.kind !== 'ok' || typeof page.body !== 'string') return;
  const files = new Set([...page.body.matchAll(FILE)].map(([, file = '']) => file));
  const some = [...files].slice(0, FILES_MAX);
  await Promise.all(some.map((file) => visit.call({ name: 'file', path: file })));
}
