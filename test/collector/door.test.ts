import { describe, expect, test } from 'bun:test';
import { createDoor, type Door } from '../../src/collector/door.ts';
import type { Principal } from '../../src/collector/keys.ts';

const READER: Principal = { id: 'r', scopes: new Set(['ingest', 'read', 'admin'] as const), project: 'mine', rate: 3 };
const SENDER: Principal = { id: 's', scopes: new Set(['ingest'] as const) };

function opened(
  options: { readonly isKeyed?: boolean; readonly now?: () => number; readonly gone?: Set<string> } = {},
): Door {
  const { isKeyed = true, now = () => 0, gone = new Set() } = options;
  const keys = new Map([
    ['reader', READER],
    ['sender', SENDER],
  ]);
  return createDoor({
    keys: { principalOf: (key) => (gone.has(key) ? undefined : keys.get(key)) },
    isKeyed,
    hosts: ['Hooks.Example'],
    now,
  });
}

describe('a head', () => {
  test('shows one key: a wrong one is not made good by another, nor by a cookie', () => {
    const door = opened();
    const cookie = `csh_session=${door.cookieFor('reader')}`;
    const cases: readonly (readonly [Record<string, string>, string | undefined])[] = [
      [{ 'x-api-key': 'reader' }, 'r'],
      [{ 'gram-key': 'sender' }, 's'],
      [{ authorization: 'bearer   sender ' }, 's'],
      [{ authorization: 'Basic reader', 'x-api-key': 'sender' }, 's'],
      [{ authorization: 'Bearer wrong', 'x-api-key': 'reader' }, undefined],
      [{ 'x-api-key': 'wrong', 'gram-key': 'reader' }, undefined],
      [{ 'x-api-key': '', cookie }, undefined],
      [{ 'x-api-key': 'wrong', cookie }, undefined],
      [{ cookie }, 'r'],
      [{ cookie: `a=b;${cookie};c=d` }, 'r'],
      [{ cookie: `xcsh_session=${cookie.slice(12)}` }, undefined],
      [{ cookie: 'csh_session=reader' }, undefined],
      [{}, undefined],
    ];
    for (const [head, id] of cases) expect([head, door.principalOf(new Headers(head))?.id]).toEqual([head, id]);
  });

  test('with a cookie can only look, as the key that it stands for', () => {
    const door = opened();
    const head = new Headers({ cookie: `csh_session=${door.cookieFor('reader')}` });
    expect(door.principalOf(head)).toEqual({ ...READER, scopes: new Set(['read'] as const) });
    expect(door.cookieFor('sender')).toBeUndefined();
    expect(door.cookieFor('wrong')).toBeUndefined();
    door.forget(head);
    expect(door.principalOf(head)).toBeUndefined();
  });

  test('with a cookie is nobody after twelve hours, or when the key is revoked', () => {
    let now = 0;
    const gone = new Set<string>();
    const door = opened({ now: () => now, gone });
    const head = new Headers({ cookie: `csh_session=${door.cookieFor('reader')}` });
    now = 12 * 3_600_000;
    expect(door.principalOf(head)?.id).toBe('r');
    now += 1;
    expect(door.principalOf(head)).toBeUndefined();
    const other = new Headers({ cookie: `csh_session=${door.cookieFor('reader')}` });
    gone.add('reader');
    expect(door.principalOf(other)).toBeUndefined();
  });

  test('is remembered for a thousand browsers, of which the oldest leaves first', () => {
    const door = opened();
    const cookies = Array.from(
      { length: 1_001 },
      () => new Headers({ cookie: `csh_session=${door.cookieFor('reader')}` }),
    );
    expect(cookies.filter((head) => door.principalOf(head) === undefined)).toEqual(cookies.slice(0, 1));
  });

  test('needs no key where none are asked for, and can never tell of approvals then', () => {
    const principal = opened({ isKeyed: false }).principalOf(new Headers({ 'x-api-key': 'reader' }));
    expect(principal).toEqual({ id: 'anybody', scopes: new Set(['ingest', 'read'] as const) });
  });

  test('is for us when it names an address or a name of ours, and comes from no other page', () => {
    const { judge } = opened();
    const of = (host: string, origin?: string): string | undefined =>
      judge(new Headers({ host, ...(origin === undefined ? {} : { origin }) }));
    for (const host of ['127.0.0.1:1', 'localhost', '[::1]:80', '10.0.0.1', 'hooks.example', 'HOOKS.EXAMPLE:81'])
      expect([host, of(host)]).toEqual([host, undefined]);
    for (const host of [
      '',
      'x',
      'hooks.example.',
      'hooks.example:',
      'hooks.example:8x',
      '1.2.3',
      '127.0.0.1@evil',
      '127.0.0.1, evil',
      '[evil]',
      'localhost.',
    ])
      expect([host, of(host)]).toEqual([host, 'host']);
    expect(judge(new Headers())).toBe('host');
    expect(of('localhost:3030', 'http://localhost:3030')).toBeUndefined();
    expect(of('hooks.example', 'https://hooks.example')).toBeUndefined();
    for (const origin of [
      'null',
      '',
      'http://localhost',
      'http://localhost:3031',
      'http://127.0.0.1:3030',
      'http://localhost:3030.evil.example',
      'http://evil@localhost:3031',
    ])
      expect([origin, of('localhost:3030', origin)]).toEqual([origin, 'origin']);
  });
});

test('a part of another page, also of one on another port, gets nothing; a link from there leads here', () => {
  const { judge } = opened();
  const from = (site: string, mode: string): string | undefined =>
    judge(new Headers({ host: 'localhost:3030', 'sec-fetch-site': site, 'sec-fetch-mode': mode }));
  for (const site of ['cross-site', 'same-site'])
    expect([from(site, 'no-cors'), from(site, 'cors'), from(site, 'navigate')]).toEqual([
      'origin',
      'origin',
      undefined,
    ]);
  for (const site of ['same-origin', 'none', '']) expect(from(site, 'no-cors')).toBeUndefined();
});
