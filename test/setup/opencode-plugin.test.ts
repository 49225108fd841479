import { describe, expect, test } from 'bun:test';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AGENTS } from '../../src/agents/agent.ts';
import { opencodePlugin } from '../../src/setup/opencode-plugin.ts';

/** As opencode's event bus tells of a permission, by version. */
const ASKED = {
  newer: {
    type: 'permission.asked',
    properties: {
      id: 'per_1',
      sessionID: 'ses_1',
      permission: 'bash',
      patterns: ['npm publish'],
      metadata: { command: 'npm publish' },
      always: [],
    },
  },
  older: {
    type: 'permission.updated',
    properties: {
      id: 'per_1',
      sessionID: 'ses_1',
      type: 'bash',
      pattern: 'npm publish',
      title: 'npm publish',
      metadata: { command: 'npm publish' },
    },
  },
};

interface World {
  /** Hands an event to the plugin. */
  event(event: unknown): Promise<void>;
  /** Replies that opencode got, oldest first. */
  readonly replies: unknown[];
  /** Resolves with the next one. */
  replied(): Promise<void>;
  /** What the program was given, and with which arguments. */
  calls(): readonly { readonly args: string; readonly input: Record<string, unknown> }[];
}

/** The plugin as opencode loads it, with a program that answers as told. */
async function withPlugin(answer: string, hasNewRoute: boolean, body: (world: World) => Promise<void>): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'csh-plugin-'));
  try {
    const program = join(dir, 'program');
    // One file a call, and only when it is whole: calls overlap.
    const script = `#!/bin/sh\n{ echo "$*"; cat; echo; } > ${dir}/$$.part && mv ${dir}/$$.part ${dir}/$$.call\nprintf '%s' '${answer}'\n`;
    writeFileSync(program, script);
    chmodSync(program, 0o755);
    const file = join(dir, 'plugin.mjs');
    writeFileSync(file, opencodePlugin([program, '--agent', 'opencode']));
    const replies: unknown[] = [];
    let next = Promise.withResolvers<void>();
    const keep = (reply: unknown): object => {
      replies.push(reply);
      next.resolve();
      next = Promise.withResolvers();
      return {};
    };
    const client = {
      _client: { post: async (reply: unknown) => (hasNewRoute ? keep(reply) : { error: { name: 'NotFound' } }) },
      postSessionIdPermissionsPermissionId: async (reply: unknown) => keep(reply),
    };
    const { ClaudeSlackHook } = await import(file);
    const hooks = await ClaudeSlackHook({ client, directory: '/home/dev/shop' });
    const calls: World['calls'] = () =>
      readdirSync(dir)
        .filter((name) => name.endsWith('.call'))
        .map((name) => {
          const [args = '', input = ''] = readFileSync(join(dir, name), 'utf8').split('\n');
          return { args, input: JSON.parse(input) };
        });
    await body({ event: (event) => hooks.event({ event }), replies, replied: () => next.promise, calls });
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

describe('the plugin for opencode', () => {
  test.each(Object.entries(ASKED))(
    'asks about a permission of a %s version, in words that our dialect reads',
    (_version, asked) =>
      withPlugin('{"reply":"once"}', true, async ({ event, replied, replies, calls }) => {
        await event(asked);
        await replied();
        const [call] = calls();
        expect(call?.args).toBe('--agent opencode');
        expect(AGENTS.opencode.read(call?.input)).toMatchObject({
          ...{ hook_event_name: 'permission.asked', session_id: 'ses_1', cwd: '/home/dev/shop' },
          ...{ tool_name: 'Bash', tool_input: { command: 'npm publish' } },
        });
        expect(replies).toMatchObject([{ path: { requestID: 'per_1' }, body: { reply: 'once' } }]);
      }),
  );

  test('brings the words of a denial to the model, where opencode takes them, and the denial in any case', async () => {
    const answer = '{"reply":"reject","message":"Not on a Friday."}';
    await withPlugin(answer, true, async ({ event, replied, replies }) => {
      await event(ASKED.newer);
      await replied();
      expect(replies).toMatchObject([{ body: { reply: 'reject', message: 'Not on a Friday.' } }]);
    });
    await withPlugin(answer, false, async ({ event, replied, replies }) => {
      await event(ASKED.older);
      await replied();
      expect(replies).toEqual([{ path: { id: 'ses_1', permissionID: 'per_1' }, body: { response: 'reject' } }]);
    });
  });

  test('says nothing to opencode when nobody decided, and tells when its own prompt was answered', () =>
    withPlugin('', true, async ({ event, replies, calls }) => {
      await event(ASKED.newer);
      await event({
        type: 'permission.replied',
        properties: { sessionID: 'ses_1', requestID: 'per_1', reply: 'once' },
      });
      const told = calls().find(({ args }) => args.includes('--observe'));
      expect(AGENTS.opencode.read(told?.input)).toMatchObject({
        hook_event_name: 'permission.replied',
        tool_name: 'Bash',
      });
      expect(replies).toEqual([]);
    }));

  test('is not concerned with other events', () =>
    withPlugin('{"reply":"once"}', true, async ({ event, replies, calls }) => {
      await event({ type: 'message.updated', properties: { sessionID: 'ses_1' } });
      await event({ type: 'session.idle', properties: { sessionID: 'ses_1' } });
      expect(calls().map(({ args, input }) => [args, input.hook_event_name])).toEqual([
        ['--agent opencode --observe', 'session.idle'],
      ]);
      expect(replies).toEqual([]);
    }));
});
