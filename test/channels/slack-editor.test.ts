import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import type { CallBounds, SlackCalls } from '../../src/channels/slack-calls.ts';
import { createEditor, type Editor, type Looks, type Place } from '../../src/channels/slack-editor.ts';
import { AppError } from '../../src/errors.ts';
import type { Outcome } from '../../src/types.ts';
import { actionIds, bash } from './requests.ts';
import { inWorld, press } from './slack-world.ts';

const PLACE: Place = { channel: 'D1', ts: '1.1' };

interface Call {
  readonly place: string;
  readonly text: string;
  readonly bounds: CallBounds;
  succeed(): void;
  fail(): void;
}

/** Calls that end when the test says so. */
function createCalls() {
  const made: Call[] = [];
  let onCall = (_call: Call): void => {};
  const calls: SlackCalls = {
    upload: () => Promise.reject(new AppError('internal', 'Expected no upload')),
    call: (_lane, _method, args, _doing, bounds) =>
      new Promise((resolve, reject) => {
        const call = {
          ...{ place: String(args.ts), text: String(args.text), bounds },
          succeed: () => resolve({}),
          fail: () => reject(new AppError('slack-unreachable', 'No answer')),
        };
        made.push(call);
        onCall(call);
      }),
  };
  return {
    calls,
    made,
    onCall: (next: (call: Call) => void) => {
      onCall = next;
    },
  };
}

function looks(state: number | string): () => Looks {
  return () => ({ text: String(state), blocks: [] });
}

function createQuietEditor(calls: SlackCalls): Editor {
  return createEditor({ calls, now: Date.now, stopping: new AbortController().signal });
}

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await null;
}

describe('edits of one message', () => {
  const answer = fc.record({
    isOk: fc.boolean(),
    /** The message changes again so many turns after the answer; undefined: not because of it. */
    again: fc.option(fc.nat(12), { nil: undefined }),
  });

  test('never overlap, never go back, and end with the last state, whatever Slack answers and when', () =>
    fc.assert(
      fc.asyncProperty(
        fc.scheduler(),
        fc.array(answer, { maxLength: 12 }),
        fc.array(fc.nat(2), { minLength: 1, maxLength: 10 }),
        async (scheduler, answers, asks) => {
          const { calls, made, onCall } = createCalls();
          const editor = createQuietEditor(calls);
          const places = [0, 1, 2].map((index): Place => ({ channel: 'D1', ts: `place ${index}` }));
          const asked = new Map<string, number>();
          const shown = new Map<string, number>();
          const running = new Set<string>();
          const lastAnswer = new Map<string, boolean>();
          const results = new Map<string, Promise<boolean>>();
          const wrong: string[] = [];
          let state = 0;
          const change = (place: Place): void => {
            state += 1;
            asked.set(place.ts, state);
            const done = editor.refresh(place, looks(state));
            results.set(
              place.ts,
              done.then(
                () => true,
                () => false,
              ),
            );
          };
          onCall((call) => {
            if (running.has(call.place)) wrong.push(`${call.text} overlaps`);
            if (Number(call.text) <= (shown.get(call.place) ?? 0)) wrong.push(`${call.text} goes back`);
            running.add(call.place);
            const { isOk, again } = answers.shift() ?? { isOk: true, again: undefined };
            void scheduler.schedule(Promise.resolve(), `answer to ${call.place} ${call.text}`).then(async () => {
              running.delete(call.place);
              shown.set(call.place, Number(call.text));
              lastAnswer.set(call.place, isOk);
              if (isOk) call.succeed();
              else call.fail();
              const place = places.find(({ ts }) => ts === call.place);
              if (again === undefined || place === undefined) return;
              await turns(again);
              change(place);
            });
          });
          scheduler.scheduleSequence(
            asks.map((index) => async () => {
              const place = places[index];
              if (place !== undefined) change(place);
            }),
          );
          do {
            if (scheduler.count() > 0) await scheduler.waitOne();
            await turns(40);
          } while (scheduler.count() > 0);
          expect(wrong).toEqual([]);
          for (const [place, last] of asked) {
            expect(made.findLast((call) => call.place === place)?.text).toBe(String(last));
            expect(await results.get(place)).toBe(lastAnswer.get(place) ?? false);
          }
        },
      ),
      { numRuns: 400 },
    ));

  test('that come at the same moment are one', async () => {
    const { calls, made, onCall } = createCalls();
    onCall((call) => call.succeed());
    const editor = createQuietEditor(calls);
    await Promise.all([1, 2, 3].map((state) => editor.refresh(PLACE, looks(state))));
    expect(made.map(({ text }) => text)).toEqual(['3']);
  });

  test('show how things stand when the edit begins, not when it was asked for', async () => {
    const { calls, made, onCall } = createCalls();
    let state = 1;
    const editor = createQuietEditor(calls);
    const first = editor.refresh(PLACE, () => looks(state)());
    const begun = Promise.withResolvers<Call>();
    onCall(begun.resolve);
    const call = await begun.promise;
    const second = editor.refresh(PLACE, () => looks(state)());
    state = 2;
    onCall((later) => later.succeed());
    call.fail();
    await Promise.all([first, second]);
    expect(made.map(({ text }) => text)).toEqual(['1', '2']);
  });

  test('stop being tried again once they are overtaken', async () => {
    const { calls, made, onCall } = createCalls();
    const begun = Promise.withResolvers<Call>();
    onCall(begun.resolve);
    const editor = createQuietEditor(calls);
    const first = editor.refresh(PLACE, looks('old'));
    const { bounds, fail } = await begun.promise;
    expect(bounds.signal?.aborted).toBe(false);
    const second = editor.refresh(PLACE, looks('new'));
    expect(bounds.signal?.aborted).toBe(true);
    onCall((call) => call.succeed());
    fail();
    await Promise.all([first, second]);
    expect(made.map(({ text }) => text)).toEqual(['old', 'new']);
  });

  test('say it when Slack does not take the last one, and the next one is tried all the same', async () => {
    const { calls, made, onCall } = createCalls();
    onCall((call) => (call.text === 'bad' ? call.fail() : call.succeed()));
    const editor = createQuietEditor(calls);
    expect(await editor.refresh(PLACE, looks('bad')).catch(() => 'failed')).toBe('failed');
    await editor.refresh(PLACE, looks('good'));
    expect(made.map(({ text }) => text)).toEqual(['bad', 'good']);
  });

  test('end with the channel: nothing more is tried again', async () => {
    const { calls, onCall } = createCalls();
    const stopping = new AbortController();
    const editor = createEditor({ calls, now: Date.now, stopping: stopping.signal });
    const begun = Promise.withResolvers<Call>();
    onCall(begun.resolve);
    const done = editor.refresh(PLACE, looks(1)).catch(() => 'failed');
    const { bounds, fail } = await begun.promise;
    stopping.abort();
    expect(bounds.signal?.aborted).toBe(true);
    fail();
    expect(await done).toBe('failed');
  });
});

describe('edits that nobody waits for', () => {
  const createTimed = () => {
    const { calls, made, onCall } = createCalls();
    const times: number[] = [];
    onCall((call) => {
      times.push(Date.now());
      call.succeed();
    });
    return { editor: createQuietEditor(calls), made, times, onCall };
  };

  test('keep their distance, also from one that is on its way, and show the last state', async () => {
    const { editor, made, times, onCall } = createTimed();
    await editor.refresh(PLACE, looks(1), 150);
    const begun = Promise.withResolvers<Call>();
    onCall((call) => {
      times.push(Date.now());
      begun.resolve(call);
    });
    const second = editor.refresh(PLACE, looks(2), 150);
    const call = await begun.promise;
    onCall((next) => {
      times.push(Date.now());
      next.succeed();
    });
    const later = [3, 4, 5].map((state) => editor.refresh(PLACE, looks(state), 150));
    call.succeed();
    await Promise.all([second, ...later]);
    expect(made.map(({ text }) => text)).toEqual(['1', '2', '5']);
    expect(times).toHaveLength(3);
  });

  test('make way for one that is urgent, with all that they were to say', async () => {
    const { editor, made, times } = createTimed();
    await editor.refresh(PLACE, looks(1));
    const slow = editor.refresh(PLACE, looks(2), 60_000);
    await turns(10);
    await editor.refresh(PLACE, looks(3));
    await slow;
    expect(made.map(({ text }) => text)).toEqual(['1', '3']);
    const [first = 0, last = 0] = times;
    expect(last - first).toBeLessThan(1_000);
  });

  test('do not put off an urgent one that is waiting already', async () => {
    const { editor, made } = createTimed();
    await editor.refresh(PLACE, looks(1));
    const urgent = editor.refresh(PLACE, looks(2));
    const slow = editor.refresh(PLACE, looks(3), 60_000);
    await Promise.all([urgent, slow]);
    expect(made.map(({ text }) => text)).toEqual(['1', '3']);
  });
});

describe('through Slack', () => {
  const allowed: Outcome = { kind: 'allowed', by: 'U0ADA00001', via: 'Slack', at: Date.now() };

  test('an edit that Slack makes wait for long does not hold up the one that replaces it', () =>
    inWorld(async (world) => {
      const request = world.request(bash('make deploy'), { needed: 2 });
      const receipt = await world.ask(request);
      world.slack.fault('chat.update', { kind: 'rate-limit', seconds: 60 });
      const counted = world.channel.tell({ type: 'counted', request, by: [world.slack.user.id] });
      await world.slack.waitForCall(({ method, response }) => method === 'chat.update' && response.ok === false);
      const started = Date.now();
      await world.channel.close(request, allowed);
      await counted;
      expect(Date.now() - started).toBeLessThan(1_500);
      expect(world.message(receipt).text).toStartWith('Approved');
      expect(world.slack.calls('chat.update')).toHaveLength(2);
    }));

  test('an edit without an answer is not overtaken by the next one: they come one after the other', () =>
    inWorld(
      async (world) => {
        const request = world.request(bash('make deploy'), { needed: 2 });
        const receipt = await world.ask(request);
        world.slack.fault('chat.update', { kind: 'hang', effect: true });
        const counted = world.channel.tell({ type: 'counted', request, by: [world.slack.user.id] });
        await world.slack.waitForCall(({ method }) => method === 'chat.update');
        await Promise.all([counted, world.channel.close(request, allowed)]);
        expect(actionIds(world.message(receipt).blocks)).toEqual([]);
        expect(world.slack.calls('chat.update')).toHaveLength(2);
      },
      { timing: { callMs: 300 } },
    ));

  test.each(['invalid_blocks', 'msg_too_long'])('an end that Slack refuses with %s is told in a short form', (error) =>
    inWorld(async (world) => {
      const request = world.request();
      const receipt = await world.ask(request);
      world.slack.fault('chat.update', { kind: 'error', error });
      await world.channel.close(request, allowed);
      expect(world.message(receipt).text).toStartWith('Approved');
      expect(actionIds(world.message(receipt).blocks)).toEqual([]);
    }),
  );

  test('a press is answered while every edit hangs', () =>
    inWorld(async (world) => {
      world.slack.fault('chat.update', { kind: 'hang' }, Number.POSITIVE_INFINITY);
      const request = world.request(bash('make deploy'), { needed: 2 });
      const receipt = await world.ask(request);
      void world.channel.tell({ type: 'counted', request, by: [world.slack.user.id] }).catch(() => {});
      await world.slack.click(press(receipt));
      expect(world.answers).toHaveLength(1);
    }));
});

describe('an edit that would change nothing', () => {
  const counted = () => {
    const { calls, made, onCall } = createCalls();
    onCall((call) => call.succeed());
    return { editor: createQuietEditor(calls), made };
  };

  test('is not made, neither after an edit nor after the post', async () => {
    const { editor, made } = counted();
    await editor.refresh(PLACE, looks(1));
    await editor.refresh(PLACE, looks(1));
    expect(made).toHaveLength(1);
    const posted = { channel: 'D1', ts: '2.2' };
    editor.posted(posted, looks(1)());
    await editor.refresh(posted, looks(1));
    expect(made).toHaveLength(1);
    await editor.refresh(posted, looks(2));
    expect(made).toHaveLength(2);
  });

  test('is made where there is doubt about what stands there', async () => {
    const { editor, made } = counted();
    await editor.refresh(PLACE, looks(1));
    editor.doubt(PLACE);
    await editor.refresh(PLACE, looks(1));
    expect(made).toHaveLength(2);
  });

  test('is made again where there was doubt while it was on its way', async () => {
    const { calls, made, onCall } = createCalls();
    const begun = Promise.withResolvers<Call>();
    onCall(begun.resolve);
    const editor = createQuietEditor(calls);
    const first = editor.refresh(PLACE, looks(1));
    const call = await begun.promise;
    editor.doubt(PLACE);
    const second = editor.refresh(PLACE, looks(1));
    onCall((later) => later.succeed());
    call.succeed();
    await Promise.all([first, second]);
    expect(made).toHaveLength(2);
  });
});
