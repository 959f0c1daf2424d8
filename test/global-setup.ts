import type { TestProject } from 'vitest/node';
import { createProgress } from '../ops/stack/progress.ts';
import type { Servers } from '../ops/stack/servers.ts';
import { startTestbed } from '../ops/stack/testbed.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    servers: Servers;
  }
}

/** Starts the servers of a test run, once. The returned function ends them. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const progress = createProgress((line) => console.log(line));
  const testbed = await startTestbed(process.env, progress);
  project.provide('servers', testbed.servers);
  return () => testbed.stop();
}
