import { relative } from 'node:path';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Files that take more than twenty seconds on two cores, the longest first. */
export const LONG = [
  'test/page/browser.test.ts',
  'test/system/home-away.test.ts',
  'test/system/disasters.test.ts',
  'test/keeper/simulation.test.ts',
  'test/system/outages.test.ts',
  'test/db/two-servers-load.test.ts',
  'test/page/trouble.test.ts',
  'test/system/restarts.test.ts',
  'test/broker/cluster.test.ts',
  'test/system/two-servers.test.ts',
  'test/system/stripe.test.ts',
  'test/keeper/scale.test.ts',
  'test/worker/relay.test.ts',
  'test/system/ensemble.test.ts',
  'test/db/tour.test.ts',
  'test/readme.test.ts',
  'test/system/stripe-sessions.test.ts',
  'test/page/challenge.test.ts',
  'test/broker/outage.test.ts',
  'test/system/dead-letters.test.ts',
  'test/keeper/keeper.test.ts',
  'test/db/waitlist-contention.test.ts',
  'test/system/control.test.ts',
  'test/worker/webhooks-process.test.ts',
  'test/keeper/edits/by-hand.test.ts',
  'test/stack/crash.test.ts',
  'test/db/install/install.test.ts',
  'test/system/credentials.test.ts',
  'test/zk/client/session.test.ts',
  'test/keeper/ensemble.test.ts',
  'test/server/gate/canary.test.ts',
];

/**
 * Runs the long files first, then the others that have a process of their own. Short files fill the end
 * of the run, so that no worker is left alone with a long one. A file that is missing in the list, or
 * an entry without a file, costs a few seconds and nothing else.
 */
export class LongFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const rank = ({ project, moduleId }: TestSpecification) => {
      const at = LONG.indexOf(relative(project.config.root, moduleId));
      if (at >= 0) return at;
      return project.config.isolate ? LONG.length : LONG.length + 1;
    };
    return sorted.sort((one, other) => rank(one) - rank(other));
  }
}
