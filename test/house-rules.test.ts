/** The rules of the house that a compiler does not know, proven over the syntax trees of all sources. */
import { describe, expect, test } from 'bun:test';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';
import ts from 'typescript';
import { ERRORS } from '../src/errors.ts';

const ROOT = dirname(import.meta.dir);
const SRC = join(ROOT, 'src');

interface Import {
  /** Path below src without `.ts`, or a package's name. */
  readonly target: string;
  readonly isDynamic: boolean;
  readonly isTypeOnly: boolean;
}
interface Source {
  readonly name: string;
  readonly tree: ts.SourceFile;
  readonly imports: readonly Import[];
}

function filesBelow(folder: string, pattern: RegExp): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && pattern.test(entry.name) && !entry.parentPath.includes('node_modules'))
    .map((entry) => relative(ROOT, join(entry.parentPath, entry.name)));
}

function readSource(path: string): Source {
  const tree = ts.createSourceFile(path, readFileSync(join(ROOT, path), 'utf8'), ts.ScriptTarget.Latest, true);
  const imports: Import[] = [];
  const add = (specifier: ts.Node | undefined, isDynamic: boolean, isTypeOnly: boolean): void => {
    if (specifier === undefined || !ts.isStringLiteral(specifier)) return;
    const { text } = specifier;
    const target = text.startsWith('.')
      ? relative(SRC, normalize(join(ROOT, dirname(path), text))).replace(/\.ts$/, '')
      : text;
    imports.push({ target, isDynamic, isTypeOnly });
  };
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) add(node.moduleSpecifier, false, node.importClause?.isTypeOnly === true);
    if (ts.isExportDeclaration(node)) add(node.moduleSpecifier, false, node.isTypeOnly);
    if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword)
      add(node.arguments[0], true, false);
    ts.forEachChild(node, visit);
  };
  visit(tree);
  return { name: relative('src', path).replace(/\.ts$/, ''), tree, imports };
}

const sources = filesBelow('src', /\.ts$/).map(readSource);
const FLOOR = new Set([
  'types',
  'events',
  'errors',
  'protocol',
  'protocol-daemon',
  'logger',
  'test-build',
  'settled-request',
  'durations',
  'hook-command',
  'csv',
  'wildcard',
  'retry-after',
  'loopback',
  'last-part',
  'config-words',
]);
/** What is secret in a text is asked by the recorder and by every channel. */
const isFloor = (name: string): boolean => FLOOR.has(name) || /^secrets(-[a-z]+)?$/.test(name);
const ROOMS = ['agents', 'channels', 'store', 'collector', 'sender', 'emulator', 'policy', 'screen', 'setup', 'doctor'];
const OPENERS = /^(client|server(-[a-z]+)?|event-stores|commands\/.*)$/;

const isLocal = (target: string): boolean => sources.some(({ name }) => name === target);
const roomOf = (name: string): string | undefined => ROOMS.find((room) => name.startsWith(`${room}/`));
const isPackage = (target: string): boolean =>
  !isLocal(target) && !/^(node|bun):/.test(target) && !/\.(json|js|css|html)$/.test(target);

/** All pairs of importer and import that break a rule. */
function offenders(breaks: (source: Source, item: Import) => boolean): string[] {
  return sources.flatMap((source) =>
    source.imports.filter((item) => breaks(source, item)).map(({ target }) => `${source.name} -> ${target}`),
  );
}

describe('imports', () => {
  test('of the floor stay on the floor', () => {
    expect(offenders(({ name }, { target }) => isFloor(name) && isLocal(target) && !isFloor(target))).toEqual([]);
  });

  test('of a room stay on the floor and in the room', () => {
    const allowed = (room: string, target: string): boolean =>
      isFloor(target) || roomOf(target) === room || (room === 'collector' && roomOf(target) === 'agents');
    expect(
      offenders(({ name }, { target }) => {
        const room = roomOf(name);
        return room !== undefined && isLocal(target) && !allowed(room, target);
      }),
    ).toEqual([]);
  });

  test('of the broker reach nothing but the floor, and no package', () => {
    const isBroker = (name: string): boolean => name === 'broker' || name === 'broker-state';
    expect(offenders(({ name }, { target }) => isBroker(name) && !isBroker(target) && !isFloor(target))).toEqual([]);
  });

  test('of a room come from the client, the server and the commands only', () => {
    expect(
      offenders(
        ({ name }, { target }) => roomOf(target) !== undefined && roomOf(name) === undefined && !OPENERS.test(name),
      ),
    ).toEqual([]);
  });

  test('never reach the entry, and the commands only from the entry', () => {
    expect(
      offenders(
        ({ name }, { target }) =>
          target === 'index' || (target.startsWith('commands/') && name !== 'index' && !name.startsWith('commands/')),
      ),
    ).toEqual([]);
  });

  test('of the emulator use no package: it must not share the mistakes of what it tests', () => {
    expect(offenders(({ name }, { target }) => roomOf(name) === 'emulator' && isPackage(target))).toEqual([]);
  });

  test('on the hook path reach no package but mri', () => {
    const reached = new Set<string>();
    const packages = new Set<string>();
    const walk = (name: string): void => {
      if (reached.has(name)) return;
      reached.add(name);
      for (const { target, isDynamic, isTypeOnly } of sources.find((source) => source.name === name)?.imports ?? []) {
        if (isDynamic || isTypeOnly) continue;
        if (isLocal(target)) walk(target);
        else if (isPackage(target)) packages.add(target);
      }
    };
    walk('index');
    walk('client');
    expect([...packages]).toEqual(['mri']);
    expect([...reached].filter((name) => roomOf(name) !== undefined && roomOf(name) !== 'agents')).toEqual([]);
  });

  test('are of the packages that package.json pins', () => {
    const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
    const imported = new Set(sources.flatMap(({ imports }) => imports.map(({ target }) => target).filter(isPackage)));
    // `hono/jsx` is a part of hono, `@slack/bolt` a package.
    const packageOf = (target: string): string => /^(@[^/]+\/)?[^/]+/.exec(target)?.[0] ?? '';
    expect([...imported].filter((name) => manifest.dependencies[packageOf(name)] === undefined)).toEqual([]);
    for (const version of Object.values({ ...manifest.dependencies, ...manifest.devDependencies }))
      expect(version).toMatch(/^\d+\.\d+\.\d+$/);
  });
});

describe('sources', () => {
  const nodes = (found: (node: ts.Node) => boolean): string[] =>
    sources.flatMap(({ name, tree }) => {
      const hits: string[] = [];
      const visit = (node: ts.Node): void => {
        if (found(node)) hits.push(`${name}:${tree.getLineAndCharacterOfPosition(node.getStart()).line + 1}`);
        ts.forEachChild(node, visit);
      };
      visit(tree);
      return hits;
    });

  test('read argv and set the exit code in the entry only', () => {
    const hits = nodes(
      (node) => ts.isPropertyAccessExpression(node) && /^process\.(argv|exitCode)$/.test(node.getText()),
    );
    expect(hits.filter((hit) => !hit.startsWith('index:'))).toEqual([]);
  });

  test('have classes for errors only', () => {
    const extendsError = (node: ts.ClassDeclaration): boolean =>
      node.heritageClauses?.some((clause) => /^extends \w*Error$/.test(clause.getText())) === true;
    expect(nodes((node) => ts.isClassDeclaration(node) && !extendsError(node))).toEqual([]);
  });

  test('have folders one level deep, kebab-case names and no index but the entry', () => {
    for (const path of filesBelow('src', /\.ts$/)) {
      expect(path).toMatch(/^src\/([a-z]+\/)?[a-z0-9]+(-[a-z0-9]+)*(\.d)?\.ts$/);
      expect(path === 'src/index.ts' || !path.endsWith('/index.ts')).toBe(true);
    }
  });

  test('end no process by its name', () => {
    const everything = [
      ...filesBelow('src', /\.ts$/),
      ...filesBelow('scripts', /\.(mjs|ts|sh)$/),
      ...filesBelow('test', /\.ts$/),
    ];
    const word = new RegExp(`\\b(p${'kill'}|kill${'all'})\\b`);
    expect(everything.filter((path) => word.test(readFileSync(join(ROOT, path), 'utf8')))).toEqual([]);
  });
});

describe('tests', () => {
  const all = filesBelow('test', /\.test\.ts$/).map((path) => ({ path, text: readFileSync(join(ROOT, path), 'utf8') }));

  test('neither sleep, nor mock modules, nor are switched off without a reason', () => {
    const forbidden = new RegExp(`Bun\\.sleep|mock\\.${'module'}|\\.only\\(|test\\.${'skip'}\\(|test\\.${'todo'}\\(`);
    expect(
      all
        .filter(({ path, text }) => !path.endsWith('house-rules.test.ts') && forbidden.test(text))
        .map(({ path }) => path),
    ).toEqual([]);
  });
});

describe('documents', () => {
  test('README lists exactly the error codes that exist', () => {
    const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');
    const section = readme.slice(readme.indexOf('## Errors'), readme.indexOf('\n## ', readme.indexOf('## Errors') + 1));
    const listed = [...section.matchAll(/^\| `([a-z-]+)` \| (\d+) \|/gm)].map(([, code, exit]) => [code, Number(exit)]);
    expect(listed).toEqual(Object.entries(ERRORS).map(([code, { exit }]) => [code, exit]));
  });
});
