import { expect, test } from 'bun:test';
import { createWeb, refusal, withEmulator } from './harness.ts';

test(
  'an error fault hits as many calls as it is told to',
  withEmulator({}, async (emulator, { web }) => {
    emulator.fault('auth.test', { kind: 'error', error: 'fatal_error' }, 2);
    expect((await refusal(web.auth.test())).error).toBe('fatal_error');
    expect((await refusal(web.auth.test())).error).toBe('fatal_error');
    expect((await web.auth.test()).ok).toBe(true);
  }),
);

test(
  'a fault on every method lasts until it is taken away',
  withEmulator({}, async (emulator, { web }) => {
    const mend = emulator.fault('*', { kind: 'error', error: 'team_disabled' }, Number.POSITIVE_INFINITY);
    expect((await refusal(web.auth.test())).error).toBe('team_disabled');
    expect((await refusal(web.chat.postMessage({ channel: emulator.user.id, text: 'x' }))).error).toBe('team_disabled');
    mend();
    expect((await web.auth.test()).ok).toBe(true);
    expect(emulator.messages()).toEqual([]);
  }),
);

test(
  'a rate limit is HTTP 429 with Retry-After',
  withEmulator({}, async (emulator, { web }) => {
    emulator.fault('chat.postMessage', { kind: 'rate-limit', seconds: 7 });
    const call = web.chat.postMessage({ channel: emulator.user.id, text: 'x' });
    await expect(call).rejects.toMatchObject({ code: 'slack_webapi_rate_limited_error', retryAfter: 7 });
  }),
);

test(
  'a status fault answers like a proxy',
  withEmulator({}, async (emulator, { web }) => {
    emulator.fault('auth.test', { kind: 'status', status: 503 });
    await expect(web.auth.test()).rejects.toMatchObject({ statusCode: 503 });
  }),
);

test(
  'a delayed call takes effect before the wait, or after it when asked',
  withEmulator({}, async (emulator, { web }) => {
    emulator.fault('chat.postMessage', { kind: 'delay', ms: 60 });
    const early = web.chat.postMessage({ channel: emulator.user.id, text: 'early' });
    let answered = false;
    early.then(() => {
      answered = true;
    });
    await emulator.waitForMessage((message) => message.text === 'early');
    expect(answered).toBe(false);
    await early;
    emulator.fault('chat.postMessage', { kind: 'delay', ms: 30, effect: 'after' });
    const late = web.chat.postMessage({ channel: emulator.user.id, text: 'late' });
    await emulator.waitForCall((call) => call.args.text === 'late');
    expect(emulator.messages()).toHaveLength(1);
    await late;
    expect(emulator.messages()).toHaveLength(2);
    expect(emulator.calls('chat.postMessage')).toHaveLength(2);
    expect(emulator.calls('chat.postMessage')[1]?.response.ok).toBe(true);
  }),
);

test(
  'a call that hangs never answers, and takes effect only when asked to',
  withEmulator({}, async (emulator) => {
    const web = createWeb(emulator, emulator.botToken, 50);
    emulator.fault('chat.postMessage', { kind: 'hang' });
    await expect(web.chat.postMessage({ channel: emulator.user.id, text: 'x' })).rejects.toThrow();
    expect(emulator.messages()).toEqual([]);
    emulator.fault('chat.postMessage', { kind: 'hang', effect: true });
    await expect(web.chat.postMessage({ channel: emulator.user.id, text: 'x' })).rejects.toThrow();
    expect(emulator.messages()).toHaveLength(1);
  }),
);

test(
  'a dropped call loses its TCP connection',
  withEmulator({}, async (emulator, { web }) => {
    emulator.fault('auth.test', { kind: 'drop' });
    await expect(web.auth.test()).rejects.toMatchObject({ code: 'slack_webapi_request_error' });
    expect((await web.auth.test()).ok).toBe(true);
  }),
);

test(
  'the call log keeps arguments and answers but no tokens',
  withEmulator({}, async (emulator, { web }) => {
    const blocks = [{ type: 'divider' as const }];
    await web.chat.postMessage({ channel: emulator.user.id, text: 'x', blocks });
    const call = await emulator.waitForCall(({ method }) => method === 'chat.postMessage');
    expect(call).toMatchObject({ tokenKind: 'bot', args: { text: 'x', blocks }, response: { ok: true } });
    expect(JSON.stringify(emulator.calls())).not.toContain(emulator.botToken);
  }),
);

test(
  'who listens hears of every call once, with its answer',
  withEmulator({}, async (emulator, { web }) => {
    await web.auth.test();
    const heard: [method: string, ok: unknown][] = [];
    const stop = emulator.onCall(({ method, response }) => heard.push([method, response.ok]));
    await web.chat.postMessage({ channel: emulator.user.id, text: 'x' });
    emulator.fault('auth.test', { kind: 'error', error: 'fatal_error' });
    await refusal(web.auth.test());
    stop();
    await web.auth.test();
    expect(heard).toEqual([
      ['chat.postMessage', true],
      ['auth.test', false],
    ]);
  }),
);
