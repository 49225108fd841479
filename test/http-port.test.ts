import { describe, expect, test } from 'bun:test';
import { httpPortOf } from '../src/http-port.ts';

describe('the port of --http', () => {
  test('is there only when it was given', () => {
    expect(httpPortOf({ http: undefined })).toBeUndefined();
    expect(['1', '8787', '65535'].map((http) => httpPortOf({ http }))).toEqual([1, 8787, 65_535]);
  });

  test('is a number that a port can have, and 0 is none', () => {
    for (const http of ['0', '65536', '-1', '1.5', '0x50', '80 ', '', 'on', '99999999'])
      expect(() => httpPortOf({ http })).toThrow('Expected http to be a port from 1 to 65535');
  });
});
