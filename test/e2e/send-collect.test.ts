/** What hooks send, as the real collector has it. */
import { expect, test } from 'bun:test';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { BINARY } from './bench.ts';
import { DEMO_KEY, until, withMachine } from './collectors.ts';

const INPUT = JSON.parse(
  readFileSync(join(import.meta.dir, '../fixtures/claude-code/PreToolUse.Bash.json'), 'utf8'),
) as Record<string, unknown>;

test('events of two projects that were sent while the collector hung are there once each when it goes on', () =>
  withMachine(async ({ collect, home, lines }) => {
    const { url, pid } = await collect();
    const env = {
      ...{ PATH: '/usr/bin:/bin', HOME: home, TMPDIR: home },
      ...{ HOOK_BACKEND_URL: `${url}/events`, HOOK_API_KEY: DEMO_KEY, HOOK_TIMEOUT_MS: '400' },
    };
    const send = async (number: number, cwd: string): Promise<void> => {
      const child = Bun.spawn([BINARY, 'send'], {
        ...{ env, stdout: 'pipe', stderr: 'ignore' },
        stdin: new Blob([JSON.stringify({ ...INPUT, cwd, tool_use_id: `call-${number}` })]),
      });
      expect([await child.stdout.text(), await child.exited]).toEqual(['{"continue":true}\n', 0]);
    };
    process.kill(pid, 'SIGSTOP');
    try {
      for (let number = 0; number < 10; number += 1) await send(number, number % 2 === 0 ? '/x/one' : '/x/zwölf');
    } finally {
      process.kill(pid, 'SIGCONT');
    }
    const calls = (): readonly unknown[] => lines().map(({ data }) => (data as Record<string, unknown>).tool_use_id);
    let number = 10;
    await until(async () => {
      if (calls().length < 11) await send(number++, '/x/one');
      return calls().length >= number;
    }, 'all events');
    expect([...calls()].sort()).toEqual(Array.from({ length: number }, (_, index) => `call-${index}`).sort());
    const listed = await fetch(`${url}/events?project=${encodeURIComponent('zwölf')}`, {
      headers: { 'x-api-key': DEMO_KEY },
    });
    const { events } = (await listed.json()) as { events: { data: { tool_use_id: string } }[] };
    expect(events.map(({ data }) => data.tool_use_id).sort()).toEqual([1, 3, 5, 7, 9].map((odd) => `call-${odd}`));
    expect(await (await fetch(`${url}/metrics`)).text()).toContain(`hooks_events_stored_total ${number}\n`);
  }));
