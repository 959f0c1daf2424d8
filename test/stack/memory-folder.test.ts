import { expect, it } from 'vitest';
import { isRoomy } from '../../ops/stack/memory-folder.ts';

const GIB = 1024 ** 3;
const mounts = (kind: string, options: string) =>
  `proc /proc proc rw 0 0\n${kind} /dev/shm ${kind} ${options} 0 0\n`;

it('test files are in memory where there is plenty of it and programs may be there', () => {
  const freeBytes = 20 * GIB;
  expect(isRoomy({ mounts: mounts('tmpfs', 'rw,nosuid,nodev'), freeBytes })).toBe(true);
  expect(isRoomy({ mounts: mounts('tmpfs', 'rw,nosuid,nodev,noexec'), freeBytes })).toBe(false);
  expect(isRoomy({ mounts: mounts('tmpfs', 'ro'), freeBytes })).toBe(false);
  expect(isRoomy({ mounts: mounts('ext4', 'rw'), freeBytes })).toBe(false);
  expect(isRoomy({ mounts: 'proc /proc proc rw 0 0\n', freeBytes })).toBe(false);
  expect(isRoomy({ mounts: mounts('tmpfs', 'rw'), freeBytes: GIB })).toBe(false);
});
