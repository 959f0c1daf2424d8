import { readFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { COSTS, type Costs } from './costs.ts';
import type { Launch, Prices } from './model.ts';

/** The model as a page: one file without a server, which works out the needs anew as its fields change. */

const MODEL = new URL('./model.ts', import.meta.url);
const SCRIPT = new URL('./page-script.js', import.meta.url);

const FIELDS: Readonly<Record<keyof Launch, string>> = {
  visitors: 'People who have the page open',
  withinSeconds: 'Time within which they press, in seconds',
  pressesEach: 'Presses of one visitor',
  units: 'Units',
  waiting: 'Shoppers who wait for an outcome at once',
  decidedWithinSeconds: 'Time until each unit has its order, in seconds',
  openedWithinSeconds: 'Time within which the pages are opened, in seconds',
};

/** Text in a script must not end it. */
const embedded = (value: unknown) => JSON.stringify(value).replaceAll('<', '\\u003c');

/** Node calls the function experimental, and would say so on the terminal of whoever wants a page. */
function withoutTypes(text: string): string {
  const { emitWarning } = process;
  process.emitWarning = () => {};
  try {
    return stripTypeScriptTypes(text);
  } finally {
    process.emitWarning = emitWarning;
  }
}

/** @param prices with them, the page says what the servers cost */
export function capacityPage(launch: Launch, costs: Costs, prices?: Prices): string {
  const model = withoutTypes(readFileSync(MODEL, 'utf8')).replaceAll(/^export /gm, '');
  const fields = Object.entries(FIELDS).map(
    ([name, label]) =>
      `<label>${label}<input name="${name}" type="number" min="0.1" step="any" value="${launch[name as keyof Launch]}"></label>`,
  );
  const { machine, measuredOn } = costs;
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Capacity of a launch</title>
<style>
body { font: 1rem/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 64rem; padding: 1rem; color: #1d1d1f; background: #fff; }
form { display: grid; grid-template-columns: repeat(auto-fill, minmax(15rem, 1fr)); gap: .75rem; align-items: end; }
label { display: grid; gap: .25rem; }
input { font: inherit; padding: .4rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; margin-block: 1.5rem; width: 100%; }
th, td { border-bottom: 1px solid #ccc; padding: .4rem .6rem; text-align: start; vertical-align: top; }
td.amount { text-align: end; white-space: nowrap; font-variant-numeric: tabular-nums; }
small { color: #555; }
@media (max-width: 40rem) { thead { display: none; } tr { display: grid; grid-template-columns: auto 1fr auto; border-bottom: 1px solid #ccc; } td { border: 0; } td:last-child { grid-column: 1 / -1; } }
@media (prefers-color-scheme: dark) { body { color: #f5f5f7; background: #1d1d1f; } small { color: #bbb; } th, td { border-color: #555; } }
</style>
<main>
<h1>Capacity of a launch</h1>
<p>The costs were measured on ${measuredOn} on ${machine.cores} cores (${machine.cpu}), Node ${machine.node}. Other machines differ:
measure yours with <code>npm run bench -- capacity --write</code>.</p>
<form>${fields.join('\n')}</form>
<p role="status"></p>
<p id="money"></p>
<div class="wide"><table aria-live="polite"><thead><tr><th>part<th>needs<th>amount<th>because</thead><tbody></tbody></table></div>
</main>
<script type="module">
${model}
const COSTS = ${embedded(COSTS)};
const MEASURED = ${embedded(costs.costs)};
const PRICES = ${embedded(prices ?? null)};
${readFileSync(SCRIPT, 'utf8')}
</script>
`;
}
