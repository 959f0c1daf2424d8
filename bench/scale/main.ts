import { parseArgs } from 'node:util';
import { createProgress } from '../../ops/stack/progress.ts';
import { machine } from '../machine.ts';
import { openLoad } from './load.ts';
import { assertShares } from './share.ts';
import { startStage } from './stage.ts';

const HOMES = ['hot-1', 'hot-2', 'hot-3', 'hot-4'];
const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    share: { type: 'string', default: '0.1' },
    requests: { type: 'string', default: '4000' },
    rounds: { type: 'string', default: '2' },
  },
});
const write = (line: string) => (values.json ? console.error(line) : console.log(line));
await assertShares();
const progress = createProgress(write);
const stage = await startStage(HOMES, progress);
const load = await openLoad(stage);
try {
  progress.say('warm up');
  console.log(await load.decide(HOMES, 2000));
  stage.limit(Number(values.share));
  for (let r = 0; r < Number(values.rounds); r++)
    for (const n of [1, 2, 4, 4, 2, 1]) {
      const d = await load.decide(HOMES.slice(0, n), Number(values.requests));
      progress.say(`${n}: ${Math.round(d.orders / d.seconds)} ${d.seconds.toFixed(2)} s ${JSON.stringify(d.cpuUs)}`);
    }
} finally {
  await load.close();
  await stage.stop();
}
console.log(machine);
