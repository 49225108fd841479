import { describe, expect, test } from 'bun:test';
import type { SlackChannelOptions } from '../../src/channels/slack.ts';
import { decodeVisible } from '../../src/channels/visible.ts';
import type { EmulatedMessage, EmulatorOptions, Fault } from '../../src/emulator/emulator-types.ts';
import type { ApprovalRequest, Outcome, Receipt } from '../../src/types.ts';
import { actionIds, allTexts, bash, PERMISSION, toolCall } from './requests.ts';
import { inWorld, press, type World } from './slack-world.ts';

const LONG = `echo start\n${'0123456789 \u202e"tab\t"\n'.repeat(900)}rm -rf /`;
const STEPS = ['files.getUploadURLExternal', 'upload', 'files.completeUploadExternal'];
const TROUBLE: readonly (readonly [string, Fault])[] = [
  ['is refused', { kind: 'error', error: 'restricted_action' }],
  ['fails', { kind: 'status', status: 500 }],
  ['is cut off', { kind: 'drop' }],
  ['must wait', { kind: 'rate-limit', seconds: 30 }],
];

function inFiles(
  run: (world: World) => Promise<void>,
  options: Partial<SlackChannelOptions> = {},
  emulator: EmulatorOptions = {},
): Promise<void> {
  return inWorld(run, { threads: true, timing: { callMs: 400 }, ...options }, emulator);
}

/** Every receipt in the order in which the core heard of it. */
async function ask(world: World, request: ApprovalRequest, signal = new AbortController().signal): Promise<Receipt[]> {
  const receipts: Receipt[] = [];
  await world.channel.ask(request, signal, (receipt) => receipts.push(receipt));
  return receipts;
}

function files(world: World): readonly (EmulatedMessage['files'][number] & { readonly message: EmulatedMessage })[] {
  return world.slack.messages().flatMap((message) => message.files.map((file) => ({ ...file, message })));
}

function card(world: World, receipts: readonly Receipt[]): EmulatedMessage {
  const [first] = receipts;
  if (first === undefined) throw new Error('Expected a receipt');
  return world.message(first);
}

function withdrawn(): Outcome {
  return { kind: 'withdrawn', reason: 'Gone.', at: Date.now() };
}

describe('input that does not fit into a message', () => {
  test('is a file in the thread; then the card can be approved, and the core is told so before that can be seen', () =>
    inFiles(async (world) => {
      const seen: string[] = [];
      const request = world.request(bash(LONG));
      await world.channel.ask(request, new AbortController().signal, (receipt) => {
        seen.push(`${receipt.complete} ${actionIds(world.message(receipt).blocks).includes('csh_approve')}`);
      });
      expect(seen).toEqual(['false false', 'true false']);
      const [file, ...more] = files(world);
      expect(more).toEqual([]);
      const posted = world.slack.messages().find(({ text }) => text.startsWith('Bash'));
      expect(file?.message.threadTs).toBe(String(posted?.threadTs));
      expect(actionIds(posted?.blocks ?? [])).toEqual(
        expect.arrayContaining(['csh_approve', 'csh_deny', 'csh_show_all']),
      );
      expect(allTexts(posted?.blocks).join(' ')).toContain('the whole input is in the file below this message');
      if (posted === undefined) throw new Error('Expected a card');
      await world.slack.click({ channel: posted.channel, ts: posted.ts, actionId: 'csh_approve' });
      expect(world.answers).toMatchObject([{ requestId: request.id, decision: 'allow', message: posted.ts }]);
    }));

  test('stands in the file whole, with its digest, and nothing in it hides', () =>
    inFiles(async (world) => {
      const request = world.request(bash(LONG));
      await ask(world, request);
      const [file] = files(world);
      expect(file?.name).toBe('request-0123456789ab.txt');
      expect(file?.title).toBe('The whole input of Bash');
      expect(file?.content).toContain(`Digest: ${request.digest}`);
      expect(file?.content).not.toContain('\u202e');
      const shown = file?.content
        .split(`== Command, ${LONG.length.toLocaleString('en')} characters ==\n`)[1]
        ?.split('\n\n== ')[0];
      expect(decodeVisible(shown ?? '')).toBe(LONG);
    }));

  test('holds no secret, neither in the file nor in any other call', () =>
    inFiles(async (world) => {
      const secrets = [`ghp_${'a1B2'.repeat(9)}`, 'correct-horse-battery'];
      const command = `${LONG}\nexport A=${secrets.join(' B=')}\n${LONG}`;
      await ask(world, world.request(bash(command), { secrets: ['correct-horse-battery'] }));
      const [file] = files(world);
      expect(file?.content).toContain('⟦masked');
      for (const secret of secrets) {
        expect(file?.content).not.toContain(secret);
        expect(JSON.stringify(world.slack.calls())).not.toContain(secret);
      }
    }));

  test('is attached below a card that stands alone, too', () =>
    inFiles(
      async (world) => {
        const receipts = await ask(world, world.request(bash(LONG)));
        expect(files(world)[0]?.message.threadTs).toBe(card(world, receipts).ts);
        expect(actionIds(card(world, receipts).blocks)).toContain('csh_approve');
      },
      { threads: false },
    ));

  test('is attached for each approver', () =>
    inFiles(async (world) => {
      const approvers: [string, string] = [world.slack.user.id, world.slack.otherUser.id];
      const receipts = await ask(world, world.request(bash(LONG), { approvers }));
      expect(new Set(files(world).map(({ message }) => message.channel)).size).toBe(2);
      expect(receipts.filter(({ complete }) => complete)).toHaveLength(2);
    }));

  test('is attached for a plan as well', () =>
    inFiles(async (world) => {
      const input = toolCall('ExitPlanMode', { plan: LONG });
      const receipts = await ask(world, world.request(input, { offers: { ...PERMISSION, form: 'plan' } }));
      expect(files(world)).toHaveLength(1);
      expect(actionIds(card(world, receipts).blocks)).toContain('csh_approve');
    }));
});

describe('trouble with the file', () => {
  const cases = STEPS.flatMap((step) => TROUBLE.map(([name, fault]) => [step, name, fault] as const));

  test.each(cases)('when %s %s there is no Approve, and “Show all” stays', (step, _name, fault) =>
    inFiles(async (world) => {
      world.slack.fault(step, fault);
      const receipts = await ask(world, world.request(bash(LONG)));
      expect(receipts.map(({ complete }) => complete)).toEqual([false]);
      expect(actionIds(card(world, receipts).blocks)).toEqual(['csh_deny', 'csh_deny_reason', 'csh_show_all']);
      expect(world.slack.calls(step)).toHaveLength(1);
      expect(world.health()).toMatchObject({ state: 'connected', isFatal: false });
    }),
  );

  test('a missing scope for files takes nothing but Approve away, and casts no doubt on the token', () =>
    inFiles(
      async (world) => {
        const receipts = await ask(world, world.request(bash(LONG)));
        expect(actionIds(card(world, receipts).blocks)).toEqual(['csh_deny', 'csh_deny_reason', 'csh_show_all']);
        expect(world.health()).toMatchObject({ state: 'connected', isFatal: false });
        await world.slack.click(press(receipts[0] ?? { conversation: '', message: '', complete: false }, 'csh_deny'));
        expect(world.answers).toMatchObject([{ decision: 'deny' }]);
      },
      {},
      { scopes: ['chat:write', 'im:write'] },
    ));

  test.each(STEPS)('the card is shown, and can be denied, while %s hangs', (step) =>
    inFiles(
      async (world) => {
        world.slack.fault(step, { kind: 'hang' });
        const request = world.request(bash(LONG));
        const shown = Promise.withResolvers<Receipt>();
        const started = Date.now();
        const abort = new AbortController();
        const asked = Promise.allSettled([world.channel.ask(request, abort.signal, shown.resolve)]);
        const receipt = await shown.promise;
        expect(Date.now() - started).toBeLessThan(5_000);
        expect(receipt.complete).toBe(false);
        await world.slack.click(press(receipt, 'csh_deny'));
        expect(world.answers).toMatchObject([{ decision: 'deny' }]);
        abort.abort();
        await asked;
        const ended = Date.now();
        await world.channel.close(request, withdrawn());
        expect(Date.now() - ended).toBeLessThan(5_000);
        expect(actionIds(world.message(receipt).blocks)).toEqual([]);
      },
      { timing: {} },
    ),
  );

  test('a file that comes after the end gives the card no buttons back', () =>
    inFiles(async (world) => {
      world.slack.fault('files.completeUploadExternal', { kind: 'delay', ms: 200, effect: 'after' });
      const request = world.request(bash(LONG));
      const receipts: Receipt[] = [];
      const abort = new AbortController();
      const asked = Promise.allSettled([world.channel.ask(request, abort.signal, (receipt) => receipts.push(receipt))]);
      await world.slack.waitForCall(({ method }) => method === 'files.completeUploadExternal');
      abort.abort();
      await asked;
      await world.channel.close(request, withdrawn());
      await world.slack.waitForMessage((message) => message.files.length > 0);
      // Goes the same way and comes back later, so the answer about the file has been read.
      await ask(world, world.request(bash('make next')));
      expect(actionIds(card(world, receipts).blocks)).toEqual([]);
      expect(receipts.map(({ complete }) => complete)).toEqual([false]);
    }));

  test('what is larger than people could read there is not attached', () =>
    inFiles(async (world) => {
      const receipts = await ask(world, world.request(bash(`echo ${'x'.repeat(1_000_001)}`)));
      expect(actionIds(card(world, receipts).blocks)).toEqual(['csh_deny', 'csh_deny_reason', 'csh_show_all']);
      expect(world.slack.calls().filter(({ method }) => method.startsWith('files.'))).toEqual([]);
    }));

  test('what hides something that could run behind a mask is not attached, and cannot be shown page by page', () =>
    inFiles(async (world) => {
      const secret = '$(rm -rf /home/dev)';
      const receipts = await ask(world, world.request(bash(`${LONG}\n${secret}`), { secrets: [secret] }));
      expect(allTexts(card(world, receipts).blocks).join(' ')).toContain('could be run as a command');
      expect(actionIds(card(world, receipts).blocks)).toEqual(['csh_deny', 'csh_deny_reason']);
      expect(files(world)).toEqual([]);
    }));
});

describe('input that fits', () => {
  test('is not attached', () =>
    inFiles(async (world) => {
      await ask(world, world.request());
      expect(files(world)).toEqual([]);
      expect(world.slack.calls().filter(({ method }) => method.startsWith('files.'))).toEqual([]);
    }));
});
