import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { connectBus, escapeAddress, socketPaths } from '../../src/screen/dbus.ts';
import { DBusError, MAX_MESSAGE_BYTES, readMessage, writeCall } from '../../src/screen/dbus-wire.ts';
import { createFakeBus, encodeMessage, type Variant } from './dbus-peer.ts';

const UID = process.getuid?.() ?? 0;
const CALL = { destination: 'org.example', path: '/org/example', interface: 'org.example.Face', member: 'Ask' };

function open(address: string, signal = new AbortController().signal) {
  return connectBus(address, { uid: UID, signal });
}

/** How a promise was rejected. */
async function failureOf(promise: Promise<unknown>): Promise<DBusError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(DBusError);
  return error as DBusError;
}

describe('addresses', () => {
  test('a path, an abstract name and the runtime directory are sockets; other transports are left out', () => {
    const address =
      'tcp:host=127.0.0.1,port=1;unix:path=/a/b,guid=12;unix:guid=1,abstract=/tmp/x;autolaunch:;unix:runtime=yes';
    expect(socketPaths(address, '/run/user/7')).toEqual(['/a/b', '\0/tmp/x', '/run/user/7/bus']);
  });

  test('escapes are undone byte by byte', () => {
    expect(socketPaths('unix:path=/a%20b%2c%c3%a9%3B')).toEqual(['/a b,é;']);
  });

  test('broken escapes, empty paths and a NUL in a path give no socket', () => {
    expect(socketPaths('unix:path=/a%zz;unix:path=;unix:path=/a%00b;unix:;;unix:runtime=yes')).toEqual([]);
  });

  test('what is escaped comes back', () => {
    const path = fc.string({ unit: 'grapheme' }).filter((text) => text.isWellFormed() && !text.includes('\0'));
    fc.assert(
      fc.property(path, (text) => expect(socketPaths(`unix:path=/${escapeAddress(text)}`)).toEqual([`/${text}`])),
    );
  });

  test('any text at all is a list, never an error', () => {
    fc.assert(fc.property(fc.string({ maxLength: 200 }), (text) => Array.isArray(socketPaths(text))));
    fc.assert(
      fc.property(fc.string(), (text) => Array.isArray(socketPaths(`unix:path=${text};unix:abstract=${text}`))),
    );
  });
});

describe('a call', () => {
  test('logs in with the hexadecimal user id, says Hello first and never starts a service', async () => {
    await using bus = createFakeBus({ serve: () => ({ signature: 'sub', values: ['é', 7, 1] }) });
    const client = await open(bus.address);
    expect(await client.call({ ...CALL, args: ['a "b" é', 4_294_967_295] })).toEqual(['é', 7, true]);
    client.close();
    expect(bus.authLines).toEqual([`AUTH EXTERNAL ${Buffer.from(String(UID)).toString('hex')}`, 'BEGIN']);
    expect(bus.calls.map(({ member, serial }) => [member, serial])).toEqual([
      ['Hello', 1],
      ['Ask', 2],
    ]);
    expect(bus.calls.map(({ flags }) => flags)).toEqual([2, 2]);
    expect(bus.calls[1]).toMatchObject({ ...CALL, args: ['a "b" é', 4_294_967_295] });
  });

  test('has a header and a body that any strings survive', () => {
    const text = fc.string({ unit: 'grapheme', maxLength: 40 });
    fc.assert(
      fc.property(text, text, text, (destination, path, member) => {
        const bytes = writeCall({ destination, path, interface: 'i', member, args: [member, 6, path] }, 9);
        expect(readMessage(bytes)).toMatchObject({ size: bytes.byteLength, message: { type: 1, serial: 9 } });
        // Taken for an answer, it is read to its end.
        bytes[1] = 2;
        expect(readMessage(bytes)?.message.body).toEqual([member, 6, path]);
      }),
    );
  });

  test('is answered by its own serial, whatever the order', async () => {
    let first: number | undefined;
    await using bus = createFakeBus({
      serve: (call) => {
        if (call.member === 'Slow') {
          first = call.serial;
          return 'silence';
        }
        const reply = (serial: number, value: string): Buffer =>
          encodeMessage({ type: 2, fields: [[5, 'u', serial]], signature: 's', values: [value] });
        return {
          raw: Buffer.concat([reply(call.serial, 'fast'), reply(99, 'nobody asked'), reply(first ?? 0, 'slow')]),
        };
      },
    });
    const client = await open(bus.address);
    const slow = client.call({ ...CALL, member: 'Slow' });
    expect(await client.call({ ...CALL, member: 'Fast' })).toEqual(['fast']);
    expect(await slow).toEqual(['slow']);
    client.close();
  });

  test('is answered when the bus sends one byte at a time', async () => {
    await using bus = createFakeBus({
      pieceBytes: 1,
      serve: () => ({ signature: 'a{sv}', values: [[['k', { signature: 'b', value: 1 }]]] }),
    });
    const client = await open(bus.address);
    expect(await client.call(CALL)).toEqual([[['k', true]]]);
    client.close();
  });

  test('that gets an error reply is rejected with its name, and the connection lives on', async () => {
    await using bus = createFakeBus({
      serve: ({ member }) => (member === 'Ask' ? { error: 'org.example.No' } : { signature: '', values: [] }),
    });
    const client = await open(bus.address);
    expect(await failureOf(client.call(CALL))).toMatchObject({ kind: 'reply', errorName: 'org.example.No' });
    expect(await client.call({ ...CALL, member: 'Other' })).toEqual([]);
    client.close();
  });

  test('is rejected when the connection is closed, before or after', async () => {
    await using bus = createFakeBus({ serve: () => 'silence' });
    const client = await open(bus.address);
    const waiting = failureOf(client.call(CALL));
    client.close();
    expect((await waiting).kind).toBe('closed');
    expect((await failureOf(client.call(CALL))).kind).toBe('closed');
    await bus.whenLeft;
  });

  test('is rejected on abort, and the socket is gone', async () => {
    await using bus = createFakeBus({ serve: () => 'silence' });
    const stop = new AbortController();
    const client = await open(bus.address, stop.signal);
    const waiting = failureOf(client.call(CALL));
    stop.abort();
    expect((await waiting).kind).toBe('closed');
    await bus.whenLeft;
  });
});

describe('connecting', () => {
  test('takes the first address that works', async () => {
    await using refusing = createFakeBus({ auth: 'REJECTED EXTERNAL\r\n' });
    await using bus = createFakeBus({ serve: () => ({ signature: 'y', values: [3] }) });
    const client = await open(`unix:path=/nonexistent/bus;${refusing.address};${bus.address}`);
    expect(await client.call(CALL)).toEqual([3]);
    client.close();
  });

  test.skipIf(process.platform !== 'linux')(
    'reaches a bus in the abstract namespace, which only Linux has',
    async () => {
      await using bus = createFakeBus({
        unix: `\0dbus-test-${crypto.randomUUID()}`,
        serve: () => ({ signature: 'u', values: [5] }),
      });
      const client = await open(bus.address);
      expect(await client.call(CALL)).toEqual([5]);
      client.close();
    },
  );

  test('says which kind of thing went wrong', async () => {
    await using refusing = createFakeBus({ auth: 'REJECTED EXTERNAL\r\n' });
    expect(await failureOf(open('tcp:host=127.0.0.1'))).toMatchObject({ kind: 'address' });
    expect(await failureOf(open('unix:path=/nonexistent/bus'))).toMatchObject({
      kind: 'connect',
      message: 'Cannot connect: ENOENT',
    });
    expect(await failureOf(open(`unix:path=/${'x'.repeat(300)}`))).toMatchObject({ kind: 'connect' });
    expect(await failureOf(open(`unix:path=${import.meta.path}`))).toMatchObject({ kind: 'connect' });
    expect(await failureOf(open(refusing.address))).toMatchObject({ kind: 'auth' });
    expect(await failureOf(open(refusing.address, AbortSignal.abort()))).toMatchObject({ kind: 'closed' });
  });

  test('ends on abort when the bus never answers the login', async () => {
    await using bus = createFakeBus({ auth: null });
    const stop = new AbortController();
    const opening = failureOf(open(bus.address, stop.signal));
    stop.abort();
    expect((await opening).kind).toBe('closed');
  });

  test('refuses a login line without an end, and one that is too long', async () => {
    await using endless = createFakeBus({ auth: 'x'.repeat(5000) });
    await using long = createFakeBus({ auth: `OK ${'x'.repeat(5000)}\r\n` });
    expect((await failureOf(open(endless.address))).kind).toBe('auth');
    expect((await failureOf(open(long.address))).kind).toBe('auth');
  });
});

describe('a hostile peer', () => {
  const header = (bytes: { order?: number; version?: number; body?: number; fields?: number }): Buffer => {
    const out = Buffer.alloc(16);
    out[0] = bytes.order ?? 0x6c;
    out[1] = 2;
    out[3] = bytes.version ?? 1;
    out.writeUInt32LE(bytes.body ?? 0, 4);
    out.writeUInt32LE(bytes.fields ?? 0, 12);
    return out;
  };
  const reply = (signature: string, body: Uint8Array): Buffer => {
    const head = encodeMessage({
      type: 2,
      fields: [
        [5, 'u', 2],
        [8, 'g', signature],
      ],
    });
    head.writeUInt32LE(body.length, 4);
    return Buffer.concat([head, body]);
  };
  const uint32 = (value: number): Buffer => Buffer.from(new Uint32Array([value]).buffer);

  test.each([
    ['noise in place of a message', Buffer.alloc(64, 0xa5)],
    ['another protocol version', header({ version: 2 })],
    ['a body of 4 GiB', header({ body: 0xffff_ffff })],
    ['a header of 4 GiB', header({ fields: 0xffff_ffff })],
    ['lengths whose sum wraps around', header({ body: 0xffff_fff0, fields: 0x20 })],
    ['a message just over the limit', header({ body: MAX_MESSAGE_BYTES })],
    ['a string longer than the message', reply('s', uint32(1000))],
    ['a string without its NUL', reply('s', Buffer.concat([uint32(1), Buffer.from('ab')]))],
    ['an array longer than the message', reply('au', uint32(0x7fff_fffc))],
    ['an array whose last element crosses its end', reply('au', Buffer.concat([uint32(6), Buffer.alloc(8)]))],
    ['a boolean that is neither', reply('b', uint32(2))],
    ['a signature of arrays in arrays without end', reply('a'.repeat(200), Buffer.alloc(8))],
    ['an array of empty structs', reply('a()', uint32(8))],
    ['an unfinished struct', reply('(uu', Buffer.alloc(8))],
    ['a struct closed by the other bracket', reply('(u}', Buffer.alloc(8))],
    ['a type that does not exist', reply('w', Buffer.alloc(8))],
    ['an array of nothing', reply('a', uint32(0))],
    ['a variant with two values', reply('v', Buffer.from([2, 0x79, 0x79, 0, 1, 2]))],
    ['a variant with no value', reply('v', Buffer.from([0, 0]))],
    ['variants in variants without end', reply('v', Buffer.from('\x01v\0'.repeat(80_000), 'latin1'))],
  ])('that sends %s gets the module’s own error', (_, bytes) => {
    expect(() => readMessage(bytes)).toThrow(DBusError);
  });

  test('that nests variants deeper than the specification allows is refused, though each one is well formed', () => {
    const nested = (depth: number): Buffer =>
      reply('v', Buffer.from(`${'\x01v\0'.repeat(depth)}\x01y\0\x05`, 'latin1'));
    expect(readMessage(nested(50))?.message.body).toEqual([5]);
    expect(() => readMessage(nested(70))).toThrow(DBusError);
  });

  test('that sends noise after the login ends the calls that wait', async () => {
    await using bus = createFakeBus({ afterAuth: Buffer.alloc(64, 0xff) });
    expect((await failureOf(open(bus.address).then((client) => client.call(CALL)))).kind).toBe('protocol');
  });

  test('that floods us with signals is hung up on', async () => {
    const signal = encodeMessage({
      type: 4,
      fields: [[3, 's', 'Noise']],
      signature: 's',
      values: ['x'.repeat(60_000)],
    });
    await using bus = createFakeBus({ serve: () => ({ raw: Buffer.concat(Array(20).fill(signal)) }) });
    const client = await open(bus.address);
    const flooded = failureOf(client.call(CALL));
    expect((await flooded).kind).toBe('protocol');
    await bus.whenLeft;
  });

  test('that never finishes a message gets null: more bytes are needed', () => {
    const bytes = encodeMessage({ type: 2, fields: [[5, 'u', 2]], signature: 'su', values: ['text', 5] });
    for (let length = 0; length < bytes.length; length += 1) expect(readMessage(bytes.subarray(0, length))).toBeNull();
    expect(readMessage(bytes)?.size).toBe(bytes.length);
  });
});

describe('the parser', () => {
  const check = (bytes: Uint8Array): void => {
    const startedAt = performance.now();
    try {
      const read = readMessage(bytes);
      if (read !== null) {
        expect(read.size).toBeGreaterThan(0);
        expect(read.size).toBeLessThanOrEqual(bytes.byteLength);
      }
    } catch (error) {
      expect(error).toBeInstanceOf(DBusError);
    }
    // Of a few hundred bytes nothing takes time, unless a length that they claim is believed.
    expect(performance.now() - startedAt).toBeLessThan(5000);
  };

  test('throws nothing but its own error, for any bytes', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), check), { numRuns: 2000 });
  });

  test('throws nothing but its own error, for any header fields and body behind a good start', () => {
    const length = fc.oneof(fc.nat(64), fc.integer({ min: 0, max: 0xffff_ffff }));
    const parts = [fc.constantFrom(0x6c, 0x42), fc.nat(5), length, length, fc.uint8Array({ maxLength: 300 })] as const;
    fc.assert(
      fc.property(...parts, (order, type, body, fields, rest) => {
        const head = Buffer.from([order, type, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0]);
        const view = new DataView(head.buffer, head.byteOffset, 16);
        view.setUint32(4, body, order === 0x6c);
        view.setUint32(12, fields, order === 0x6c);
        check(Buffer.concat([head, rest]));
      }),
      { numRuns: 2000 },
    );
  });

  test('throws nothing but its own error, for any signature over any body', () => {
    const signature = fc.string({ unit: fc.constantFrom(...'ybnqiuxtdsoghva(){}'), maxLength: 60 });
    fc.assert(
      fc.property(signature, fc.uint8Array({ maxLength: 200 }), (text, body) => {
        const head = encodeMessage({
          type: 2,
          fields: [
            [5, 'u', 2],
            [8, 'g', text],
          ],
        });
        head.writeUInt32LE(body.length, 4);
        check(Buffer.concat([head, body]));
      }),
      { numRuns: 2000 },
    );
  });

  test('throws nothing but its own error, for a good message with some bytes changed', () => {
    const properties = [
      ['LockedHint', { signature: 'b', value: 1 }],
      ['User', { signature: '(uo)', value: [1000, '/u'] }],
    ];
    const good = encodeMessage({
      type: 2,
      fields: [[5, 'u', 2]],
      signature: 'a{sv}as',
      values: [properties, ['a', 'b']],
    });
    const change = fc.tuple(fc.nat(good.length - 1), fc.nat(255));
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 6 }), (changes) => {
        const bytes = Buffer.from(good);
        for (const [at, value] of changes) bytes[at] = value;
        check(bytes);
      }),
      { numRuns: 2000 },
    );
  });

  test('takes no longer than linear time for the largest message of the smallest values', () => {
    for (const [signature, unit] of [
      ['ay', '\0'],
      ['av', '\x01y\0\0'],
      ['aay', '\0\0\0\0'],
      ['ag', '\0\0'],
    ] as const) {
      const body = Buffer.from(unit.repeat(200_000 / unit.length), 'latin1');
      const length = Buffer.from(new Uint32Array([body.length]).buffer);
      const head = encodeMessage({
        type: 2,
        fields: [
          [5, 'u', 2],
          [8, 'g', signature],
        ],
      });
      head.writeUInt32LE(body.length + 4, 4);
      check(Buffer.concat([head, length, body]));
    }
  });

  /** A signature, a value as the test's encoder takes it, and the value as the parser must give it. */
  type Sample = readonly [signature: string, given: unknown, read: unknown];
  const number = (signature: string, min: number, max: number): fc.Arbitrary<Sample> =>
    fc.integer({ min, max }).map((value) => [signature, value, value]);
  const { sample } = fc.letrec<{ sample: Sample }>((tie) => ({
    sample: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      number('y', 0, 255),
      number('n', -32_768, 32_767),
      number('q', 0, 65_535),
      number('i', -(2 ** 31), 2 ** 31 - 1),
      number('u', 0, 2 ** 32 - 1),
      fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map((value): Sample => ['x', value, value]),
      fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map((value): Sample => ['t', value, value]),
      fc.double({ noNaN: true }).map((value): Sample => ['d', value, value]),
      fc.boolean().map((value): Sample => ['b', value, value]),
      fc
        .string({ unit: 'grapheme', maxLength: 20 })
        .filter((text) => text.isWellFormed())
        .map((value): Sample => ['s', value, value]),
      tie('sample').map(([signature, value, read]): Sample => ['v', { signature, value } satisfies Variant, read]),
      fc
        .tuple(tie('sample'), fc.nat(3))
        .map(
          ([[signature, value, read], count]): Sample => [
            `a${signature}`,
            Array(count).fill(value),
            Array(count).fill(read),
          ],
        ),
      fc
        .array(tie('sample'), { minLength: 1, maxLength: 3 })
        .map(
          (inner): Sample => [
            `(${inner.map(([signature]) => signature).join('')})`,
            inner.map(([, value]) => value),
            inner.map(([, , read]) => read),
          ],
        ),
    ),
  }));

  test('reads what another encoder wrote, in both byte orders', () => {
    const body = fc
      .array(sample, { maxLength: 4 })
      .filter((parts) => parts.map(([type]) => type).join('').length < 200);
    fc.assert(
      fc.property(body, fc.boolean(), fc.uint8Array({ maxLength: 20 }), (parts, isLittle, tail) => {
        const signature = parts.map(([type]) => type).join('');
        const values = parts.map(([, value]) => value);
        const bytes = encodeMessage({ type: 2, serial: 3, fields: [[5, 'u', 7]], signature, values }, isLittle);
        expect(readMessage(Buffer.concat([bytes, tail]))).toEqual({
          size: bytes.length,
          message: {
            type: 2,
            serial: 3,
            replySerial: 7,
            errorName: undefined,
            body: parts.map(([, , read]) => read),
          } as never,
        });
      }),
      { numRuns: 500 },
    );
  });
});
