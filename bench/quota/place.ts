import { exchange } from '../../ops/stack/ports.ts';
import { createProgress } from '../../ops/stack/progress.ts';
import { startTestbed } from '../../ops/stack/testbed.ts';

/** The ZooKeeper of a run: the one that ZOOKEEPER names, or a private one. */

let stopServers: () => Promise<void> = async () => {};

export async function servers() {
  const given = process.env['ZOOKEEPER'];
  let address = given ?? '';
  if (given === undefined) {
    // The others are not needed: any URL keeps them from being started.
    const testbed = await startTestbed(
      process.env,
      createProgress(() => {}),
    );
    stopServers = testbed.stop;
    address = testbed.servers.zookeeper;
  }
  const [host = '', port = ''] = address.split(',')[0]?.split(':') ?? [];
  return {
    address,
    /** Transactions so far: the low half of the newest one's id. */
    async transactions(): Promise<number> {
      const answer =
        (await exchange({ host, port: Number(port) }, 'srvr', 2_000))?.toString() ?? '';
      const zxid = /Zxid: 0x([0-9a-f]+)/.exec(answer)?.[1] ?? '0';
      return Number(BigInt(`0x${zxid}`) & 0xffffffffn);
    },
  };
}

export function stop(): Promise<void> {
  return stopServers();
}
