import { runningStack } from '../stack/running.ts';
import type { CommandContext } from './command.ts';

/** The address in the options, else SHOP_URL, else that of the running local stack. */
export function shopAddress(
  { environment }: CommandContext,
  { shop }: { readonly shop?: string },
): string {
  const text = shop ?? environment['SHOP_URL'] ?? runningStack(environment)['SHOP_URL'] ?? '';
  const isAddress = URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);
  if (!isAddress || new URL(text).pathname !== '/') {
    throw new Error(`the address of the shop is like https://shop.example, not ${text}`);
  }
  return text;
}
