import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { UserIds } from '../ops/stack/processes.ts';
import { findEdge } from '../ops/stack/programs.ts';

/** A certificate of the address 127.0.0.1, and of no name, that is its own authority. */
export interface Certificate {
  readonly certificate: string;
  readonly key: string;
}

/** @param owner the user whose server reads the key */
export function makeCertificate(folder: string, owner?: UserIds): Certificate {
  mkdirSync(folder, { recursive: true, mode: 0o755 });
  const [certificate, key] = [join(folder, 'certificate.pem'), join(folder, 'key.pem')];
  const { openssl } = findEdge({ path: process.env['PATH'] ?? '', root: '/' });
  execFileSync(
    openssl,
    [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'],
      ...['-days', '2', '-subj', '/CN=test', '-addext', 'subjectAltName=IP:127.0.0.1'],
      ...['-keyout', key, '-out', certificate],
    ],
    { stdio: 'pipe' },
  );
  chmodSync(key, 0o600);
  if (owner !== undefined) chownSync(key, owner.uid, owner.gid);
  return { certificate, key };
}
