import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type Check, no, notKnown, ok } from '../../../ops/doctor/check.ts';
import { hider } from '../../../ops/doctor/hide.ts';
import { CHECKS } from '../../../ops/doctor/list.ts';
import { diagnose, exitCodeOf } from '../../../ops/doctor/run.ts';
import { NotKnown } from '../../../ops/doctor/sources/not-known.ts';
import { parseSamples } from '../../../ops/doctor/sources/samples.ts';
import { diagnosisText } from '../../../ops/doctor/text.ts';
import { createProgram } from '../../../ops/program.ts';

/** What the doctor makes of checks, whatever they look at. */

const secret = () => randomBytes(12).toString('base64url');
const PASSWORD = secret();
const ENVIRONMENT = { DATABASE_URL: `postgres://shop:${PASSWORD}@127.0.0.1:1/shop` };
const OPTIONS = { isDemo: false, backupInfo: [], timeoutMs: 10 };

const check = (name: string, look: Check['look']): Check => ({ name, about: name, look });
const fine = check('fine', async () => [ok('all is well', 'look')]);
const bad = check('bad', async () => [ok('half is well', 'look'), no('half is not', 'mend')]);
const dark = check('dark', async () => {
  throw new NotKnown('nobody says', 'ask');
});
const make = (checks: readonly Check[], ...without: string[]) =>
  diagnose(checks, ENVIRONMENT, OPTIONS, without);

describe('the doctor', () => {
  it('says go if every check is ok, and no-go with one that is not', async () => {
    expect(exitCodeOf(await make([fine]))).toBe(0);
    const one = await make([fine, bad, dark]);
    expect(one).toMatchObject({ verdict: 'no-go', no: ['bad'], notKnown: ['dark'] });
    expect(exitCodeOf(one)).toBe(1);
    expect(exitCodeOf(await make([fine, dark]))).toBe(2);
  });

  it('does without what is not known if it is named, and never without a no', async () => {
    const known = await make([fine, dark], 'dark');
    expect(known).toMatchObject({ verdict: 'go', without: ['dark'], notKnown: [] });
    expect(await make([fine, bad], 'bad')).toMatchObject({ verdict: 'no-go', no: ['bad'] });
  });

  it('says not known of a check that hangs, fails or finds nothing', async () => {
    const hanging = check('hanging', () => new Promise(() => {}));
    const failing = check('failing', async () => {
      throw new Error('it broke\nat some line');
    });
    const empty = check('empty', async () => []);
    const mixed = check('mixed', async () => [ok('well', 'look'), notKnown('half of it', 'ask')]);
    const { results, notKnown: unknown } = await make([hanging, failing, empty, mixed]);
    expect(unknown).toEqual(['hanging', 'failing', 'empty', 'mixed']);
    const reasons = results.flatMap(({ findings }) => findings.map(({ reason }) => reason));
    expect(reasons).toEqual(['not within 20 ms', 'it broke', 'well', 'half of it']);
  });

  it('prints no secret, wherever it comes from', async () => {
    const telling = check('telling', async () => [no(`no login ${PASSWORD}`, `psql ${PASSWORD}`)]);
    const { results } = await make([telling]);
    expect(JSON.stringify(results)).not.toContain(PASSWORD);
    const [one, other, auth] = [secret(), `${secret()}/`, secret()];
    const encoded = encodeURIComponent(other);
    const hide = hider({
      HOT_DATABASE_URLS: `hot-1=postgres://a:${one}@one/b,hot-2=postgres://a:${encoded}@two/b`,
      ZK_AUTH: `operator:${auth}`,
    });
    expect(hide(`${one} ${other} ${encoded} ${auth}`)).toBe('… … … …');
    const demo = hider({ AMQP_URL: `amqp://shop:${'flashsale'}@broker/shop` });
    expect(demo('flashsale doctor')).toBe('flashsale doctor');
  });

  it('prints text without colours, unless it is asked for, and no control characters', async () => {
    const loud = check('loud', async () => [no('rings \u0007', 'mend')]);
    const diagnosis = await make([fine, loud, dark]);
    expect(diagnosisText(diagnosis, false).split('\n')).toEqual([
      'ok  fine  all is well',
      '          → look',
      'NO  loud  rings �',
      '          → mend',
      '?   dark  nobody says',
      '          → ask',
      '',
      'no-go',
      '  no: loud',
      '  not known: dark',
      '  → to do without: flashsale doctor --without dark',
    ]);
    expect(diagnosisText(diagnosis, true)).toContain('\u001b[1;31mNO');
  });

  it('reads the text of metrics', () => {
    const text = '# HELP a\na{b="c, \\"d\\"",e="f"} 2.5\nplain 1\n';
    expect(parseSamples(text)).toEqual([
      { name: 'a', labels: { b: 'c, \\"d\\"', e: 'f' }, value: 2.5 },
      { name: 'plain', labels: {}, value: 1 },
    ]);
  });
});

describe('the documents', () => {
  const names = CHECKS.map(({ name }) => name);

  it('name exactly the checks that there are, in their order', () => {
    const runbook = readFileSync(new URL('../../../docs/runbook.md', import.meta.url), 'utf8');
    const [, section = ''] = /\n## The morning of the sale\n([\s\S]*?)\n## /.exec(runbook) ?? [];
    const [, table = ''] = section.split('| check |');
    const rows = [...table.matchAll(/^\| `([a-z]+)` \|/gm)].map(([, name]) => name);
    expect(rows).toEqual(names);
  });

  it('name only commands that there are, and so do the checks', async () => {
    const program = await createProgram({});
    const folder = new URL('../../../ops/doctor/checks/', import.meta.url);
    const text = readdirSync(folder).map((file) => readFileSync(new URL(file, folder), 'utf8'));
    const named = [
      ...text.join().matchAll(/'flashsale ((?:[a-z-]+ ?)+)|`flashsale ((?:[a-z-]+ ?)+)/g),
    ];
    expect(named.length).toBeGreaterThan(15);
    for (const [, one, other] of named) {
      let at = program;
      for (const word of (one ?? other ?? '').trim().split(' ')) {
        if (at.commands.length === 0) break;
        const next = at.commands.find((command) => command.name() === word);
        expect(next?.name(), `flashsale ${one ?? other}`).toBe(word);
        at = next ?? at;
      }
    }
  });

  it('are right about the help, which has a line for each check', async () => {
    const program = await createProgram({}, 'doctor');
    const doctor = program.commands.find((command) => command.name() === 'doctor');
    let help = '';
    doctor?.configureOutput({ writeOut: (text) => (help += text) }).outputHelp();
    for (const { name, about } of CHECKS)
      expect(help).toMatch(new RegExp(`^ {2}${name} +${about.slice(0, 20)}`, 'm'));
  });
});
