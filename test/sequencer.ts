import { relative } from 'node:path';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Files that take more than twenty seconds on two cores, the longest first. */
const LONG = [
  'test/fire/fire.test.ts',
  'test/cluster/postgres.test.ts',
  'test/system/alerts.test.ts',
  'test/system/home-away.test.ts',
  'test/ops/rehearse/rehearse.test.ts',
  'test/keeper/simulation.test.ts',
  'test/system/disasters.test.ts',
  'test/system/upgrade.test.ts',
  'test/readme.test.ts',
  'test/console/browser.test.ts',
  'test/page/browser.test.ts',
  'test/keeper/scale.test.ts',
  'test/db/tour.test.ts',
  'test/system/dead-letters.test.ts',
  'test/db/two-servers-load.test.ts',
  'test/system/outages.test.ts',
  'test/broker/cluster.test.ts',
  'test/worker/webhooks-process.test.ts',
  'test/page/trouble.test.ts',
  'test/system/two-servers.test.ts',
  'test/page/challenge.test.ts',
  'test/db/waitlist-contention.test.ts',
  'test/ops/quota/operator.test.ts',
  'test/page/notices.test.ts',
  'test/worker/relay.test.ts',
  'test/system/stripe.test.ts',
  'test/console/console.test.ts',
  'test/console/customers.test.ts',
  'test/db/commands.test.ts',
  'test/broker/outage.test.ts',
  'test/system/control.test.ts',
  'test/system/stripe-sessions.test.ts',
  'test/keeper/edits/by-hand.test.ts',
  'test/keeper/keeper.test.ts',
  'test/db/install/install.test.ts',
  'test/server/page-brand.test.ts',
  'test/system/ensemble.test.ts',
  'test/console/sales.test.ts',
  'test/edge/limits.test.ts',
  'test/edge/nginx.test.ts',
  'test/server/page-messages.test.ts',
  'test/db/model-last-units.test.ts',
  'test/db/install/logins.test.ts',
  'test/system/sale-commands.test.ts',
  'test/worker/webhooks-refused.test.ts',
  'test/system/credentials.test.ts',
  'test/keeper/ensemble.test.ts',
  'test/worker/notices-process.test.ts',
  'test/db/model.test.ts',
];

/**
 * Runs the files that have processes of their own first: a process that the others share ends when its next
 * file would be one of those, and the next has to load the shop again. Of the others, the long files are the
 * first. Short files fill the end of the run, so that no worker is left alone with a long one. A file that is
 * missing in the list, or an entry without a file, costs a few seconds and nothing else.
 */
export class LongFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const length = ({ project, moduleId }: TestSpecification) => {
      const at = LONG.indexOf(relative(project.config.root, moduleId));
      return at >= 0 ? at : LONG.length;
    };
    const group = ({ project }: TestSpecification) => (project.config.isolate ? 0 : 1);
    return sorted.sort((one, other) => group(one) - group(other) || length(one) - length(other));
  }
}
