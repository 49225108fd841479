import { describe, expect, test } from 'bun:test';
import { WORDS } from '../../src/channels/wording.ts';
import type { ApprovalRequest, Candidate, HookInput } from '../../src/types.ts';
import { KNOWN_SECRET, SECRETS } from './arbitraries.ts';
import { actionIds, allTexts, bash, PERMISSION, toolCall } from './requests.ts';
import { chose, inWorld, openForm, sentToSlack, typed, type World } from './slack-world.ts';

const TOKEN = String(SECRETS[1]);
const known = { secrets: [KNOWN_SECRET] };

/** Fails when eight characters in a row of a secret went to Slack, in any call or file. */
function expectNothingSent(world: World, ...more: readonly string[]): void {
  const sent = sentToSlack(world);
  for (const secret of [...SECRETS, ...more]) {
    const slices = Array.from({ length: secret.length - 7 }, (_, index) => secret.slice(index, index + 8));
    expect(slices.filter((slice) => sent.includes(slice))).toEqual([]);
  }
}

const command = `curl -H 'Authorization: Bearer ${TOKEN}' https://api.example/${KNOWN_SECRET} && AWS=${SECRETS[2]} deploy`;

describe('a secret in a request', () => {
  test('never leaves, from the card to its end', () =>
    inWorld(async (world) => {
      const request = world.request(bash(command, { description: `Uses ${TOKEN}` }), known);
      const receipt = await world.ask(request);
      expect(receipt.complete).toBe(true);
      expect(actionIds(world.message(receipt).blocks)).toContain('csh_approve');
      const note = allTexts(world.message(receipt).blocks).find((text) => text.includes('masked here'));
      expect(note).toStartWith('3 secret values masked here: ');
      const outcome = { kind: 'allowed', by: world.slack.user.id, via: 'Slack', at: Date.now() } as const;
      await world.channel.close(request, outcome);
      const run = { isOk: false, error: `curl: (22) ${command}` };
      await world.channel.tell({ type: 'ran', request, outcome, run });
      expect(allTexts(world.message(receipt).blocks).join('')).toContain('curl: (22)');
      expectNothingSent(world);
    }));

  test.each<[string, HookInput]>([
    ['a file that is written', toolCall('Write', { file_path: '/a/.env.example', content: `KEY=${TOKEN}\n` })],
    ['an edit', toolCall('Edit', { file_path: '/a', old_string: `a ${TOKEN}\n`, new_string: `a ${KNOWN_SECRET}\n` })],
    ['an MCP call', toolCall('mcp__vault__put', { value: TOKEN, list: [{ deep: KNOWN_SECRET }] })],
    [
      'a plan',
      toolCall('ExitPlanMode', { plan: `# Deploy\n\n1. Log in with \`${TOKEN}\`\n2. Use **${KNOWN_SECRET}**\n` }),
    ],
    ['the directory', toolCall('Read', { file_path: '/a' }, { cwd: `/home/dev/${KNOWN_SECRET}` })],
    ['the names around it', toolCall(`tool ${TOKEN}`, {}, { agent_type: TOKEN, permission_mode: KNOWN_SECRET })],
  ])('never leaves with %s', (_name, input) =>
    inWorld(async (world) => {
      const request = world.request(input, known);
      await world.ask(request);
      await world.channel.close(request, { kind: 'expired', reason: 'Nobody answered in time.', at: Date.now() });
      expect(sentToSlack(world)).toContain('⟦masked 1: ');
      expectNothingSent(world);
    }),
  );

  test('never leaves with questions and their answers', () =>
    inWorld(async (world) => {
      const option = (label: string) => ({ label, description: `Takes ${TOKEN}` });
      const questions = [
        {
          question: `Use ${KNOWN_SECRET}?`,
          header: TOKEN,
          multiSelect: true,
          options: [option('Yes'), option(KNOWN_SECRET)],
        },
      ];
      const input = toolCall('AskUserQuestion', { questions });
      const offers = { ...PERMISSION, form: 'questions', edit: false, always: false, grant: false } as const;
      const request = world.request(input, { ...known, offers });
      const receipt = await world.ask(request);
      const form = await openForm(world, receipt, 'csh_other_0');
      await world.slack.submitView({ viewId: form.id, values: { csh_other_0: typed(`Rather ${TOKEN}`) } });
      await world.slack.waitForMessage(({ blocks }) => allTexts(blocks).some((text) => text.includes('Other: Rather')));
      await world.slack.click({ channel: receipt.conversation, ts: receipt.message, actionId: 'csh_approve' });
      const answers = { [`Use ${KNOWN_SECRET}?`]: `Rather ${TOKEN}` };
      expect(world.answers).toMatchObject([{ updatedInput: { questions, answers } }]);
      const updatedInput = { questions, answers };
      const by = world.slack.user.id;
      await world.channel.close(request, { kind: 'allowed', by, via: 'Slack', at: Date.now(), updatedInput });
      expectNothingSent(world);
    }));

  test('never leaves with the forms, and what runs has the real one', () =>
    inWorld(async (world) => {
      const rules = [{ toolName: 'Bash', ruleContent: `login ${TOKEN}` }];
      const candidate: Candidate = {
        ...{ id: 'r', rule: { kind: 'permission', rules }, text: `Bash(login ${TOKEN})`, isPermanent: true },
        ...{ matched: 1, outOf: 2, denied: [`login ${KNOWN_SECRET}`] },
      };
      world.candidates = [candidate, { ...candidate, id: 's', text: 'Bash(ls)', rule: { kind: 'exact', digest: 'd' } }];
      const receipt = await world.ask(world.request(bash(`login ${TOKEN} ${KNOWN_SECRET}`), known));
      const grant = await openForm(world, receipt, 'csh_grant');
      await world.slack.submitView({ viewId: grant.id, values: { csh_grant_rule: chose('r') } });
      const edit = await openForm(world, receipt, 'csh_edit');
      const [entered] = [JSON.stringify(edit.view)].flatMap(
        (json) => /"initial_value":("[^"]+")/.exec(json)?.slice(1) ?? [],
      );
      const masked = String(JSON.parse(entered ?? '""'));
      expect(masked).toMatch(/^login ⟦masked \d: .+⟧ ⟦masked \d: .+⟧$/);
      await world.slack.submitView({ viewId: edit.id, values: { csh_edit_0: typed(`${masked} --dry-run`) } });
      expect(world.answers[0]?.grant).toMatchObject({ rule: { kind: 'permission', rules } });
      expect(world.answers[1]).toMatchObject({
        updatedInput: { command: `login ${TOKEN} ${KNOWN_SECRET} --dry-run` },
      });
      expectNothingSent(world);
    }));

  test('takes no marker that was changed by hand', () =>
    inWorld(async (world) => {
      const form = await openForm(world, await world.ask(world.request(bash(`login ${TOKEN}`))), 'csh_edit');
      await world.slack.submitView({
        viewId: form.id,
        values: { csh_edit_0: typed('login ⟦masked 1: token, 4 characters⟧') },
      });
      expect(world.answers).toEqual([]);
      expect(Object.keys(world.slack.views()[0]?.errors ?? {})).toEqual(['csh_edit_0']);
    }));

  test('never leaves with the pages and the file of what is too long', () =>
    inWorld(async (world) => {
      const lines = Array.from({ length: 1_500 }, (_, line) => `echo ${line} ${line % 100 === 0 ? TOKEN : 'x'}`);
      const receipt = await world.ask(world.request(bash([...lines, `echo ${KNOWN_SECRET}`].join('\n')), known));
      const files = world.slack.messages().flatMap((message) => message.files);
      expect(files).toHaveLength(1);
      expect(files[0]?.content).toContain('⟦masked 1: ');
      const form = await openForm(world, receipt, 'csh_show_all');
      await world.slack.clickView({ viewId: form.id, actionId: 'csh_page_next' });
      await world.slack.waitForCall(({ method }) => method === 'views.update');
      expectNothingSent(world);
    }));

  test.each([80, 90, 100, 118])('on the disk, cut after %d characters of its line, never leaves', (before) =>
    inWorld(
      async (world) => {
        const receipt = await world.ask(
          world.request(toolCall('Edit', { file_path: '/a', old_string: 'old', new_string: 'new' })),
        );
        expect(allTexts(world.message(receipt).blocks).join('')).toContain('┊words words');
        expectNothingSent(world);
      },
      {
        lookAround: async () => ({
          file: {
            kind: 'text',
            text: `${'words '.repeat(40).slice(0, before)} ${TOKEN}${'x'.repeat(400)}\nold\nend\n`,
          },
        }),
      },
    ),
  );

  test('is found by the rules of the user, too', () =>
    inWorld(
      async (world) => {
        const request = world.request(bash('open door CODE-48151623'));
        const receipt = await world.ask(request);
        expect(allTexts(world.message(receipt).blocks).join('')).toContain('door ⟦masked 1: door code, 13 characters⟧');
        expectNothingSent(world, 'CODE-48151623');
      },
      { maskRules: () => [{ name: 'door code', pattern: 'CODE-\\d{8}' }] },
    ));
});

describe('a masked value that could be run', () => {
  const opaque = (world: World): ApprovalRequest =>
    world.request(bash('deploy; /opt/tools/cleanup --all'), { secrets: ['/opt/tools/cleanup --all'] });

  test('cannot be approved in Slack, and the card says why', () =>
    inWorld(async (world) => {
      const receipt = await world.ask(opaque(world));
      expect(receipt.complete).toBe(false);
      const { blocks, text } = world.message(receipt);
      expect(actionIds(blocks)).toEqual(['csh_deny', 'csh_deny_reason']);
      expect(allTexts(blocks)).toContain(WORDS.opaque);
      expect(text).toStartWith('Bash: answer at the terminal');
      expect(world.slack.calls('files.getUploadURLExternal')).toEqual([]);
      expectNothingSent(world, '/opt/tools/cleanup --all');
    }));

  test('stays so in every form of the card', () =>
    inWorld(async (world) => {
      world.slack.fault('chat.postMessage', { kind: 'error', error: 'msg_too_long' });
      const receipt = await world.ask(opaque(world));
      expect(receipt.complete).toBe(false);
      expect(actionIds(world.message(receipt).blocks)).toEqual(['csh_deny', 'csh_deny_reason']);
      expect(world.receipts.some(({ complete }) => complete)).toBe(false);
    }));
});
