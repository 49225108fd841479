import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { install, planChange, planRemoval, uninstall } from '../../src/setup/installation.ts';
import { type Ledger, openLedger } from '../../src/setup/ledger.ts';
import { checkInside, readSettingsFile } from '../../src/setup/settings-file.ts';

const IS_ROOT = process.getuid?.() === 0;

describe('what setup writes', () => {
  let dir: string;
  let ledger: Ledger;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'csh-setup-'));
    ledger = openLedger(join(dir, 'state/setup.json'));
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  const at = (path: string): string => join(dir, 'home', path);
  const put = (path: string, text: string | Uint8Array, mode = 0o644): string => {
    mkdirSync(join(at(path), '..'), { recursive: true });
    writeFileSync(at(path), text);
    chmodSync(at(path), mode);
    return at(path);
  };
  const add = (path: string): void => install([planChange(path, (text) => `${text}+ours`)], ledger);
  const remove = (path: string, book = ledger): void => {
    const change = planRemoval(path, book, (text) => text.replace('+ours', ''));
    if (change !== undefined) uninstall(change, book);
  };
  /** Every path with its kind, mode and content. */
  const tree = (): readonly unknown[] =>
    readdirSync(join(dir, 'home'), { recursive: true, encoding: 'utf8' })
      .toSorted()
      .map((name) => {
        const stat = lstatSync(at(name));
        const what = stat.isSymbolicLink()
          ? readlinkSync(at(name))
          : stat.isFile()
            ? readFileSync(at(name), 'latin1')
            : '/';
        return [name, (stat.mode & 0o7777).toString(8), what];
      });

  test('and takes out again leaves every file and directory as it was, byte for byte', () => {
    const paths = [
      put('.claude/settings.json', '{ }  '),
      put('.codex/hooks.json', '\uFEFF{}\r\n', 0o600),
      put('dotfiles/gemini.json', '{"a":1}', 0o640),
      at('.cursor/hooks.json'),
      at('.config/opencode/plugin/x.js'),
    ];
    mkdirSync(at('.gemini'));
    symlinkSync('../dotfiles/gemini.json', at('.gemini/settings.json'));
    paths[2] = at('.gemini/settings.json');
    const before = tree();
    for (const path of paths) add(path);
    expect(tree()).not.toEqual(before);
    expect(lstatSync(at('.gemini/settings.json')).isSymbolicLink()).toBe(true);
    expect(readFileSync(at('dotfiles/gemini.json'), 'utf8')).toBe('{"a":1}+ours');
    for (const path of paths)
      expect(statSync(path).mode & 0o777).toBe([0o644, 0o600, 0o640, 0o600, 0o600][paths.indexOf(path)] ?? 0);
    // Again, and by another process.
    for (const path of paths) install([planChange(path, (text) => text.replace('+ours', '+newer'))], ledger);
    for (const path of paths) remove(path, openLedger(join(dir, 'state/setup.json')));
    expect(tree()).toEqual(before);
    expect(readdirSync(join(dir, 'state'))).toEqual([]);
  });

  test('is taken out of a file that somebody has changed since, and their change stays', () => {
    const path = put('settings.json', 'mine');
    add(path);
    writeFileSync(path, 'mine+ours and more');
    remove(path);
    expect(readFileSync(path, 'utf8')).toBe('mine and more');
  });

  test('is taken out without a record of it, too', () => {
    const path = put('settings.json', 'mine+ours');
    remove(path);
    expect(readFileSync(path, 'utf8')).toBe('mine');
    remove(at('not-there.json'));
  });

  test('is taken out of what there was before, too: hooks that were written by hand, or a record that was lost', () => {
    const path = put('settings.json', 'mine+ours');
    install([planChange(path, () => 'mine+newer')], ledger);
    remove(path);
    expect(readFileSync(path, 'utf8')).toBe('mine');
  });

  test('knows the directories that it has made also when somebody has changed the file since', () => {
    const path = at('made/below/settings.json');
    install([planChange(path, () => '+ours')], ledger);
    writeFileSync(path, 'theirs+ours');
    install([planChange(path, () => 'theirs+newer')], ledger);
    expect(ledger.find(path)?.made).toEqual(
      [at(''), at('made'), at('made/below')].map((each) => each.replace(/\/$/, '')),
    );
    remove(path);
    expect(readFileSync(path, 'utf8')).toBe('theirs');
  });

  test('is not written over what somebody else has written since it was shown', () => {
    const path = put('settings.json', 'mine');
    const change = planChange(path, (text) => `${text}+ours`);
    writeFileSync(path, 'theirs');
    expect(() => install([change], ledger)).toThrow('changed meanwhile');
    const other = planChange(at('new.json'), () => 'ours');
    put('new.json', 'theirs');
    expect(() => install([other], ledger)).toThrow('changed meanwhile');
    add(path);
    const removal = planRemoval(path, ledger, (text) => text.replace('+ours', ''));
    writeFileSync(path, 'theirs+ours, and more');
    if (removal === undefined) throw new Error('Expected something to remove');
    expect(() => uninstall(removal, ledger)).toThrow('changed meanwhile');
    expect(readFileSync(path, 'utf8')).toBe('theirs+ours, and more');
    expect(readFileSync(at('new.json'), 'utf8')).toBe('theirs');
  });

  test('leaves a file as private as somebody has made it since', () => {
    const path = put('settings.json', 'mine');
    add(path);
    writeFileSync(path, 'mine+ours and a secret');
    chmodSync(path, 0o600);
    remove(path);
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  test('is in no file when it cannot be put on record', () => {
    const paths = [put('a.json', 'mine'), at('made/b.json')];
    add(at('made/b.json'));
    const before = tree();
    const state = join(dir, 'state');
    rmSync(state, { recursive: true });
    writeFileSync(state, 'no directory');
    const changes = paths.map((path) => planChange(path, (text) => `${text}+ours`));
    expect(() => install(changes, ledger)).toThrow(/^Expected .*setup\.json to be writable/);
    expect(tree()).toEqual(before);
  });

  test('is on record for this user only, and a record that is broken is none', () => {
    const path = put('settings.json', 'mine');
    add(path);
    const file = join(dir, 'state/setup.json');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    for (const broken of ['{', '{}', '[1,null,{"path":5}]']) {
      writeFileSync(file, broken);
      expect(openLedger(file).all()).toEqual([]);
    }
  });

  test.each<[string, (path: string) => void]>([
    ['a directory', (path) => mkdirSync(path)],
    ['a pipe that nobody writes to', (path) => expect(Bun.spawnSync(['mkfifo', path]).exitCode).toBe(0)],
    ['a link to nothing', (path) => symlinkSync('nothing', path)],
    ['no UTF-8', (path) => writeFileSync(path, new Uint8Array([0x7b, 0xff, 0x7d]))],
    ['far too large', (path) => writeFileSync(path, 'x'.repeat(9 * 1024 * 1024))],
    ['a link to itself', (path) => symlinkSync('settings.json', path)],
  ])('is nothing where there is %s: an error says so, and nothing changes', (_what, make) => {
    mkdirSync(join(dir, 'home'));
    make(at('settings.json'));
    const names = (): readonly string[] => readdirSync(join(dir, 'home'));
    expect(() => add(at('settings.json'))).toThrow(/^Expected .*settings\.json to /);
    expect(names()).toEqual(['settings.json']);
    expect(ledger.all()).toEqual([]);
  });

  test.skipIf(IS_ROOT)('is nothing where the directory is read-only (not as root, who may write everywhere)', () => {
    const path = put('locked/settings.json', 'mine');
    chmodSync(join(path, '..'), 0o500);
    expect(() => add(path)).toThrow('to be writable');
    expect(readFileSync(path, 'utf8')).toBe('mine');
    chmodSync(join(path, '..'), 0o700);
  });

  test('is in all files or in none: one that cannot be written takes back what was written before it', () => {
    const [first, later] = [put('first.json', 'one', 0o640), at('made/second.json')];
    add(first);
    const before = tree();
    const known = ledger.all();
    put('file', 'x');
    const changes = [first, later].map((path) => planChange(path, (text) => `${text}+more`));
    const broken = { path: at('file/below.json'), before: undefined, after: 'x' };
    expect(() => install([...changes, broken], ledger)).toThrow('Expected');
    rmSync(at('file'));
    expect(tree()).toEqual(before);
    expect(ledger.all()).toEqual(known);
  });

  test('leaves no directory behind when the file cannot be made', () => {
    put('file', 'x');
    expect(() => add(at('file/below/settings.json'))).toThrow('Expected');
    expect(readdirSync(join(dir, 'home'))).toEqual(['file']);
  });

  test('in a project is in the project: a link that leads out of it is refused', () => {
    const own = put('own.json', '{}');
    put('project/inside.json', '{}');
    const project = at('project');
    mkdirSync(join(project, '.real'));
    symlinkSync('../own.json', join(project, 'out.json'));
    symlinkSync('..', join(project, '.out'));
    symlinkSync('.real', join(project, '.in'));
    symlinkSync('nothing', join(project, 'dangling.json'));
    for (const path of ['inside.json', '.in/new.json', 'a/b/c.json']) checkInside(join(project, path), project);
    for (const path of ['out.json', '.out/new.json', '.out/own.json', 'dangling.json', '../own.json'])
      expect(() => checkInside(join(project, path), project)).toThrow('a link that leads out of it');
    expect(readFileSync(own, 'utf8')).toBe('{}');
  });

  test('keeps a file that is read-only read-only', () => {
    const path = put('settings.json', 'mine', 0o444);
    add(path);
    expect(readSettingsFile(path)).toEqual({ text: 'mine+ours', mode: 0o444 });
  });
});
