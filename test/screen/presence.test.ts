import { describe, expect, test } from 'bun:test';
import { lookForPerson, type Person, type PersonOptions } from '../../src/screen/presence.ts';
import type { HookInput, Offers } from '../../src/types.ts';
import { bash, PERMISSION } from '../channels/requests.ts';

interface Scene {
  readonly event?: string;
  readonly hasDialog?: boolean;
  readonly offers?: Partial<Offers>;
  readonly mode?: string;
  readonly settings?: Partial<PersonOptions['settings']>;
  readonly lock?: 'locked' | 'unlocked' | 'unknown';
  readonly idleMs?: number | undefined;
}

const { prompt: _prompt, ...NO_PROMPT } = PERMISSION;
const DIALOG = { event: 'PermissionRequest', hasDialog: true, offers: { prompt: true } } as const;
const IDLE_AFTER = 300_000;

function optionsOf({
  event = 'PreToolUse',
  hasDialog = false,
  offers,
  mode,
  settings,
  ...scene
}: Scene): PersonOptions {
  const input: HookInput = {
    ...bash('ls'),
    hook_event_name: event,
    ...(mode === undefined ? {} : { permission_mode: mode }),
  };
  return {
    settings: {
      ...{ onlyScreenLock: false, idleAfterMs: IDLE_AFTER, lockCommand: undefined, onFailure: 'ask', ...settings },
    },
    ...{ env: {}, input, hasDialog, offers: { ...NO_PROMPT, ...offers } },
    lock: async () => ({ state: scene.lock ?? 'unlocked', reason: 'so it is' }),
    idle: async () => ({ idleMs: 'idleMs' in scene ? scene.idleMs : 1_000, reason: 'nobody tells' }),
  };
}

/** `terminal`: nothing is printed. `held`: the daemon waits. `asked`: in Slack at once. */
async function rung(scene: Scene): Promise<'terminal' | 'held' | 'asked'> {
  const person = await lookForPerson(optionsOf(scene));
  if (person.isLeft) return 'terminal';
  return person.note().isHere === true ? 'held' : 'asked';
}

describe('while somebody is at the keyboard', () => {
  test('a question with its prompt open waits, others are left to the terminal', async () => {
    expect(await rung(DIALOG)).toBe('held');
    expect(await rung({})).toBe('terminal');
    // Codex opens its dialog only after its hooks, and an agent that has stopped waits at its own prompt.
    expect(await rung({ event: 'PermissionRequest', hasDialog: true })).toBe('terminal');
    expect(await rung({ event: 'Stop', hasDialog: true, offers: { form: 'stop' } })).toBe('terminal');
  });

  test('a question is asked where nothing printed would let the tool run, whatever the event is called', async () => {
    for (const event of ['PreToolUse', 'BeforeTool', 'beforeShellExecution']) {
      expect(await rung({ event, mode: 'bypassPermissions' })).toBe('asked');
      expect(await rung({ event, settings: { onFailure: 'deny' } })).toBe('asked');
      expect(await rung({ event })).toBe('terminal');
    }
  });
});

describe('nobody is at the keyboard', () => {
  test('when it was not touched for long enough, the screen is locked, or the idle time is not known', async () => {
    expect(await rung({ ...DIALOG, idleMs: IDLE_AFTER - 1 })).toBe('held');
    for (const scene of [{ idleMs: IDLE_AFTER }, { lock: 'locked' }, { idleMs: undefined }] as const) {
      expect(await rung({ ...DIALOG, ...scene })).toBe('asked');
      expect(await rung(scene)).toBe('asked');
    }
    const unknown = await lookForPerson(optionsOf({ idleMs: undefined }));
    expect(unknown.remark).toBe('idle time unknown (nobody tells); asking in Slack');
  });
});

describe('--only-screen-lock', () => {
  const settings = { onlyScreenLock: true, idleAfterMs: undefined };

  test('asks while the screen is locked only', async () => {
    expect(await rung({ settings, lock: 'locked' })).toBe('asked');
    expect(await rung({ settings })).toBe('terminal');
    expect(await rung({ settings, mode: 'bypassPermissions' })).toBe('terminal');
    expect(await rung({ ...DIALOG, settings, lock: 'unknown' })).toBe('terminal');
  });

  test('asks in an unknown state where the terminal would not, whatever the event is called', async () => {
    const unknown = { lock: 'unknown' } as const;
    for (const event of ['PreToolUse', 'BeforeTool', 'beforeShellExecution']) {
      expect(await rung({ ...unknown, event, settings: { ...settings, onFailure: 'deny' } })).toBe('asked');
      expect(await rung({ ...unknown, event, settings, mode: 'bypassPermissions' })).toBe('asked');
      expect(await rung({ ...unknown, event, settings })).toBe('terminal');
    }
    const { remark } = await lookForPerson(optionsOf({ ...unknown, settings }));
    expect(remark).toBe('screen lock unknown (so it is); not asking in Slack');
  });
});

describe('the watch', () => {
  const watched = async (
    idleTimes: readonly (number | undefined)[],
  ): Promise<{ person: Person; looks: () => number }> => {
    let looks = 0;
    const idle = async () => {
      looks += 1;
      return { idleMs: idleTimes[Math.min(looks, idleTimes.length) - 1], reason: '' };
    };
    const person = await lookForPerson({ ...optionsOf(DIALOG), idle, lookAgainMs: [1, 2] });
    return { person, looks: () => looks };
  };

  test('tells the daemon once when the person has left, and a later daemon from the start', async () => {
    const { person, looks } = await watched([0, 100, IDLE_AFTER]);
    const sent = Promise.withResolvers<string>();
    const stop = person.watch('id-1', sent.resolve);
    expect(JSON.parse(await sent.promise)).toEqual({ claude_slack_hook: { type: 'away', id: 'id-1' } });
    expect(looks()).toBe(3);
    expect(person.note()).toEqual({});
    stop();
  });

  test('says nothing any more once it was stopped, not even what it was just looking for', async () => {
    const looking = Promise.withResolvers<void>();
    const seen = Promise.withResolvers<{ idleMs: number; reason: string }>();
    let isFirst = true;
    const idle = () => {
      if (!isFirst) looking.resolve();
      const found = isFirst ? Promise.resolve({ idleMs: 0, reason: '' }) : seen.promise;
      isFirst = false;
      return found;
    };
    const person = await lookForPerson({ ...optionsOf(DIALOG), idle, lookAgainMs: [1, 2] });
    const sent: string[] = [];
    const stop = person.watch('id-1', (line) => sent.push(line));
    await looking.promise;
    stop();
    seen.resolve({ idleMs: IDLE_AFTER, reason: '' });
    await new Promise((resolve) => setImmediate(resolve));
    expect(sent).toEqual([]);
  });
});
