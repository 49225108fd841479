import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { compileGlob, globProblem, isEveryPath, locate } from '../../src/policy/paths.ts';

const HOME = '/home/ada';
const all = (glob: string, ...paths: string[]): boolean => compileGlob(glob, HOME).coversAll(paths);
const any = (glob: string, ...paths: string[]): boolean => compileGlob(glob, HOME).coversAny(paths);

describe('a glob', () => {
  test('with two stars covers a directory and all below it, dot files, too', () => {
    expect(all('~/work/**', '/home/ada/work', '/home/ada/work/a/.git/config')).toBe(true);
    expect(all('~/work/**', '/home/ada/workshop')).toBe(false);
    expect(all('/srv/**/.env', '/srv/.env', '/srv/a/b/.env')).toBe(true);
  });

  test('with one star stays within a name', () => {
    expect(all('/srv/*', '/srv/a')).toBe(true);
    expect(all('/srv/*', '/srv/a/b')).toBe(false);
    expect(all('/srv/{a,b}/*.ts', '/srv/b/x.ts')).toBe(true);
  });

  test('without a wildcard covers everything below it', () => {
    expect(all('~/work', '/home/ada/work', '/home/ada/work/a/b')).toBe(true);
    expect(all('~/work/', '/home/ada/work/a')).toBe(true);
    expect(all('~/work', '/home/ada/work2')).toBe(false);
    expect(all('/', '/etc/passwd')).toBe(true);
  });

  test('takes parentheses, signs and the home directory as they are written', () => {
    expect(all('/srv/a (copy)/**', '/srv/a (copy)/x')).toBe(true);
    expect(all('/srv/a+b!/*', '/srv/a+b!/x')).toBe(true);
    expect(compileGlob('~/*.ts', '/home/[a]').coversAll(['/home/[a]/x.ts'])).toBe(true);
    expect(compileGlob('~/*.ts', '/home/[a]').coversAll(['/home/a/x.ts'])).toBe(false);
  });

  test('covers names with a line break', () => {
    expect(any('/etc/**', '/etc/a\nb/c')).toBe(true);
  });

  test('permits letter by letter and forbids in any case', () => {
    expect(all('/home/ada/.ssh/**', '/home/ada/.SSH/id')).toBe(false);
    expect(any('/home/ada/.ssh/**', '/home/ada/.SSH/id')).toBe(true);
    expect(any('~/.ssh', '/HOME/ada/.ssh/id')).toBe(true);
  });

  test('permits only when every path is in it, and never no path', () => {
    expect(all('/srv/**', '/srv/a', '/etc/b')).toBe(false);
    expect(all('/srv/**')).toBe(false);
    expect(any('/srv/**', '/srv/a', '/etc/b')).toBe(true);
  });

  test('is refused where it could never match', () => {
    expect(globProblem('src/**')).toContain('begin with');
    expect(globProblem('~ada/x')).toContain('begin with');
    expect(globProblem('/srv/../etc')).toContain('".."');
    expect(globProblem('/srv/a\\b')).toContain('backslash');
    expect(['~', '~/x', '/x', '**/.env', '/srv/..a/x'].map(globProblem)).toEqual(Array(5).fill(undefined));
  });

  test('is known when it covers everything', () => {
    expect(['**', '/**', '/**/*', '/'].map(isEveryPath)).toEqual([true, true, true, true]);
    expect(['/a/**', '**/a', '~'].map(isEveryPath)).toEqual([false, false, false]);
  });
});

describe('a path', () => {
  let root = '';
  beforeAll(() => {
    root = realpathSync(mkdtempSync(join(tmpdir(), 'paths-')));
    mkdirSync(join(root, 'work/sub'), { recursive: true });
    mkdirSync(join(root, 'other/deep'), { recursive: true });
    writeFileSync(join(root, 'other/file'), '');
    symlinkSync(join(root, 'other'), join(root, 'work/out'));
    symlinkSync('../other/deep', join(root, 'work/deep'));
    symlinkSync(join(root, 'other/not-yet'), join(root, 'work/dangling'));
    symlinkSync('loop', join(root, 'work/loop'));
  });
  afterAll(() => rmSync(root, { recursive: true, force: true }));

  test('is resolved against the directory, without its dots', () => {
    expect(locate('../a/./b', '/srv/x', HOME).written).toEqual(['/srv/a/b']);
    expect(locate('/srv/x/../../etc/passwd', '/srv', HOME).written).toEqual(['/etc/passwd']);
  });

  test('with a tilde or white space around it is read in every way that a tool may', () => {
    expect(locate('~/x', '/srv', HOME).written).toEqual(['/srv/~/x', '/home/ada/x']);
    expect(locate(' /etc/x', '/srv', HOME).written).toEqual(['/srv/ /etc/x', '/etc/x']);
  });

  test('is followed through links, also where nothing is yet', () => {
    const real = (path: string) => locate(path, join(root, 'work'), HOME).real;
    expect(real('sub/new')).toEqual([join(root, 'work/sub/new')]);
    expect(real('out/new/file')).toEqual([join(root, 'other/new/file')]);
    expect(real('dangling')).toEqual([join(root, 'other/not-yet')]);
    expect(real('deep/../file')).toEqual([join(root, 'other/file'), join(root, 'work/file')]);
  });

  test('that leads nowhere has no real path', () => {
    const work = join(root, 'work');
    expect(locate('loop', work, HOME).real).toBeUndefined();
    expect(locate('a\0b', work, HOME).real).toBeUndefined();
    expect(locate('a/'.repeat(3000), work, HOME).real).toBeUndefined();
    expect(locate('a', 'relative', HOME).real).toBeUndefined();
  });

  test('below a linked directory of a glob is covered when it forbids, not when it permits', () => {
    const glob = compileGlob(join(root, 'work/out/**'), HOME);
    expect(glob.coversAny([join(root, 'other/file')])).toBe(true);
    expect(glob.coversAll([join(root, 'other/file')])).toBe(false);
  });

  test('below a linked home is covered in both spellings', () => {
    const glob = compileGlob('~/x/*', join(root, 'work/out'));
    expect(glob.coversAll([join(root, 'work/out/x/a'), join(root, 'other/x/a')])).toBe(true);
  });

  test('never has dots left, and never lies elsewhere than it is covered', () => {
    const parts = fc.array(fc.constantFrom('a', '..', '.', '', 'b c', '~'), { maxLength: 8 });
    fc.assert(
      fc.property(parts, parts, (cwd, path) => {
        const { written } = locate(path.join('/'), `/${cwd.join('/')}`, HOME);
        for (const each of written) {
          expect(each.startsWith('/')).toBe(true);
          expect(each.split('/')).not.toContain('..');
          expect(all('/**', each)).toBe(true);
        }
      }),
    );
  });
});
