import { describe, expect, test } from 'bun:test';
import { join } from 'node:path';
import fc from 'fast-check';
import { salvageTopLevel } from '../src/stdin.ts';

const MODULE = join(import.meta.dir, '../src/stdin.ts');

/** Reads a real pipe in a process of its own. `end: false` leaves the writing side open. */
async function read(
  parts: readonly (string | Uint8Array)[],
  { maxBytes = 1024 * 1024, boundMs = 5_000, end = true } = {},
): Promise<Readonly<Record<string, unknown>>> {
  const script = `
    import { readDocument } from ${JSON.stringify(MODULE)};
    const document = await readDocument(() => ${maxBytes}, ${boundMs});
    console.log(JSON.stringify(document.ok ? document : { ok: false, code: document.error.code, text: document.text.slice(0, 40) }));
    process.exit(0);`;
  const child = Bun.spawn([process.execPath, '-e', script], { stdin: 'pipe', stdout: 'pipe', stderr: 'pipe' });
  for (const part of parts) {
    child.stdin.write(part);
    await child.stdin.flush();
  }
  if (end) await child.stdin.end();
  const [text, said] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  expect(said).toBe('');
  return JSON.parse(text);
}

describe('stdin', () => {
  test('is complete as soon as one document has arrived, though the pipe stays open', async () => {
    expect(await read(['{"a":', '1}\n'], { end: false })).toEqual({ ok: true, value: { a: 1 } });
  });

  test('is complete at its end', async () => {
    expect(await read(['{"a":1}'])).toEqual({ ok: true, value: { a: 1 } });
  });

  test('that is there is read also when the time for it was over before we began', async () => {
    expect(await read(['{"a":1}'], { boundMs: -500 })).toEqual({ ok: true, value: { a: 1 } });
  });

  test('may begin with a byte order mark', async () => {
    expect(await read(['\uFEFF{"a":1}'])).toEqual({ ok: true, value: { a: 1 } });
  });

  test('of several chunks is one document', async () => {
    const value = { text: 'é'.repeat(100_000) };
    expect(await read([JSON.stringify(value)])).toEqual({ ok: true, value });
  });

  test.each([
    ['nothing', [''], 'bad-input'],
    ['white space', [' \n '], 'bad-input'],
    ['text', ['hello'], 'bad-input'],
    ['a document that is cut off', ['{"a":'], 'bad-input'],
    ['two documents', ['{"a":1}{"b":2}'], 'bad-input'],
    ['bytes that are not UTF-8', [new Uint8Array([0x7b, 0x22, 0xff, 0x22, 0x7d])], 'bad-input'],
    ['more than the bound', [`{"a":"${'x'.repeat(90_000)}`], 'input-too-large'],
  ])('with %s is an error, not an exception', async (_name, parts, code) => {
    expect(await read(parts, { maxBytes: 80_000 })).toMatchObject({ ok: false, code });
  });

  test('that never brings a document is given up after the bound', async () => {
    expect(await read(['{"a":'], { boundMs: 50, end: false })).toMatchObject({
      ok: false,
      code: 'bad-input',
      text: '{"a":',
    });
  });
});

describe('salvaging a broken document', () => {
  const salvage = (text: string) => salvageTopLevel(text, ['hook_event_name', 'permission_mode']);

  test('finds the wanted keys of the outermost object', () => {
    expect(salvage('{"hook_event_name":"PreToolUse","tool_input":{"a":[1,"x"]},"permission_mode":"plan","cut')).toEqual(
      {
        hook_event_name: 'PreToolUse',
        permission_mode: 'plan',
      },
    );
  });

  test('does not let a tool input pose as another event', () => {
    for (const inner of [
      '{"hook_event_name":"Stop"}',
      '[{"hook_event_name":"Stop"}]',
      '"\\",\\"hook_event_name\\":\\"Stop\\""',
    ]) {
      expect(salvage(`{"tool_input":${inner},"x":"`)).toEqual({});
    }
    expect(salvage('{"hook_event_name":"PreToolUse"}{"hook_event_name":"Stop"}')).toEqual({
      hook_event_name: 'PreToolUse',
    });
  });

  test('leaves out a key that contradicts itself', () => {
    expect(salvage('{"hook_event_name":"PreToolUse","hook_event_name":"Stop","a')).toEqual({});
  });

  test('leaves out values that are no strings, and texts that are no objects', () => {
    expect(salvage('{"hook_event_name":5,"permission_mode":["plan"]}')).toEqual({});
    for (const text of ['', 'PreToolUse', '"hook_event_name":"Stop"', '[{"hook_event_name":"Stop"}]'])
      expect(salvage(text)).toEqual({});
  });

  test('agrees with JSON.parse on every whole object', () => {
    const keys = fc.constantFrom('hook_event_name', 'permission_mode', 'other', '');
    fc.assert(
      fc.property(fc.dictionary(keys, fc.jsonValue()), (value) => {
        const expected = Object.entries(value).filter(([key, item]) => key.includes('_') && typeof item === 'string');
        expect(salvage(JSON.stringify(value))).toEqual(Object.fromEntries(expected) as Record<string, string>);
      }),
    );
  });

  test('takes one pass over a text made to be slow', () => {
    // Quadratic work on this text would take hours, not milliseconds.
    expect(salvage(`{"a":"${'\\"'.repeat(1_000_000)}`)).toEqual({});
  });
});
