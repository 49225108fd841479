import { afterAll, describe, expect, test } from 'bun:test';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Run } from '../../src/screen/detector.ts';
import { detectScreenLock } from '../../src/screen/screen.ts';
import { isWsl, readTaskList } from '../../src/screen/windows.ts';

const directory = mkdtempSync(join(tmpdir(), 'screen-'));
afterAll(() => rmSync(directory, { recursive: true }));
writeFileSync(join(directory, 'tasklist.exe'), '', { mode: 0o755 });
writeFileSync(join(directory, 'version'), 'Linux version 5.15.153.1-microsoft-standard-WSL2 (root@941d701f84f1)\n');

/** What tasklist prints. Written from its documentation, not recorded on Windows. */
const LOCKED = '"LogonUI.exe","11480","Console","1","61,852 K"\r\n';
const UNLOCKED = 'INFO: No tasks are running which match the specified criteria.\r\n';

describe('the task list', () => {
  test('with LogonUI.exe says locked; without it, in any language, unlocked', () => {
    expect(readTaskList(0, LOCKED)).toMatchObject({ verdict: 'yes', reason: 'LogonUI.exe runs' });
    expect(readTaskList(0, UNLOCKED)).toMatchObject({ verdict: 'no' });
    expect(
      readTaskList(0, 'INFORMATION: Es werden keine Aufgaben mit den angegebenen Kriterien ausgeführt.\r\n'),
    ).toMatchObject({ verdict: 'no' });
  });

  test('that is empty, or that failed, is unknown', () => {
    expect(readTaskList(0, '')).toMatchObject({ verdict: 'unknown' });
    expect(readTaskList(1, LOCKED)).toMatchObject({ verdict: 'unknown', reason: 'tasklist.exe ended with 1' });
    expect(readTaskList(null, LOCKED)).toMatchObject({
      verdict: 'unknown',
      reason: 'tasklist.exe ended with a signal',
    });
  });
});

describe('in WSL', () => {
  test('the variable or the kernel’s name tells', () => {
    expect(isWsl({ WSL_DISTRO_NAME: 'Debian' }, '/nonexistent')).toBe(true);
    expect(isWsl({}, directory)).toBe(true);
    expect(isWsl({}, '/nonexistent')).toBe(false);
  });

  test('Windows is asked, and not the Linux desktop that is not there', async () => {
    const ran: string[][] = [];
    const run: Run = (command) => {
      ran.push([...command]);
      return Promise.resolve({ exitCode: 0, stdout: LOCKED });
    };
    const answer = await detectScreenLock({ env: { PATH: directory }, platform: 'linux', procRoot: directory, run });
    expect(answer).toMatchObject({ state: 'locked', detector: 'tasklist', reason: 'LogonUI.exe runs' });
    expect(ran[0]?.slice(1)).toEqual([
      '/FI',
      'IMAGENAME eq LogonUI.exe',
      '/FI',
      'SESSIONNAME eq Console',
      '/FO',
      'CSV',
      '/NH',
    ]);
  });

  test('a tasklist that takes too long is unknown', async () => {
    const run: Run = () => new Promise(() => {});
    const answer = await detectScreenLock({
      env: { PATH: directory },
      platform: 'linux',
      procRoot: directory,
      run,
      boundMs: 10,
    });
    expect(answer).toMatchObject({ state: 'unknown', reason: 'tasklist: no answer within 10 ms' });
  });
});
