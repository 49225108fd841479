import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { renderCard } from '../../src/channels/slack-blocks.ts';
import { countLines, diffField } from '../../src/channels/slack-diff.ts';
import type { FileOnDisk } from '../../src/channels/slack-surroundings.ts';
import { hostileText, longText } from './arbitraries.ts';
import { readDiff } from './read-back.ts';
import { actionIds, allTexts, HOST, INSTANCE, makeRequest, shownFields, toolCall } from './requests.ts';

const onDisk = (text: string): FileOnDisk => ({ kind: 'text', text });
const card = (tool: string, toolInput: Record<string, unknown>, file?: FileOnDisk) =>
  renderCard(makeRequest(toolCall(tool, toolInput)), {
    host: HOST,
    instanceId: INSTANCE,
    surroundings: file === undefined ? {} : { file },
  });
const numbers = (count: number): string => Array.from({ length: count }, (_, index) => `line ${index + 1}\n`).join('');
const edit = (oldText: string, newText: string) => ({ file_path: '/a', old_string: oldText, new_string: newText });

describe('diffField', () => {
  test('gives both texts back to the last character, for all texts', () => {
    fc.assert(
      fc.property(longText(), longText(), hostileText(), (a, b, common) => {
        for (const [oldText, newText] of [
          [a, b],
          [`${a}\n${common}${b}`, `${common}\n${common}${b}`],
        ] as const) {
          expect(readDiff(diffField('x', oldText, newText).shown)).toEqual({ oldText, newText });
        }
      }),
      { numRuns: 150 },
    );
  }, 60_000);

  test.each([
    ['a changed line', 'a\nb\nc\n', 'a\nB\nc\n', ' a\n-b\n+B\n c'],
    ['a line break that goes', 'a\n', 'a', '-a\n+a\n\\ no line break'],
    ['a line break at the end of neither', 'a\nb', 'a\nc', ' a\n-b\n\\ no line break\n+c\n\\ no line break'],
    ['a carriage return that comes', 'a\n', 'a\r\n', '-a\n+a⟦U+000D⟧'],
    ['trailing spaces', 'a\n', 'a  \n', '-a\n+a⟦2 spaces⟧'],
    ['a long run of empty lines', 'a\n', `a\n${'\n'.repeat(400)}`, ' a\n+⟦399 newlines⟧'],
    ['text that looks like a diff', '', '-a\n+b\n@@ c', '+-a\n++b\n+@@ c\n\\ no line break'],
  ])('shows %s', (_name, oldText, newText, shown) => {
    expect(diffField('x', oldText, newText).shown).toBe(shown);
  });

  test('leaves unchanged lines out of its brief form, and counts them', () => {
    const { brief } = diffField('x', numbers(50), numbers(50).replace('line 25\n', 'LINE\n'));
    expect(brief?.split('\n')).toEqual([
      '@@ 21 unchanged lines not shown @@',
      ...[' line 22', ' line 23', ' line 24', '-line 25', '+LINE', ' line 26', ' line 27', ' line 28'],
      '@@ 22 unchanged lines not shown @@',
    ]);
  });

  test('counts lines, an unfinished one too', () => {
    expect(['', 'a', 'a\n', 'a\nb', '\n\n'].map(countLines)).toEqual([0, 1, 1, 2, 2]);
  });
});

describe('an edit', () => {
  test('stands among the lines around it when the text to replace stands there once', () => {
    const { blocks, complete } = card('Edit', edit('line 5\n', 'LINE\n'), onDisk(numbers(9)));
    expect(complete).toBe(true);
    expect(shownFields(blocks).get('Change')).toBe(
      '┊line 2\n┊line 3\n┊line 4\n-line 5\n+LINE\n┊line 6\n┊line 7\n┊line 8',
    );
    expect(allTexts(blocks).join('')).toContain('At line 5 of the file');
  });

  test('shows the rest of a line that it starts or ends in', () => {
    const { blocks } = card('Edit', edit('B', 'X'), onDisk('zero\na B c\nlast'));
    expect(shownFields(blocks).get('Change')).toStartWith('┊zero\n┊a⟦1 space⟧\n-B\n');
    expect(shownFields(blocks).get('Change')).toEndWith('\n┊ c\n┊last');
  });

  test.each([
    ['does not stand in the file', 'nothing', onDisk(numbers(9))],
    ['stands 9 times in the file', 'line', onDisk(numbers(9))],
    ['could not be read', 'x', { kind: 'unreadable' } as const],
    ['There is no file', 'x', { kind: 'missing' } as const],
    ['A new file', '', { kind: 'missing' } as const],
    ['may hold secrets', 'x', { kind: 'private' } as const],
  ])('says when the text to replace %s', (words, oldText, file) => {
    const { blocks, complete } = card('Edit', edit(oldText, 'y'), file);
    expect(allTexts(blocks).join('')).toContain(words);
    expect(shownFields(blocks).get('Change')).not.toContain('┊');
    expect(complete).toBe(true);
  });

  test('writes out what is hidden in the file around it', () => {
    const { blocks } = card('Edit', edit('x\n', 'y\n'), onDisk(`\u202e${' '.repeat(50)}a\nx\n${'b'.repeat(500)}\n`));
    expect(shownFields(blocks).get('Change')).toBe(`┊⟦U+202E⟧⟦50 spaces⟧a\n-x\n+y\n┊${'b'.repeat(120)}…`);
  });

  test('goes without the lines around it before it goes without an approval', () => {
    const long = `${'x'.repeat(3800)}\n`;
    const around = onDisk(`${`${'漢"'.repeat(100)}\n`.repeat(3)}${long}${`${'"'.repeat(200)}\n`.repeat(3)}`);
    const { blocks, complete } = card('Edit', edit(long, `y${long}`), around);
    expect(complete).toBe(true);
    expect(shownFields(blocks).get('Change')).not.toContain('┊');
  });

  test('places each of several edits in the file as the ones before it leave it', () => {
    const edits = [
      { old_string: 'line 1\n', new_string: 'first\n' },
      { old_string: 'first\n', new_string: '1\n', replace_all: true },
    ];
    const { blocks, complete } = card('MultiEdit', { file_path: '/a', edits }, onDisk(numbers(2)));
    expect(complete).toBe(true);
    expect(shownFields(blocks).get('Change 1 of 2')).toBe('-line 1\n+first\n┊line 2');
    expect(shownFields(blocks).get('Change 2 of 2, replace_all true')).toBe('-first\n+1\n┊line 2');
  });

  test('that is too long shows what changes, and cannot be approved', () => {
    const { blocks, complete } = card('Edit', edit(numbers(3000), numbers(3000).replace('line 1500\n', 'LINE\n')));
    expect(complete).toBe(false);
    expect(actionIds(blocks)).toEqual(['csh_deny', 'csh_deny_reason', 'csh_show_all']);
    expect(allTexts(blocks).join('\n')).toContain('-line 1500\n+LINE');
  });

  test('of 200 kB is rendered in bounded time, even when every line differs', () => {
    const started = performance.now();
    card('Edit', edit(numbers(20_000), numbers(20_000).replaceAll('line', 'LINE')));
    // 15 ms on an idle machine; a diff without a bound takes minutes.
    expect(performance.now() - started).toBeLessThan(5000);
  });
});

describe('a written file', () => {
  const write = (content: string, file?: FileOnDisk) => card('Write', { file_path: '/a', content }, file);

  test('that is new is shown whole, with its lines', () => {
    const { blocks } = write(numbers(12), { kind: 'missing' });
    expect(shownFields(blocks).get('Content')).toBe(numbers(12));
    expect(allTexts(blocks).join('')).toContain('12 lines');
    expect(allTexts(blocks).join('')).toContain('A new file');
  });

  test('that exists is compared with the disk, and can be read back from that', () => {
    const content = numbers(30).replace('line 7\n', 'LINE\n');
    const { blocks, complete } = write(content, onDisk(numbers(30)));
    expect(complete).toBe(true);
    const shown = shownFields(blocks).get('Content') ?? '';
    expect(shown).toContain('\n-line 7\n+LINE\n');
    expect(readDiff(shown).newText).toBe(content);
  });

  test('is shown as it is where the comparison does not fit', () => {
    const { blocks, complete } = write('short\n', onDisk(numbers(5000)));
    expect(complete).toBe(true);
    expect(shownFields(blocks).get('Content')).toBe('short\n');
  });

  test('that does not fit cannot be approved, even when little of it is new', () => {
    const { blocks, complete } = write(`${numbers(3000)}new\n`, onDisk(numbers(3000)));
    expect(complete).toBe(false);
    expect(allTexts(blocks).join('\n')).toContain('@@ 2,997 unchanged lines not shown @@');
  });

  test('is compared cell by cell in a notebook', () => {
    const notebook = JSON.stringify({ cells: [{ id: 'c1', source: ['a\n', 'b\n'] }] });
    const toolInput = { notebook_path: '/a.ipynb', cell_id: 'c1', new_source: 'a\nc\n' };
    expect(shownFields(card('NotebookEdit', toolInput, onDisk(notebook)).blocks).get('Cell')).toBe(' a\n-b\n+c');
    for (const [more, file] of [
      [{ edit_mode: 'insert' }, onDisk(notebook)],
      [{ cell_id: 'c2' }, onDisk(notebook)],
      [{}, onDisk('{')],
    ] as const)
      expect(shownFields(card('NotebookEdit', { ...toolInput, ...more }, file).blocks).get('Cell')).toBe('a\nc\n');
  });
});
