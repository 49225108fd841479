import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { createLogFile, createLogger } from '../src/logger.ts';

describe('the log', () => {
  const capture = (secrets: readonly string[] = []) => {
    const lines: string[] = [];
    const logger = createLogger('trace', { write: (line) => lines.push(line) }, secrets);
    return { lines, logger };
  };

  test('never holds a slice of a token, wherever it comes from', () => {
    const secretPart = fc.stringMatching(/^[A-Za-z0-9]{24}$/);
    fc.assert(
      fc.property(secretPart, fc.constantFrom('xoxb-', 'xapp-1-A1-2-', 'xoxp-', 'xoxe.xoxp-1-'), (part, prefix) => {
        const { lines, logger } = capture();
        const token = `${prefix}${part}`;
        logger.info({ botToken: token, nested: { token }, list: [token] }, `got ${token}.`);
        logger.error({ err: new Error(`bad ${token}`) }, 'failed');
        logger.debug(`Authorization: Bearer ${token}`);
        for (let at = 0; at + 8 <= part.length; at += 1) expect(lines.join('')).not.toContain(part.slice(at, at + 8));
      }),
    );
  });

  test('never holds a known secret of any form, a nonce or a connection ticket', () => {
    const { lines, logger } = capture(['some-gateway-secret']);
    logger.info(
      { url: 'wss://x/link/?ticket=abc123def&app_id=1', value: 'v1.inst.0199-a.AAAAAAAAAAAAAAAAAAAAAA' },
      'some-gateway-secret',
    );
    expect(lines.join('')).not.toMatch(/abc123def|AAAAAAAA|some-gateway-secret/);
    expect(lines.join('')).toContain('v1.inst.0199-a.[redacted]');
  });

  test('is one line for a text with line breaks and escapes', () => {
    const { lines, logger } = capture();
    const tool = 'a\nb\u009b2J\u0085\u2028';
    logger.info({ tool }, 'x\n{"level":60}\u001b[2J');
    expect(lines.join('').trimEnd().split('\n')).toHaveLength(1);
    expect(lines.join('').trimEnd()).not.toMatch(/[\p{Cc}\u2028\u2029]/u);
    expect(JSON.parse(lines.join('')).tool).toBe(tool);
  });
});

describe('the log file', () => {
  let dir: string;
  let path: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'csh-log-'));
    path = join(dir, 'state/daemon.log');
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  test('is private, and its directory too', () => {
    createLogFile(path).write('x\n');
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(statSync(join(dir, 'state')).mode & 0o777).toBe(0o700);
  });

  test('rotates by size and keeps three', () => {
    const file = createLogFile(path, { maxBytes: 10 });
    for (const line of ['one-------\n', 'two-------\n', 'three-----\n', 'four------\n']) file.write(line);
    expect(['', '.1', '.2'].map((suffix) => readFileSync(path + suffix, 'utf8').slice(0, 5))).toEqual([
      'four-',
      'three',
      'two--',
    ]);
    expect(existsSync(`${path}.3`)).toBe(false);
  });

  test('goes on in a new file after somebody else rotated it', () => {
    let clock = 0;
    const file = createLogFile(path, { now: () => clock });
    file.write('before\n');
    renameSync(path, `${path}.old`);
    clock += 2_000;
    file.write('after\n');
    expect(readFileSync(path, 'utf8')).toBe('after\n');
  });

  test('that cannot be written keeps no descriptor open', () => {
    const count = () => readdirSync('/proc/self/fd').length;
    mkdirSync(join(dir, 'state'));
    symlinkSync('/dev/full', path);
    const file = createLogFile(path);
    const before = count();
    for (let line = 0; line < 50; line += 1) file.write('x\n');
    expect(count()).toBeLessThanOrEqual(before + 1);
  });

  test('that is a pipe which nobody reads does not stop the daemon', () => {
    mkdirSync(join(dir, 'state'));
    expect(Bun.spawnSync(['mkfifo', path]).exitCode).toBe(0);
    createLogFile(path).write('x\n');
  });

  test('that cannot be written costs nothing but the line', () => {
    const file = createLogFile('/dev/full/nowhere.log');
    expect(() => file.write('x\n')).not.toThrow();
  });
});
