import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/**
 * Wires: each process of the shop has a network namespace of its own, and a pair of virtual network cards that
 * joins it with the run. Packets cross it, and they can be lost, doubled and held up like those of a real network.
 * Only a run that is apart has wires, so they go with its last process.
 */

/** Addresses for benchmarks of networks (RFC 2544): nobody's on the Internet, and rarely on a private network. */
const NETWORK = '198.18';
/** The card of a process in its namespace. */
const FAR_CARD = 'shop';

const LOST_SHARE = 0.2;
/** A narrow wire carries some answers a second. A packet that waits longer than this is lost. */
const NARROW = 'rate 256kbit burst 4kb latency 400ms';

const execute = promisify(execFile);
const shell = async (...commands: readonly string[]) =>
  void (await execute('sh', ['-ec', commands.join('\n')]));

/** One end of a wire. */
interface End {
  readonly card: string;
  /** The address of the other end. */
  readonly other: string;
  /** Put before a command, it makes the command act at this end. */
  readonly at: string;
}

/** How one end is changed, and changed back. */
type Change = (how: 'add' | 'delete', end: End) => string;

const FLAGS = { add: '-A', delete: '-D' } as const;

/** Packets are dropped where they arrive: where they are sent, TCP would be told. */
const drop =
  (which = ''): Change =>
  (how, { card }) =>
    `iptables ${FLAGS[how]} INPUT -i ${card} ${which} -j DROP`;
const double: Change = (how, { card, other }) =>
  `iptables -t mangle ${FLAGS[how]} POSTROUTING -o ${card} -j TEE --gateway ${other}`;
const narrow: Change = (how, { card }) => `tc qdisc ${how} dev ${card} root tbf ${NARROW}`;

interface Plan {
  readonly change: Change;
  readonly ends: readonly ('near' | 'far')[];
}
const BOTH = ['near', 'far'] as const;

const PLANS = {
  silence: { change: drop(), ends: BOTH },
  'silence-out': { change: drop(), ends: ['near'] },
  'silence-in': { change: drop(), ends: ['far'] },
  'lost-packets': {
    change: drop(`-m statistic --mode random --probability ${LOST_SHARE}`),
    ends: BOTH,
  },
  'doubled-packets': { change: double, ends: BOTH },
  narrow: { change: narrow, ends: BOTH },
} as const satisfies Record<string, Plan>;

export type Trouble = keyof typeof PLANS;

export class Wire {
  readonly name: string;
  /** The addresses of the run and of the process. */
  readonly near: string;
  readonly far: string;
  /** Commands that undo what has been done. */
  readonly #undo: string[] = [];

  /**
   * @param name of the process, of its namespace, and of the card of the run; up to 15 characters
   * @param number of the wire, from 0 to 255
   */
  constructor(name: string, number: number) {
    this.name = name;
    this.near = `${NETWORK}.${number}.1`;
    this.far = `${NETWORK}.${number}.2`;
  }

  /** The command as it runs in the namespace of the process. */
  inside(...command: readonly string[]): string[] {
    return ['nsenter', `--net=/run/netns/${this.name}`, ...command];
  }

  /** Commands of a shell that make this wire. */
  get made(): string[] {
    const { name, near, far } = this;
    return [
      `ip netns add ${name}`,
      `ip link add ${name} type veth peer name ${FAR_CARD} netns ${name}`,
      `ip addr add ${near}/30 dev ${name}`,
      `ip link set ${name} up`,
      `ip -n ${name} addr add ${far}/30 dev ${FAR_CARD}`,
      `ip -n ${name} link set ${FAR_CARD} up`,
      `ip -n ${name} link set lo up`,
    ];
  }

  /** Commands of a shell that make this trouble, or end it. */
  changes(how: 'add' | 'delete', trouble: Trouble): string[] {
    const ends: Record<'near' | 'far', End> = {
      near: { card: this.name, other: this.far, at: '' },
      far: { card: FAR_CARD, other: this.near, at: `${this.inside().join(' ')} ` },
    };
    const { change, ends: changed } = PLANS[trouble];
    return changed.map((end) => `${ends[end].at}${change(how, ends[end])}`);
  }

  /** One trouble at a time. @throws {Error} if it cannot be made; then nothing of it is left */
  async disturb(trouble: Trouble): Promise<void> {
    const undo = this.changes('delete', trouble);
    for (const [at, command] of this.changes('add', trouble).entries()) {
      await shell(command).catch(async (error) => {
        await this.mend();
        throw error;
      });
      this.#undo.push(undo[at] ?? '');
    }
  }

  async mend(): Promise<void> {
    for (let last = this.#undo.at(-1); last !== undefined; last = this.#undo.at(-1)) {
      await shell(last);
      this.#undo.pop();
    }
  }

  async remove(): Promise<void> {
    await this.mend();
    // At once: a namespace goes a moment after its end, and its cards with it.
    await shell(`ip link delete ${this.name}`, `ip netns delete ${this.name}`);
  }
}

/** By the name of the process. A run without namespaces has none. */
export type Wires = ReadonlyMap<string, Wire>;

/** Lays a wire to each of these processes. */
export async function layWires(names: readonly string[]): Promise<Wires> {
  const wires = names.map((name, at) => new Wire(name, at));
  for (const wire of wires) await shell(...wire.made);
  return new Map(wires.map((wire) => [wire.name, wire]));
}

export async function removeWires(wires: Wires): Promise<void> {
  for (const wire of wires.values()) await wire.remove();
}

/** A script that fails where wires cannot be laid or disturbed. */
export const TRIAL = (() => {
  const wire = new Wire('trial', 0);
  const troubles = (Object.keys(PLANS) as Trouble[]).flatMap((one) => wire.changes('add', one));
  return [...wire.made, ...troubles].join('\n');
})();
