import { describe, expect, test } from 'bun:test';
import { chainToAgent, type ProcessStat, parseStat } from '../src/orphan.ts';

/** Processes as `pid name parent terminal`. */
function chainOf(...lines: readonly string[]): readonly number[] | undefined {
  const processes = new Map<number, ProcessStat>();
  for (const line of lines) {
    const [pid, name = '', parent, terminal] = line.split(' ');
    processes.set(Number(pid), { name, parent: Number(parent), terminal: Number(terminal) });
  }
  return chainToAgent(100, 90, (pid) => processes.get(pid));
}

describe('the way to the agent', () => {
  test('ends at our parent when that is no shell', () => {
    expect(chainOf('90 claude 80 34816', '80 zsh 70 34816')).toEqual([100, 90]);
  });

  test('leads over the shell and the script that the agent runs', () => {
    expect(chainOf('90 bash 80 0', '80 sh 70 0', '70 node 60 34816')).toEqual([100, 90, 80, 70]);
  });

  test.each([
    ['a person has typed it into a shell', ['90 bash 80 34816', '80 tmux: 1 0']],
    ['a script of a terminal runs it', ['90 sh 80 0', '80 bash 70 34816', '70 sshd 1 0']],
    ['it was detached', ['90 setsid 80 0', '80 claude 1 0']],
    ['its parent was gone already', []],
    ['a shell in between was gone already', ['90 sh 1 0', '1 systemd 0 0']],
    ['a process above cannot be seen', ['90 sh 80 0']],
    ['the shells do not end', ['90 sh 90 0']],
  ])('is not known when %s', (_why, lines) => {
    expect(chainOf(...lines)).toBeUndefined();
  });
});

describe('a line of /proc', () => {
  test('is read whatever the process calls itself', () => {
    const text = '42 (a) R 1 (b c) S 41 42 42 34816 -1 4194560 0';
    expect(parseStat(text)).toEqual({ name: 'a) R 1 (b c', parent: 41, terminal: 34816 });
  });

  test('that is none is nothing', () => {
    expect(parseStat('')).toBeUndefined();
    expect(parseStat('42 (sh')).toBeUndefined();
  });
});
