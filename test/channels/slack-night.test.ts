import { expect, test } from 'bun:test';
import type { NightItem } from '../../src/types.ts';
import { textOf } from '../e2e/bench.ts';
import { inWorld } from './slack-world.ts';

test('one message says what happened in quiet hours, with secrets masked and nothing that passes for markup', () =>
  inWorld(async (world) => {
    const item = (call: string, change: Partial<NightItem> = {}): NightItem => ({
      ...{ at: 1_800_000_000_000, tool: 'Bash', call, kind: 'expired', ...change },
    });
    const items = [
      item('make release'),
      item('export K=AKIAIOSFODNN7EXAMPLF <@U1> `x`'),
      item('npm test', { kind: 'allowed', rule: 'tests' }),
    ];
    await world.channel.tell({ type: 'night', approver: world.slack.user.id, items });
    const [message] = world.slack.messages();
    if (message === undefined) throw new Error('no message');
    expect(message.text).toBe('In quiet hours: 3 requests');
    const said = textOf(message);
    expect(said).toContain('Bash: make release');
    expect(said).toContain('nobody was asked');
    expect(said).toContain('approved without asking');
    expect(said).not.toContain('AKIAIOSFODNN7EXAMPLF');
    expect(message.blocks.map(({ type }) => type)).toEqual(['header', 'rich_text']);
  }));

test('of many only the last are listed', () =>
  inWorld(async (world) => {
    const items = Array.from(
      { length: 500 },
      (_, index): NightItem => ({
        ...{ at: 1_800_000_000_000, tool: 'Bash', call: `${'long '.repeat(100)}${index}`, kind: 'expired' },
      }),
    );
    await world.channel.tell({ type: 'night', approver: world.slack.user.id, items });
    expect(textOf(world.slack.messages()[0] ?? { blocks: [] })).toContain('… 480 earlier calls');
  }));
