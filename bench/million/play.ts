import { parseOptions, USAGE, UsageError } from './options.ts';
import { renderReport } from './report.ts';
import { playMillion } from './scenario.ts';
import { shopOf } from './shop.ts';

/** `npm run million`: the scenario against the running shop. */

if (process.argv.includes('--help')) {
  console.log(USAGE);
  process.exit(0);
}
try {
  const options = parseOptions(process.argv.slice(2));
  const report = await playMillion(options, shopOf(process.env));
  process.stdout.write(renderReport(report));
  if (options.json) process.stdout.write(`${JSON.stringify(report)}\n`);
  process.exitCode = report.problems.length === 0 ? 0 : 1;
} catch (error) {
  const usage = error instanceof UsageError;
  console.error(usage ? `${error.message}\n\n${USAGE}` : error);
  process.exitCode = usage ? 64 : 1;
}
