import { exchange } from '../../ops/stack/ports.ts';
import { createProgress } from '../../ops/stack/progress.ts';
import type { Servers } from '../../ops/stack/servers.ts';
import { startServers } from '../shop.ts';

/** Starts a private ZooKeeper for the run, or uses the one in ZOOKEEPER. */
export async function startZookeeper() {
  const quiet = createProgress(() => {});
  const { servers, stop } = await startServers(['zookeeper'], process.env, quiet);
  const { zookeeper: address } = servers as Servers;
  const [host = '', port = ''] = address.split(',')[0]?.split(':') ?? [];
  return {
    address,
    stop,
    /** Number of transactions so far: the low half of the newest transaction id. */
    async transactions(): Promise<number> {
      const answer =
        (await exchange({ host, port: Number(port) }, 'srvr', 2_000))?.toString() ?? '';
      const zxid = /Zxid: 0x([0-9a-f]+)/.exec(answer)?.[1] ?? '0';
      return Number(BigInt(`0x${zxid}`) & 0xffffffffn);
    },
  };
}
