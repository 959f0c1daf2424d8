import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, readlinkSync } from 'node:fs';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { isApart } from '../../fire/shop/namespaces.ts';
import { layWires, removeWires, type Trouble } from '../../fire/shop/wires.ts';
import { until } from '../until.ts';

/**
 * A program that a test runs apart. It lays a wire, talks across it with an echo under each trouble, and prints what
 * it has seen as JSON. With `stay` it lays a wire and waits to be killed.
 */

export interface Seen {
  readonly isApart: boolean;
  /** Network namespaces of this program and of the echo. */
  readonly namespaces: readonly string[];
  /** Bytes that the echo and this program had at the end of the trouble, of 5. */
  readonly during: Readonly<Record<'silence' | 'silence-out' | 'silence-in', readonly number[]>>;
  /** Packets that were dropped while all bytes arrived. */
  readonly dropped: number;
  /** Packets that came back for the same words, without trouble and doubled. */
  readonly packets: readonly number[];
  /** Milliseconds that many bytes take there and back, without trouble and on a narrow wire. */
  readonly took: readonly number[];
  /** Rules and queues of both ends, before and after all troubles. */
  readonly rules: readonly string[];
}

const NAME = 'trial';
const PORT = 7_007;
const SILENCE_MS = 700;
const WORDS = 20;
const MANY_BYTES = 40_000;
/** Ends with this program, whose end closes its input. */
const ECHO = `
  let got = 0;
  process.stdin.resume().on('end', () => process.exit());
  require('node:net')
    .createServer((socket) => socket.on('data', (bytes) => {
      console.log(got += bytes.length);
      socket.write(bytes);
    }))
    .listen(${PORT}, () => console.log(0));`;

const wires = await layWires([NAME]);
const wire = wires.get(NAME);
if (wire === undefined) throw new Error('no wire');
const far = wire.inside();
const [program = '', ...args] = [...far, process.execPath, '--eval', ECHO];
const echo = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] });
let heard = 0;
echo.stdout.on('data', (text: Buffer) => (heard = Number(`${text}`.trim().split('\n').at(-1))));
await once(echo.stdout, 'data');
const namespaces = [process.pid, echo.pid].map((pid) => readlinkSync(`/proc/${pid}/ns/net`));

const socket = connect({ host: wire.far, port: PORT, noDelay: true });
let back = 0;
socket.on('data', (bytes) => (back += bytes.length));
await once(socket, 'connect');

/** Resolves when all of it came back. Returns the milliseconds. */
async function say(bytes: number): Promise<number> {
  const [wanted, startedMs] = [back + bytes, performance.now()];
  socket.write(Buffer.alloc(bytes));
  await until('the echo', () => back === wanted, { pollMs: 1 });
  return performance.now() - startedMs;
}

async function during<T>(trouble: Trouble, work: () => Promise<T>): Promise<T> {
  await wire?.disturb(trouble);
  try {
    return await work();
  } finally {
    await wire?.mend();
  }
}

/** Of five bytes: how many the echo had at the end of the trouble, and how many were back. All come back later. */
async function silence(trouble: Trouble): Promise<number[]> {
  const [heardBefore, backBefore] = [heard, back];
  const seen = await during(trouble, async () => {
    socket.write('hello');
    await delay(SILENCE_MS);
    return [heard - heardBefore, back - backBefore];
  });
  await until('the answer after the silence', () => back === backBefore + 5);
  return seen;
}

const output = (command: string) => execFileSync('sh', ['-ec', command], { encoding: 'utf8' });

function rules(): string {
  const names = 'iptables-save | grep ^-A || true; tc qdisc show';
  return output(`${names}; ${far.join(' ')} sh -c '${names}'`);
}

/** Packets that one rule has dropped. */
const dropped = () => Number(/^ *(\d+) .*DROP/m.exec(output('iptables -nvxL INPUT'))?.[1]);

/** Packets that have come to the card of this end. */
function received(): number {
  const line = readFileSync('/proc/net/dev', 'utf8')
    .split('\n')
    .find((one) => one.includes(`${NAME}:`));
  return Number(line?.split(':')[1]?.trim().split(/ +/)[1]);
}

async function packets(): Promise<number> {
  const before = received();
  for (let word = 0; word < WORDS; word += 1) await say(1);
  return received() - before;
}

if (process.argv[2] === 'stay') {
  console.log(JSON.stringify({ namespaces }));
  await once(process, 'exit');
}

const before = rules();
const seen: Seen = {
  isApart: isApart(),
  namespaces,
  during: {
    silence: await silence('silence'),
    'silence-out': await silence('silence-out'),
    'silence-in': await silence('silence-in'),
  },
  dropped: await during('lost-packets', async () => {
    for (let word = 0; word < WORDS; word += 1) await say(1);
    return dropped();
  }),
  packets: [await packets(), await during('doubled-packets', packets)],
  took: [await say(MANY_BYTES), await during('narrow', () => say(MANY_BYTES))],
  rules: [before, rules()],
};
console.log(JSON.stringify(seen));
socket.destroy();
echo.kill();
await removeWires(wires);
