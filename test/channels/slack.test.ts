import { describe, expect, test } from 'bun:test';
import type { Surroundings } from '../../src/channels/slack-surroundings.ts';
import { AppError } from '../../src/errors.ts';
import type { Outcome } from '../../src/types.ts';
import { actionIds, allTexts, bash, INSTANCE, toolCall } from './requests.ts';
import { createWorld, inWorld, press } from './slack-world.ts';

const allowed = (by: string): Outcome => ({ kind: 'allowed', by, via: 'Slack', at: Date.now() });

async function failure(promise: Promise<unknown>): Promise<AppError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof AppError)) throw new Error(`Expected an AppError, got ${String(error)}`);
  return error;
}

describe('one approval', () => {
  test('goes from the card over a click to a closed message', () =>
    inWorld(async (world) => {
      const request = world.request();
      const receipt = await world.ask(request);
      expect(receipt.complete).toBe(true);
      const posted = world.message(receipt);
      expect(posted.text).toBe('Bash in shop: make deploy');
      const [call] = world.slack.calls('chat.postMessage');
      expect(call?.args).toMatchObject({ channel: world.slack.user.id });
      expect([String(call?.args.unfurl_links), String(call?.args.unfurl_media), String(call?.args.mrkdwn)]).toEqual([
        'false',
        'false',
        'false',
      ]);

      expect((await world.slack.click(press(receipt))).delivery).toBe('acked');
      expect(world.answers).toMatchObject([
        {
          requestId: request.id,
          nonce: request.nonce,
          decision: 'allow',
          by: world.slack.user.id,
          conversation: receipt.conversation,
          message: receipt.message,
        },
      ]);
      expect(Math.abs((world.answers[0]?.at ?? 0) - Date.now())).toBeLessThan(2000);

      await world.channel.close(request, allowed(world.slack.user.id));
      const closed = world.message(receipt);
      expect(actionIds(closed.blocks)).toEqual([]);
      expect(closed.text).toStartWith('Approved: Bash');
      expect(allTexts(closed.blocks)).toContain('make deploy');
      expect(world.notices()).toEqual([]);
      expect(world.slack.connectionsEver()).toBe(1);
    }));

  test('shows at the end what was asked, though the disk has changed since', async () => {
    let looks = 0;
    const lookAround = async (): Promise<Surroundings> => {
      looks += 1;
      return { branch: `branch-${looks}`, file: { kind: 'text', text: looks === 1 ? 'before\n' : 'later\n' } };
    };
    await inWorld(
      async (world) => {
        const request = world.request(toolCall('Write', { file_path: '/a', content: 'new\n' }));
        const receipt = await world.ask(request);
        expect(allTexts(world.message(receipt).blocks)).toContain('-before\n+new');
        await world.channel.close(request, allowed(world.slack.user.id));
        const texts = allTexts(world.message(receipt).blocks);
        expect(texts).toContain('-before\n+new');
        expect(texts).toContain('branch-1');
        expect(looks).toBe(1);
      },
      { lookAround },
    );
  });

  test('hears a deny as a deny', () =>
    inWorld(async (world) => {
      await world.slack.click(press(await world.ask(world.request()), 'csh_deny'));
      expect(world.answers).toMatchObject([{ decision: 'deny' }]);
    }));

  test('says who it is and what it may do', () =>
    inWorld(async (world) => {
      expect(world.health()).toMatchObject({
        state: 'connected',
        connections: 1,
        numConnections: 1,
        isShared: false,
        appId: world.slack.appId,
        identity: { teamId: world.slack.teamId, scopes: expect.arrayContaining(['chat:write']) },
      });
    }));

  test('writes no nonce, token or ticket into the log', () =>
    inWorld(async (world) => {
      const request = world.request();
      const receipt = await world.ask(request);
      await world.slack.click(press(receipt));
      world.slack.dropConnections();
      await world.slack.waitForConnections(0);
      await world.slack.waitForConnections(1);
      const log = world.log.join('\n');
      expect(log).not.toContain(request.nonce);
      expect(log).not.toContain(world.slack.botToken);
      expect(log).not.toContain(world.slack.appToken);
      expect(log).not.toContain('ticket=');
    }));
});

describe('a request that ends early', () => {
  test('is closed as soon as its message exists when it was withdrawn before', () =>
    inWorld(async (world) => {
      world.slack.fault('chat.postMessage', { kind: 'delay', ms: 300, effect: 'before' });
      const request = world.request();
      const abort = new AbortController();
      const asked = failure(world.ask(request, abort.signal));
      const { ts } = await world.slack.waitForMessage(() => true);
      abort.abort();
      await asked;
      await world.channel.close(request, { kind: 'withdrawn', reason: 'Gone.', at: Date.now() });
      const message = world.slack.messages().find((item) => item.ts === ts);
      expect(message?.text).toStartWith('Withdrawn');
      expect(actionIds(message?.blocks ?? [])).toEqual([]);
      expect(world.slack.messages()).toHaveLength(1);
    }));

  test('is never posted when it was withdrawn before the first try, and closing it does nothing', () =>
    inWorld(async (world) => {
      const request = world.request();
      const abort = new AbortController();
      abort.abort();
      await failure(world.ask(request, abort.signal));
      await world.channel.close(request, { kind: 'withdrawn', reason: 'Gone.', at: Date.now() });
      expect(world.slack.messages()).toEqual([]);
      expect(world.slack.calls('chat.update')).toEqual([]);
    }));

  test('does not wait any longer for Slack to let it post', () =>
    inWorld(async (world) => {
      world.slack.fault('chat.postMessage', { kind: 'rate-limit', seconds: 30 });
      const request = world.request();
      const asked = failure(world.ask(request));
      await world.slack.waitForCall((call) => call.method === 'chat.postMessage');
      // Goes the same way and comes back later, so the first answer has been read.
      await world.ask(world.request());
      await world.channel.close(request, { kind: 'withdrawn', reason: 'Gone.', at: Date.now() });
      await asked;
      expect(world.slack.messages()).toHaveLength(1);
    }));

  test('closes the message that comes after close', () =>
    inWorld(async (world) => {
      world.slack.fault('chat.postMessage', { kind: 'delay', ms: 200, effect: 'before' });
      const request = world.request();
      const asked = world.ask(request);
      await world.slack.waitForMessage(() => true);
      await world.channel.close(request, { kind: 'expired', reason: 'Too late.', at: Date.now() });
      const receipt = await asked;
      expect(world.message(receipt).text).toStartWith('Expired');
    }));

  test('rejects at its deadline while Slack hangs, and closes the late message', () =>
    inWorld(async (world) => {
      world.slack.fault('chat.postMessage', { kind: 'delay', ms: 500, effect: 'before' });
      const request = world.request(bash('x'), { expiresAt: Date.now() + 200 });
      expect((await failure(world.ask(request))).code).toBe('slack-unreachable');
      await world.channel.close(request, { kind: 'expired', reason: 'Too late.', at: Date.now() });
      expect(world.slack.messages()[0]?.text).toStartWith('Expired');
    }));
});

describe('trouble while posting', () => {
  test('[K31] waits as long as Slack asks, and another request is not held up', () =>
    inWorld(async (world) => {
      world.slack.fault('chat.postMessage', { kind: 'rate-limit', seconds: 2 });
      const started = Date.now();
      const first = world.ask(world.request());
      await world.slack.waitForCall((call) => call.method === 'chat.postMessage');
      const other = await world.ask(world.request());
      const waited = await first;
      // A message's name is the time at which it was posted.
      expect(Number(other.message)).toBeLessThan(Number(waited.message));
      expect(Date.now() - started).toBeGreaterThanOrEqual(1990);
    }));

  test('[K32] gives up at once when Slack asks to wait beyond the deadline', () =>
    inWorld(async (world) => {
      world.slack.fault('chat.postMessage', { kind: 'rate-limit', seconds: 120 });
      const started = Date.now();
      const error = await failure(world.ask(world.request()));
      expect(error.code).toBe('slack-rate-limited');
      expect(error.message).toContain('120 s');
      // And not at the deadline, a minute after it was asked.
      expect(Date.now() - started).toBeLessThan(20_000);
    }));

  test.each([
    ['HTTP 500', { kind: 'status', status: 500, body: 'oops' } as const],
    ['HTTP 503 with a page', { kind: 'status', status: 503 } as const],
    ['a page with HTTP 200', { kind: 'status', status: 200, body: '<html>Sign in to Corp Proxy</html>' } as const],
    ['a cut connection', { kind: 'drop' } as const],
    ['internal_error', { kind: 'error', error: 'internal_error' } as const],
  ])('tries again after %s and marks the retry', (_name, fault) =>
    inWorld(async (world) => {
      world.slack.fault('chat.postMessage', fault, 2);
      const receipt = await world.ask(world.request());
      expect(receipt.complete).toBe(true);
      expect(world.slack.messages()).toHaveLength(1);
      expect(JSON.stringify(world.slack.calls('chat.postMessage').at(-1)?.args.metadata)).toContain('"attempt":3');
    }),
  );

  test('names the trouble at the deadline, and never the text of a proxy', () =>
    inWorld(async (world) => {
      world.slack.fault('chat.postMessage', { kind: 'status', status: 502, body: '<html>PROXY SECRET</html>' }, 1000);
      const error = await failure(world.ask(world.request(bash('x'), { expiresAt: Date.now() + 700 })));
      expect(error.code).toBe('slack-unreachable');
      expect(error.message).toContain('502');
      world.slack.fault('chat.update', { kind: 'status', status: 200, body: '<html>PROXY SECRET</html>' }, 1000);
      expect(JSON.stringify([error.message, error.cause, ...world.log])).not.toContain('PROXY SECRET');
    }));

  test.each(['invalid_blocks', 'msg_too_long', 'msg_blocks_too_long'])(
    'falls back to a short card without Approve after %s, and closes it',
    (code) =>
      inWorld(async (world) => {
        world.slack.fault('chat.postMessage', { kind: 'error', error: code });
        world.slack.fault('files.getUploadURLExternal', { kind: 'error', error: 'missing_scope' }, 10);
        const request = world.request();
        const receipt = await world.ask(request);
        expect(receipt.complete).toBe(false);
        expect(actionIds(world.message(receipt).blocks)).toEqual(['csh_deny', 'csh_deny_reason', 'csh_show_all']);
        world.slack.fault('chat.update', { kind: 'error', error: code });
        await world.channel.close(request, allowed(world.slack.user.id));
        expect(actionIds(world.message(receipt).blocks)).toEqual([]);
      }),
  );

  test('can approve a short card once the whole input is in a file below it', () =>
    inWorld(async (world) => {
      world.slack.fault('chat.postMessage', { kind: 'error', error: 'invalid_blocks' });
      const receipt = await world.ask(world.request());
      expect(world.receipts.map(({ complete }) => complete)).toEqual([false, true]);
      expect(receipt.complete).toBe(true);
      expect(actionIds(world.message(receipt).blocks)).toContain('csh_approve');
      const files = world.slack.messages().flatMap((message) => message.files);
      expect(files.map(({ content }) => content).join('')).toContain('make deploy');
    }));

  test('rejects when Slack takes no form of the card', () =>
    inWorld(async (world) => {
      world.slack.fault('chat.postMessage', { kind: 'error', error: 'invalid_blocks' }, 2);
      const error = await failure(world.ask(world.request()));
      expect(error.code).toBe('slack-rejected');
      expect(error.message).toContain('invalid_blocks');
    }));

  test('names a setting that keeps this person from being reached, and stays up', () =>
    inWorld(async (world) => {
      const error = await failure(world.ask(world.request(bash('x'), { approvers: ['U0NOBODY'] })));
      expect(error.code).toBe('slack-config');
      expect(error.message).toContain('channel_not_found');
      await world.ask(world.request());
    }));

  test('answers a press on a hidden copy with a notice, and takes its buttons', () =>
    inWorld(
      async (world) => {
        world.slack.fault('chat.postMessage', { kind: 'hang', effect: true });
        const request = world.request();
        const receipt = await world.ask(request);
        const copy = world.slack.messages().find((message) => message.ts !== receipt.message);
        if (copy === undefined) throw new Error('Expected a copy');
        world.verdict = ({ message }) => (message === receipt.message ? 'accepted' : 'forged');
        await world.slack.click({ channel: copy.channel, ts: copy.ts, actionId: 'csh_approve' });
        await world.slack.waitForMessage((message) => message.ts === copy.ts && message.editedTs !== undefined);
        await world.slack.waitForMessage(
          (message) => message.text.includes('second copy') && message.ephemeralFor !== undefined,
        );
        expect(actionIds(world.slack.messages().find(({ ts }) => ts === copy.ts)?.blocks ?? [])).toEqual([]);
        expect(actionIds(world.message(receipt).blocks)).toHaveLength(6);
      },
      { timing: { callMs: 300 } },
    ));
});

describe('trouble while closing', () => {
  test.each([
    ['HTTP 500', { kind: 'status', status: 500 } as const],
    ['a wait of a second', { kind: 'rate-limit', seconds: 1 } as const],
    ['no answer', { kind: 'hang' } as const],
  ])('edits again after %s', (_name, fault) =>
    inWorld(
      async (world) => {
        const request = world.request();
        const receipt = await world.ask(request);
        world.slack.fault('chat.update', fault);
        await world.channel.close(request, allowed(world.slack.user.id));
        expect(actionIds(world.message(receipt).blocks)).toEqual([]);
      },
      { timing: { callMs: 500 } },
    ),
  );

  test('gives up quietly when the message is gone', () =>
    inWorld(async (world) => {
      const request = world.request();
      await world.ask(request);
      world.slack.fault('chat.update', { kind: 'error', error: 'message_not_found' });
      expect((await failure(world.channel.close(request, allowed('U0X')))).code).toBe('slack-rejected');
      expect(world.slack.calls('chat.update')).toHaveLength(1);
    }));

  test('holds up no post and no click while edits hang', () =>
    inWorld(async (world) => {
      world.slack.fault('chat.update', { kind: 'hang' }, Number.POSITIVE_INFINITY);
      const edits = Array.from({ length: 5 }, async () => {
        const request = world.request();
        await world.ask(request);
        await world.channel.close(request, allowed('U0X')).catch(() => {});
      });
      await world.slack.waitForCall((call) => call.method === 'chat.update');
      const started = Date.now();
      await world.slack.click(press(await world.ask(world.request())));
      expect(world.answers).toHaveLength(1);
      expect(Date.now() - started).toBeLessThan(1000);
      await world.channel.stop();
      await Promise.race([Promise.all(edits), Promise.resolve()]);
    }));
});

describe('the first start', () => {
  const startError = async (prepare: (world: Awaited<ReturnType<typeof createWorld>>) => unknown, emulator = {}) => {
    const world = await createWorld({}, emulator);
    try {
      await prepare(world);
      const started = Date.now();
      const error = await failure(world.start());
      const tries = (method: string): number => world.slack.calls(method).length;
      return { error, ms: Date.now() - started, tries, connections: world.slack.connectionsEver() };
    } finally {
      await world.end();
    }
  };

  test('rejects at once with a refused bot token', async () => {
    const { error, tries, connections } = await startError(({ slack }) => slack.revoke('bot', true));
    expect(error.code).toBe('slack-auth');
    expect(error.message).toContain('invalid_auth');
    expect(tries('auth.test')).toBe(1);
    expect(connections).toBe(0);
  });

  test('rejects at once with a refused app token', async () => {
    const { error, tries } = await startError(({ slack }) => slack.revoke('app', true));
    expect(error.code).toBe('slack-auth');
    expect(tries('apps.connections.open')).toBe(1);
  });

  test('rejects without the scope to write, naming it', async () => {
    const { error } = await startError(() => {}, { scopes: ['im:write'] });
    expect(error.code).toBe('slack-scope');
    expect(error.message).toContain('chat:write');
  });

  test('rejects when Socket Mode is off', async () => {
    const { error } = await startError(() => {}, { socketModeEnabled: false });
    expect(error.code).toBe('slack-config');
    expect(error.message).toContain('link_disabled');
  });

  test('rejects about a second after the first refused connection', async () => {
    const { error, ms } = await startError(({ slack }) => slack.refuse(true));
    expect(error.code).toBe('slack-unreachable');
    expect(ms).toBeGreaterThan(800);
    expect(ms).toBeLessThan(5_000);
  });

  test('rejects with both tokens swapped', async () => {
    const world = await createWorld();
    const swapped = await createWorld({
      botToken: world.slack.appToken,
      appToken: world.slack.botToken,
      apiUrl: world.slack.apiUrl,
    });
    const error = await failure(swapped.start());
    expect(['slack-auth', 'slack-scope']).toContain(error.code);
    await swapped.end();
    await world.end();
  });

  test('survives two tries that fail', async () => {
    // The usual second is short for a machine with much to do.
    const world = await createWorld({ timing: { startBudgetMs: 10_000 } });
    world.slack.fault('auth.test', { kind: 'drop' }, 2);
    await world.start();
    expect(world.slack.calls('auth.test')).toHaveLength(3);
    expect(world.slack.connections()).toBe(1);
    await world.end();
  });

  test('waits for a ticket that takes its time', async () => {
    const world = await createWorld();
    world.slack.fault('apps.connections.open', { kind: 'delay', ms: 1500, effect: 'after' });
    await world.start();
    expect(world.slack.connectionsEver()).toBe(1);
    await world.end();
  });
});

describe('tokens that stop working', () => {
  test('bot token: rejects requests with the reason, says so, and works again when it does', () =>
    inWorld(
      async (world) => {
        world.slack.revoke('bot', true);
        expect((await failure(world.ask(world.request()))).code).toBe('slack-auth');
        expect(world.health()).toMatchObject({ state: 'down', isFatal: true, code: 'slack-auth' });
        expect(world.health().reason).toContain('invalid_auth');
        const started = Date.now();
        expect((await failure(world.ask(world.request()))).message).toContain('invalid_auth');
        expect(Date.now() - started).toBeLessThan(1000);
        world.slack.revoke('bot', false);
        await world.healthy((health) => health.state === 'connected');
        await world.ask(world.request());
      },
      { timing: { probeMs: 200 } },
    ));

  test('app token: stays alive, says so, rejects requests, and connects again when it works', () =>
    inWorld(
      async (world) => {
        world.slack.revoke('app', true);
        world.slack.dropConnections();
        await world.healthy((health) => health.isFatal);
        expect((await failure(world.ask(world.request()))).code).toBe('slack-auth');
        world.slack.revoke('app', false);
        await world.healthy((health) => health.state === 'connected');
        await world.slack.click(press(await world.ask(world.request())));
        expect(world.answers).toHaveLength(1);
      },
      { timing: { probeMs: 200 } },
    ));

  test.each(['bot', 'app'] as const)('a new request is a reason to look again whether the %s token works', (token) =>
    inWorld(
      async (world) => {
        world.slack.revoke(token, true);
        if (token === 'app') {
          world.slack.dropConnections();
          await world.healthy((health) => health.isFatal);
        }
        await failure(world.ask(world.request()));
        world.slack.revoke(token, false);
        await world.ask(world.request());
        expect(world.health().state).toBe('connected');
      },
      { timing: { probeOnAskMs: 0 } },
    ),
  );
});

describe('channel options', () => {
  test('refuse an instance id that would break the buttons', async () => {
    expect((await failure(createWorld({ instanceId: 'a.b' }))).code).toBe('internal');
    expect(INSTANCE).toMatch(/^[\w-]+$/);
  });
});
