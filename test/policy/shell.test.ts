import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { commandParts, isPlainLine, simpleCommand, simpleCommands } from '../../src/policy/shell.ts';

describe('a simple command', () => {
  test('is its words, without quotes', () => {
    expect(simpleCommand('npm test')).toEqual(['npm', 'test']);
    expect(simpleCommand('  npm   test  ')).toEqual(['npm', 'test']);
    expect(simpleCommand(`git commit -m "a b; c" 'd$(e)' f"g"'h'`)).toEqual([
      'git',
      'commit',
      '-m',
      'a b; c',
      'd$(e)',
      'fgh',
    ]);
    expect(simpleCommand(`ls "" ''`)).toEqual(['ls', '', '']);
    expect(simpleCommand('git diff HEAD~1 HEAD^ a#b a=b größe')).toEqual([
      'git',
      'diff',
      'HEAD~1',
      'HEAD^',
      'a#b',
      'a=b',
      'größe',
    ]);
  });

  const NOT_SIMPLE = {
    operators: ['npm test;rm x', 'a && b', 'a || b', 'a | b', 'a |& b', 'a &', 'a;', 'a\nb', 'a\n', '\na', '&& a'],
    expansions: ['a $b', 'a $(b)', 'a `b`', 'a "$b"', 'a "$(b)"', 'a "`b`"', `a \${b}`, `a $'b'`, 'a $((1))'],
    'home directories': ['cd ~', 'cd ~/x', 'cd ~root', 'a --x=~/y', 'a b:~/c', '~/bin/a'],
    globs: ['ls *', 'ls a?', 'ls [ab]', 'a {b,c}', 'a {1..3}', 'a !(b)'],
    redirections: ['a > b', 'a >> b', 'a < b', 'a 2>&1', 'a <<EOF', 'a <(b)', '>b a'],
    'comments and history': ['a # b', '#a', 'a !b', 'a "!b"'],
    assignments: ['A=1 b', 'A=1', 'A+=1 b', 'PATH=. ls'],
    backslashes: ['a\\ b', '\\rm x', 'a "\\""', 'a \\\n b'],
    'reserved words': ['if a', 'while a', 'for a in b', 'function f', 'then rm x', 'coproc a'],
    grouping: ['(a)', '{ a; }', '{ a', 'a )', 'f() a'],
    'what zsh replaces': ['=ls', 'a =ls'],
    'quotes without an end': [`a 'b`, 'a "b', `it's`],
    'control characters': ['a\tb', 'a\rb', 'a\0b', 'a\x1b[2K', "a 'b\tc'"],
    'hidden characters': [
      'a\u00a0b',
      'a\u200bb',
      'a\u202eb',
      'a\u3000b',
      'a \ufeffb',
      'a \ud800',
      'a \u2800',
      'a\u2028b',
    ],
    nothing: ['', ' ', `''`, `"" a`],
  };
  for (const [what, commands] of Object.entries(NOT_SIMPLE)) {
    test(`is not what has ${what}`, () => {
      for (const command of commands) expect([command, simpleCommand(command)]).toEqual([command, undefined]);
    });
  }

  test('looks like an operator and is a word when the character is another one', () => {
    expect(simpleCommand('echo a；b ＆ c')).toEqual(['echo', 'a；b', '＆', 'c']);
  });

  const literal = fc.stringMatching(/^[a-z0-9/.,@%+-]{1,6}$/);
  const quoted = fc.string({ maxLength: 6 }).map((text) => `'${text.replace(/[\p{C}\p{Z}']/gu, '_')}'`);
  const word = fc.oneof(literal, quoted);

  test('never has an operator, an expansion or a redirection outside quotes', () => {
    const special = fc.constantFrom(...';&|<>()$`*?[]{}!\\\n\t#~');
    fc.assert(
      fc.property(fc.array(word), special, fc.array(word), fc.boolean(), (before, char, after, isApart) => {
        const glue = isApart ? ' ' : '';
        // Inside a word, a # is no comment and a ~ no home directory.
        const isSpecial = isApart || !'#~'.includes(char) || before.length === 0;
        const command = [before.join(' '), char, after.join(' ')].join(glue);
        if (isSpecial) expect(simpleCommand(command)).toBeUndefined();
      }),
    );
  });

  test('gives every word back that was quoted', () => {
    const plain = fc
      .string({ maxLength: 8 })
      .map((text) => text.replace(/[\p{C}\p{Z}\p{Default_Ignorable_Code_Point}\p{Variation_Selector}\u2800']/gu, '_'));
    fc.assert(
      fc.property(fc.array(plain), (words) => {
        expect(simpleCommand(`run ${words.map((text) => `'${text}'`).join(' ')}`)).toEqual(['run', ...words]);
      }),
    );
  });
});

describe('a list of simple commands', () => {
  const texts = (command: string) => simpleCommands(command)?.map(({ text }) => text);

  test('is taken apart at its operators', () => {
    expect(texts('npm test && ls -l | wc -l; a & b\n\nc\n')).toEqual(['npm test', 'ls -l', 'wc -l', 'a', 'b', 'c']);
    expect(texts('a &&\n b')).toEqual(['a', 'b']);
    expect(texts(`a 'b;c' || d`)).toEqual([`a 'b;c'`, 'd']);
  });

  test('is unknown when any part is more than simple, or missing', () => {
    for (const command of [
      'a && $b',
      'a; (b)',
      'a > b; c',
      '&& a',
      'a &&',
      'a | ',
      'a;;b',
      'a; ; b',
      'a && && b',
      'a;',
      'a &',
      'a;\n',
      'a\n;',
      'a; if b',
      `a; 'b\nc'`,
      'a;\tb',
    ]) {
      expect([command, texts(command)]).toEqual([command, undefined]);
    }
  });
});

describe('the parts of a command', () => {
  test('are split at every operator', () => {
    expect(commandParts('a && b || c; d & e | f |& g\nh')).toEqual(['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']);
  });

  test('include what stands in substitutions, groups and quotes that a shell looks into', () => {
    expect(commandParts('echo $(rm x; ls `pwd`) y')).toEqual(['rm x', 'pwd', 'ls `pwd`', 'echo $(rm x; ls `pwd`) y']);
    expect(commandParts('(a; b) && { c; d; }')).toEqual(['a', 'b', 'c', 'd']);
    expect(commandParts('diff <(a b) >(c)')).toContain('a b');
    expect(commandParts('echo "x $(rm "a b") `ls`"')).toEqual(expect.arrayContaining(['rm "a b"', 'ls']));
    expect(commandParts('f() { rm x; }')).toContain('rm x');
  });

  test('leave quoted operators alone', () => {
    expect(commandParts(`echo 'a; b' "c && d" e\\;f`)).toEqual([`echo 'a; b' "c && d" e\\;f`]);
    expect(commandParts(`echo $'a\\'b; c' ; d`)).toEqual([`echo $'a\\'b; c'`, 'd']);
  });

  test('keep redirections of one stream into another whole', () => {
    expect(commandParts('git push 2>&1 --force >| f')).toEqual(['git push 2>&1 --force >| f']);
  });

  test('are also found behind keywords and redirections', () => {
    expect(commandParts('if a; then rm x; else ! rm y; fi')).toEqual(expect.arrayContaining(['a', 'rm x', 'rm y']));
    expect(commandParts('2>/dev/null >f rm x')).toContain('rm x');
    expect(commandParts('for i in a b; do rm $i; done')).toContain('rm $i');
    expect(commandParts('case x in a) rm y;; esac')).toContain('rm y');
  });

  test('are found although quotes, comments or here-documents hide them', () => {
    expect(commandParts(`echo it's; rm x`)).toContain('rm x');
    expect(commandParts('echo "a; rm x')).toContain('rm x');
    expect(commandParts('echo $(git push "a;b" --force')).toContain('git push "a;b" --force');
    expect(commandParts(`# don't\nrm x 'y'`)).toContain(`rm x 'y'`);
    expect(commandParts(`cat <<EOF\nit's\nEOF\nrm x 'y'`)).toContain(`rm x 'y'`);
    expect(commandParts('a &> f rm x')).toContain('rm x');
    expect(commandParts('echo `echo \\`rm x\\``').some((part) => part.startsWith('rm x'))).toBe(true);
  });

  test('contain every command, however they are put together', () => {
    const name = fc.stringMatching(/^[a-z]{3}[0-9]{4}$/);
    const simple = fc
      .tuple(name, fc.constantFrom('', ' x', ` 'y; z'`, ' "q | r"', ' 2>&1', ' a\\;b'))
      .map(([first, rest]) => ({
        text: `${first}${rest}`,
        names: [first],
      }));
    type Made = { text: string; names: string[] };
    const { command } = fc.letrec<{ command: Made }>((tie) => ({
      command: fc.oneof(
        { maxDepth: 4 },
        simple,
        fc
          .tuple(tie('command'), fc.constantFrom(';', ' && ', '||', '|', ' & ', '\n'), tie('command'))
          .map(([a, operator, b]) => ({
            text: `${a.text}${operator}${b.text}`,
            names: [...a.names, ...b.names],
          })),
        fc
          .tuple(
            fc.constantFrom(
              ['( ', ' )'],
              ['{ ', '; }'],
              ['echo $(', ')'],
              ['echo "$(', ')"'],
              ['if ', '; then x; fi'],
              ['cat <(', ')'],
            ),
            tie('command'),
          )
          .map(([[before = '', after = ''], a]) => ({
            text: `${before}${a.text}${after}`,
            names: a.names,
          })),
      ),
    }));
    fc.assert(
      fc.property(command, ({ text, names }) => {
        const parts = commandParts(text);
        for (const each of names) expect(parts.some((part) => part.startsWith(each))).toBe(true);
      }),
    );
  });

  test('take time in proportion to the text', () => {
    const pieces = ['$(', '(', '"', `'"`, '! ', 'a;', '>', '`', '\n', `$'\\'`, '#', '{ ', '"\\'];
    const began = performance.now();
    for (const piece of pieces) expect(commandParts(piece.repeat(20_000)).length).toBeGreaterThanOrEqual(0);
    // Well under a second all together; with quadratic time it would be minutes.
    expect(performance.now() - began).toBeLessThan(5000);
  });
});

test('a plain line has nothing that nobody sees', () => {
  expect(['a b', 'größe "x"'].map(isPlainLine)).toEqual([true, true]);
  expect(['a\nb', 'a\tb', 'a\u200b', 'a\u00a0b', '\u202e', '\ufe0f'].map(isPlainLine)).toEqual(Array(6).fill(false));
});
