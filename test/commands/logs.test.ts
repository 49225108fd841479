import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { appendFileSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { prettyLine } from '../../src/commands/log-line.ts';
import { runLogs } from '../../src/commands/logs.ts';
import { createLogger } from '../../src/logger.ts';

/** Noon of a day, in whatever time zone this runs. */
const NOON = new Date(2026, 10, 20, 12, 0, 7).getTime();

function line(fields: Readonly<Record<string, unknown>>): string {
  return JSON.stringify({ level: 30, time: NOON, pid: 7, msg: 'something', ...fields });
}

describe('a line of the log', () => {
  test('shows time, level, message and fields', () => {
    expect(prettyLine(line({ code: 'protocol', reason: 'two words', count: 3, list: [1] }))).toBe(
      '2026-11-20 12:00:07 info  something code=protocol reason="two words" count=3 list=[1]\n',
    );
    expect(prettyLine(line({ level: 50, msg: 'bad' }))).toBe('2026-11-20 12:00:07 error bad\n');
    expect(prettyLine(line({ level: 35 }))).toBe('2026-11-20 12:00:07 35    something\n');
  });

  test('shows an error as what it says, and its stack below', () => {
    let written = '';
    const logger = createLogger('info', {
      write: (text) => {
        written = text;
      },
    });
    logger.error({ err: new TypeError('no such thing') }, 'it failed');
    const [head, first] = prettyLine(written.trim()).split('\n');
    expect(head).toEndWith(' error it failed err="TypeError: no such thing"');
    expect(first).toStartWith('    at ');
  });

  test('can neither move the cursor nor begin a line of its own', () => {
    const shown = prettyLine(line({ msg: 'a\u001b[2J\nb', tool: '\u202ex\r', 'k\ne': 1 }));
    for (const hidden of ['\u001b', '\u202e', '\r']) expect(shown).not.toContain(hidden);
    expect(shown.match(/\n/g)).toHaveLength(1);
    expect(prettyLine('no \u001b[2J record')).not.toContain('\u001b');
  });
});

describe('logs', () => {
  let home: string;
  let path: string;
  let printed: string;
  const print = (text: string): void => {
    printed += text;
  };
  const never = async (): Promise<boolean> => false;
  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'csh-logs-'));
    const folder = join(home, '.local/state/claude-slack-hook');
    mkdirSync(folder, { recursive: true });
    path = join(folder, 'daemon.log');
    printed = '';
  });
  afterEach(() => rmSync(home, { recursive: true, force: true }));

  test('shows the last lines, of whichever file', async () => {
    writeFileSync(`${path}.1`, `${line({ msg: 'one' })}\n${line({ msg: 'two' })}\n`);
    writeFileSync(path, `${line({ msg: 'three' })}\n`);
    const { stdout, exitCode } = await runLogs({ lines: '2' }, { env: { HOME: home }, print, wait: never });
    expect(stdout.match(/one|two|three/g)).toEqual(['two', 'three']);
    expect(exitCode).toBe(0);
  });

  test('with --json gives each record as it is, and nothing that is no JSON', async () => {
    const record = line({ msg: 'one \u202e', deep: { a: [1] } });
    writeFileSync(path, `${record}\nbroken\n`);
    const { stdout } = await runLogs({ json: true }, { env: { HOME: home }, print, wait: never });
    const [first = '', second = ''] = stdout.split('\n');
    expect(JSON.parse(first)).toEqual(JSON.parse(record));
    expect(first).not.toContain('\u202e');
    expect(JSON.parse(second)).toEqual({ msg: 'broken' });
  });

  test('without a log says so', async () => {
    const said = await runLogs({}, { env: { HOME: home }, print, wait: never });
    expect(said).toEqual({ stdout: '', stderr: `No log yet at ${path}\n`, exitCode: 0 });
  });

  test('follows, across a rotation, until nobody reads any more', async () => {
    writeFileSync(path, `${line({ msg: 'one' })}\n${line({ msg: 'two' })}\n`);
    const steps = [
      () => appendFileSync(path, `${line({ msg: 'three' })}\n`),
      () => {
        appendFileSync(path, `${line({ msg: 'four' })}\n`);
        renameSync(path, `${path}.1`);
        writeFileSync(path, `${line({ msg: 'five' })}\n`);
      },
    ];
    const wait = async (): Promise<boolean> => {
      const step = steps.shift();
      step?.();
      return step !== undefined;
    };
    const said = await runLogs({ follow: true, lines: '1' }, { env: { HOME: home }, print, wait });
    expect(printed.match(/one|two|three|four|five/g)).toEqual(['two', 'three', 'four', 'five']);
    expect(said).toEqual({ stdout: '', stderr: '', exitCode: 0 });
    const gone = (): never => {
      throw Object.assign(new Error('nobody reads'), { code: 'EPIPE' });
    };
    expect(await runLogs({ follow: true }, { env: { HOME: home }, print: gone, wait: async () => true })).toEqual(said);
  });

  test.each(['-1', 'all', '1.5'])('takes no %s lines', (lines) => {
    expect(runLogs({ lines }, { env: { HOME: home }, print, wait: never })).rejects.toMatchObject({ code: 'usage' });
  });
});
